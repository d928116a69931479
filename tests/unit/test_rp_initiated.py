"""RP-Initiated Logout 1.0: hints, requests, decisions, and registration."""

from typing import Any
from urllib.parse import parse_qs
from urllib.parse import unquote
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_session._protocol.rp_initiated import address_standing
from idp_session._protocol.rp_initiated import check_registration
from idp_session._protocol.rp_initiated import Hint
from idp_session._protocol.rp_initiated import hint_from
from idp_session._protocol.rp_initiated import hint_standing
from idp_session._protocol.rp_initiated import LogoutParameters
from idp_session._protocol.rp_initiated import LogoutRequest
from idp_session._protocol.rp_initiated import validate
from idp_session.errors import InvalidClientMetadataError
from idp_session.models import AddressStanding
from idp_session.models import Client
from idp_session.models import HintStanding
from idp_session.models import SignedToken

ISSUER = "https://idp.test"
NOW = 1_000_000
DONE = "https://shop.test/done"
URIS = "post_logout_redirect_uris"

# 90 characters, all the punctuation of ASCII but "+", space and ";".
STATE = (
    "!\"#$%&'()*,-./0123456789:<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
    "abcdefghijklmnopqrstuvwxyz{|"
)[:90]

SHOP = Client(
    client_id="shop",
    post_logout_redirect_uris=(
        DONE,
        "https://shop.test/done?lang=de&x=%7e",
        "https://shop.test/done#here",
        "com.example.app:/done",
    ),
)
NEWS = Client(client_id="news", post_logout_redirect_uris=("https://news.test/bye",))
CLIENTS = {client.client_id: client for client in (SHOP, NEWS)}
HINT = Hint(client_id="shop", sub="alice", sid="5e55")
NO_SID = Hint(client_id="shop", sub="alice")


def token(
    *, header: dict[str, Any] | None = None, without: str = "", **claims: Any
) -> SignedToken:
    usual = {
        "iss": ISSUER,
        "sub": "alice",
        "aud": "shop",
        "sid": "5e55",
        "iat": NOW - 60,
        "exp": NOW + 60,
    }
    everything = usual | claims
    everything.pop(without, None)

    return SignedToken(header=header or {"alg": "RS256"}, claims=everything)


def read(signed: SignedToken | None, *, client_id: str | None = None) -> Hint | None:
    return hint_from(signed, iss=ISSUER, now=NOW, client_id=client_id)


def validated(
    hint: Hint | None = HINT,
    *,
    client_id: str | None = None,
    uri: str | None = DONE,
    state: str | None = None,
) -> LogoutRequest:
    parameters = LogoutParameters(
        client_id=client_id, post_logout_redirect_uri=uri, state=state
    )

    return validate(parameters, hint=hint, find_client=CLIENTS.get)


@pytest.mark.parametrize(
    "signed",
    [
        pytest.param(token(), id="plain"),
        pytest.param(token(exp=NOW - 10**7), id="expired long ago"),
        pytest.param(token(header={"typ": "JWT"}), id="typ JWT"),
        pytest.param(token(header={"typ": "jwt"}), id="typ in small letters"),
        pytest.param(token(aud=["shop"]), id="one audience in a list"),
        pytest.param(token(aud=["api", "shop"], azp="shop"), id="authorized party"),
        pytest.param(token(iat=NOW + 299), id="clocks a little apart"),
        pytest.param(token(iat=NOW - 0.5, exp=NOW + 0.5, nbf=NOW), id="fractions"),
    ],
)
def test_hint_of_an_id_token(signed: SignedToken) -> None:
    """An ID token of this provider is a hint, expired or not."""
    # RIL-OP-11, RIL-OP-12
    assert read(signed) == HINT


def test_hint_without_sid() -> None:
    """An older ID token without ``sid`` is still a hint."""
    assert read(token(without="sid")) == Hint(client_id="shop", sub="alice")


@pytest.mark.parametrize(
    "signed",
    [
        pytest.param(None, id="not signed by us"),
        pytest.param(token(iss="https://evil.test"), id="other issuer"),
        pytest.param(token(iss=ISSUER + "/"), id="almost the issuer"),
        pytest.param(token(without="iss"), id="no issuer"),
        pytest.param(token(without="sub"), id="no subject"),
        pytest.param(token(sub=""), id="empty subject"),
        pytest.param(token(sub=7), id="subject is a number"),
        pytest.param(token(sid=7), id="sid is a number"),
        pytest.param(token(sid=""), id="empty sid"),
        pytest.param(token(without="aud"), id="no audience"),
        pytest.param(token(aud=""), id="empty audience"),
        pytest.param(token(aud=[]), id="empty list of audiences"),
        pytest.param(token(aud=["shop", 7]), id="audience is a number"),
        pytest.param(token(aud={"shop": 1}), id="audience is an object"),
        pytest.param(token(aud=["shop", "news"]), id="ambiguous audience"),
        pytest.param(token(aud=["a", "b"], azp="shop"), id="party is no audience"),
        pytest.param(token(aud=["a", "b"], azp=["a"]), id="party is a list"),
        pytest.param(token(events={}), id="logout token"),
        pytest.param(token(header={"typ": "logout+jwt"}), id="typ of a logout token"),
        pytest.param(token(header={"typ": "at+jwt"}), id="typ of an access token"),
        pytest.param(token(header={"typ": 7}), id="typ is a number"),
        pytest.param(token(iat=NOW + 301), id="issued in the future"),
        pytest.param(token(nbf=NOW + 301), id="not valid yet"),
        pytest.param(token(iat="1"), id="iat is text"),
        pytest.param(token(exp="1"), id="exp is text"),
        pytest.param(token(nbf="1"), id="nbf is text"),
        pytest.param(token(exp=True), id="exp is a boolean"),
        pytest.param(token(exp=float("nan")), id="exp is not a number"),
        pytest.param(token(iat=float("-inf")), id="iat is infinite"),
        pytest.param(token(without="exp"), id="no exp"),
        pytest.param(token(without="iat"), id="no iat"),
    ],
)
def test_what_is_no_hint(signed: SignedToken | None) -> None:
    """Anything but an ID token of this provider for one known client is no hint."""
    # RIL-OP-11, RIL-OP-28, RIL-OP-30
    assert read(signed) is None


@pytest.mark.parametrize(
    ("client_id", "expected"),
    [
        pytest.param("news", "news", id="one of them"),
        pytest.param("else", None, id="none of them"),
        pytest.param(None, None, id="not named"),
    ],
)
def test_client_id_settles_an_open_audience(
    client_id: str | None, expected: str | None
) -> None:
    """Of several audiences the one that the request names is taken."""
    hint = read(token(aud=["shop", "news"]), client_id=client_id)

    assert (hint and hint.client_id) == expected


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"aud": "shop"}, id="text"),
        pytest.param({"aud": ["shop"]}, id="one"),
        pytest.param({"aud": ["news", "shop"], "azp": "shop"}, id="authorized party"),
    ],
)
def test_client_id_does_not_change_a_clear_audience(claims: dict[str, Any]) -> None:
    """Where the token says whom it was issued to, the request has no say."""
    # RIL-OP-14
    assert read(token(**claims), client_id="news") == HINT


def test_valid_request() -> None:
    """A hint and a registered address allow the redirect."""
    # RIL-OP-01, RIL-OP-05
    assert validated() == LogoutRequest(client=SHOP, hint=HINT, redirect_uri=DONE)


@pytest.mark.parametrize(
    "client_id", [pytest.param("shop", id="same"), pytest.param("", id="empty")]
)
def test_client_id_that_agrees(client_id: str) -> None:
    """A client id that says the same, or nothing, changes nothing."""
    assert validated(client_id=client_id) == validated()


def test_client_id_that_contradicts_the_hint() -> None:
    """Of a request that contradicts itself nothing is used."""
    # RIL-OP-14
    assert validated(client_id="news", state="s") == LogoutRequest()


def test_client_id_without_hint() -> None:
    """A client id alone gives the client a name, but no redirect."""
    # RIL-OP-15, RIL-OP-22
    assert validated(None, client_id="shop") == LogoutRequest(client=SHOP)


@pytest.mark.parametrize(
    "client_id",
    [
        pytest.param(None, id="missing"),
        pytest.param("", id="empty"),
        pytest.param("else", id="unknown"),
    ],
)
def test_request_from_nobody(client_id: str | None) -> None:
    """Without hint and known client nothing is left of a request."""
    # RIL-OP-19, RIL-OP-22
    assert validated(None, client_id=client_id, state="s") == LogoutRequest()


def test_hint_of_a_client_that_is_gone() -> None:
    """The hint of a client that is registered no more is not used."""
    # RIL-OP-28
    assert validated(Hint(client_id="else", sub="alice")) == LogoutRequest()


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("https://evil.test/", id="unregistered"),
        pytest.param(DONE + "?foo=bar", id="query added"),
        pytest.param(DONE + "/", id="slash added"),
        pytest.param(DONE + "#", id="fragment added"),
        pytest.param("HTTPS://shop.test/done", id="capitals"),
        pytest.param("https://shop.test:443/done", id="default port"),
        pytest.param("https://shop.test/x/../done", id="dots"),
        pytest.param(" " + DONE, id="space"),
        pytest.param("https://shop.test", id="prefix"),
        pytest.param("https://news.test/bye", id="of another client"),
    ],
)
def test_no_redirect(uri: str | None) -> None:
    """Only an address that is equal, as a string, to one of this client is used."""
    # RIL-OP-23, RIL-OP-24, RIL-OP-27
    assert validated(uri=uri, state="s") == LogoutRequest(client=SHOP, hint=HINT)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        pytest.param(DONE, DONE + "?state=a%20b", id="plain"),
        pytest.param(
            DONE + "?lang=de&x=%7e", DONE + "?lang=de&x=%7e&state=a%20b", id="query"
        ),
        pytest.param(DONE + "#here", DONE + "?state=a%20b#here", id="fragment"),
        pytest.param(
            "com.example.app:/done", "com.example.app:/done?state=a%20b", id="app"
        ),
    ],
)
def test_state_is_appended(uri: str, expected: str) -> None:
    """The state goes to the end of the query; the rest stays byte for byte."""
    # RIL-OP-04, RIL-OP-09, RIL-OP-10
    assert validated(uri=uri, state="a b").redirect_uri == expected


@pytest.mark.parametrize(
    "state", [pytest.param(None, id="none"), pytest.param("", id="empty")]
)
def test_no_state(state: str | None) -> None:
    """Without a state the address is exactly the registered one."""
    # RIL-OP-05
    assert validated(state=state).redirect_uri == DONE


def test_state_with_all_punctuation() -> None:
    """The state of the certification comes back byte for byte, however decoded."""
    # RIL-OP-03
    uri = validated(state=STATE).redirect_uri or ""

    assert len(STATE) == 90
    assert parse_qs(urlsplit(uri).query) == {"state": [STATE]}
    assert unquote(uri.removeprefix(DONE + "?state=")) == STATE


@given(state=st.text(min_size=1))
def test_any_state_survives(state: str) -> None:
    """Every state comes back, for decoders of forms and of URIs alike."""
    # RIL-OP-03
    uri = validated(uri=DONE + "#here", state=state).redirect_uri or ""
    query = urlsplit(uri).query

    assert parse_qs(query, strict_parsing=True) == {"state": [state]}
    assert unquote(query.removeprefix("state=")) == state
    assert uri.isascii()


def test_parameters_do_not_show_the_token() -> None:
    """The token does not get into a log with the parameters."""
    assert "eyJ" not in repr(LogoutParameters(id_token_hint="eyJhbGciOi"))


def standing_of(
    hint: Hint | None,
    *,
    current_sid: str | None = "5e55",
    sub_at_client: str | None = "alice",
    takes_part: bool = True,
    hint_given: bool = True,
) -> HintStanding:
    return hint_standing(
        LogoutRequest(hint=hint, hint_given=hint_given),
        current_sid=current_sid,
        sub_at_client=sub_at_client,
        takes_part=takes_part,
    )


@pytest.mark.parametrize(
    ("hint", "seen", "standing"),
    [
        pytest.param(HINT, {}, HintStanding.THIS_SESSION, id="this session"),
        pytest.param(NO_SID, {}, HintStanding.THIS_USER, id="this user, no sid"),
        pytest.param(None, {}, HintStanding.INVALID, id="invalid"),
        pytest.param(None, {"hint_given": False}, HintStanding.ABSENT, id="no hint"),
        pytest.param(
            HINT,
            {"current_sid": "07e4"},
            HintStanding.OTHER_SESSION,
            id="other session",
        ),
        pytest.param(
            HINT,
            {"current_sid": "07e4", "takes_part": False},
            HintStanding.OTHER_SESSION,
            id="other session, no part",
        ),
        pytest.param(
            HINT, {"sub_at_client": "bob"}, HintStanding.OTHER_USER, id="other user"
        ),
        pytest.param(
            NO_SID,
            {"sub_at_client": "bob"},
            HintStanding.OTHER_USER,
            id="other user, no sid",
        ),
        pytest.param(
            HINT,
            {"sub_at_client": "bob", "current_sid": "07e4"},
            HintStanding.OTHER_USER,
            id="other user, other session",
        ),
        pytest.param(HINT, {"takes_part": False}, HintStanding.NO_PART, id="no part"),
        pytest.param(
            NO_SID, {"takes_part": False}, HintStanding.NO_PART, id="no part, no sid"
        ),
        pytest.param(
            HINT,
            {"current_sid": None, "sub_at_client": None},
            HintStanding.NO_SESSION,
            id="signed out",
        ),
    ],
)
def test_hint_standing(
    hint: Hint | None, seen: dict[str, Any], standing: HintStanding
) -> None:
    """Whose a hint is, is known by its session first, and then by its user."""
    # RIL-OP-12, RIL-OP-13, RIL-OP-17, RIL-OP-20
    assert standing_of(hint, **seen) is standing


@pytest.mark.parametrize(
    ("hint", "uri", "standing"),
    [
        pytest.param(HINT, DONE, AddressStanding.REGISTERED, id="registered"),
        pytest.param(HINT, DONE + "/", AddressStanding.UNREGISTERED, id="near miss"),
        pytest.param(None, DONE, AddressStanding.UNPROVED, id="no hint"),
        pytest.param(HINT, None, AddressStanding.ABSENT, id="none"),
        pytest.param(HINT, "", AddressStanding.ABSENT, id="empty"),
    ],
)
def test_address_standing(
    hint: Hint | None, uri: str | None, standing: AddressStanding
) -> None:
    """An address counts if the client that proves to ask has registered it."""
    # RIL-OP-22, RIL-OP-23
    assert address_standing(validated(hint, uri=uri)) is standing


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("javascript:alert(1)", id="script"),
        pytest.param("JavaScript:alert(1)", id="capitals"),
        pytest.param(" javascript:alert(1)", id="blank in front"),
        pytest.param("java\nscript:alert(1)", id="line break inside"),
        pytest.param("\x01javascript:alert(1)", id="control character in front"),
        pytest.param("data:text/html,<script>alert(1)</script>", id="data"),
        pytest.param("file:///etc/passwd", id="file"),
        pytest.param("https://shop.test/\r\nSet-Cookie: a=b", id="header line"),
    ],
)
def test_an_address_that_should_not_have_been_registered(uri: str) -> None:
    """A host that has let a script be registered does not run it on our pages."""
    client = Client(client_id="shop", post_logout_redirect_uris=(uri,))

    request = validate(
        LogoutParameters(id_token_hint="…", post_logout_redirect_uri=uri),
        hint=HINT,
        find_client={"shop": client}.get,
    )

    assert request.client is client
    assert request.redirect_uri is None
    assert address_standing(request) is AddressStanding.UNREGISTERED


@pytest.mark.parametrize(
    ("exp", "expired"),
    [
        pytest.param(NOW + 1, False, id="good for a second"),
        pytest.param(NOW, True, id="just over"),
    ],
)
def test_an_expired_hint_says_so(exp: int, expired: bool) -> None:
    """Whoever decides hears that a hint has expired; it is a hint all the same."""
    # RIL-OP-12
    hint = read(token(exp=exp))

    assert hint is not None
    assert hint.expired is expired


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({}, id="nothing"),
        pytest.param({URIS: []}, id="empty"),
        pytest.param({URIS: [DONE, "https://shop.test/?a=b"]}, id="https"),
        pytest.param({URIS: ["http://shop.test/done"]}, id="http with a secret"),
        pytest.param(
            {URIS: ["com.example.app:/done", "app://done?x"]} | {"x": 1}, id="apps"
        ),
        pytest.param(
            {URIS: ["app:/done"], "token_endpoint_auth_method": "none"}, id="public app"
        ),
    ],
)
def test_accepted_registration(metadata: dict[str, Any]) -> None:
    """What the specification allows is accepted, native apps included."""
    # RIL-OP-10, RIL-OP-32
    check_registration(metadata)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param(None, "array", id="null"),
        pytest.param(DONE, "array", id="one string"),
        pytest.param({DONE: 1}, "array", id="object"),
        pytest.param([DONE, 7], "absolute", id="number"),
        pytest.param([DONE, None], "absolute", id="null inside"),
        pytest.param(["/done"], "absolute", id="relative"),
        pytest.param(["7app:/done"], "absolute", id="scheme begins with a digit"),
        pytest.param(["app:/done\r\nX: y"], "absolute", id="line break"),
        pytest.param(["java\tscript:alert(1)"], "absolute", id="tab in the scheme"),
        pytest.param([DONE + "#x"], "fragment", id="fragment"),
        pytest.param(["https:///done"], "host", id="no host"),
        pytest.param(["https://a@shop.test/"], "user", id="user"),
        pytest.param(["JavaScript:alert(1)"], "javascript", id="javascript"),
        pytest.param(["data:text/html,x"], "data", id="data"),
        pytest.param(["vbscript:x"], "vbscript", id="vbscript"),
        pytest.param(["file:///etc/hosts"], "file", id="file"),
        pytest.param(["blob:https://a.test/1"], "blob", id="blob"),
    ],
)
def test_refused_registration(value: Any, words: str) -> None:
    """An address that could hurt the user or the provider is refused."""
    # RIL-OP-32
    with pytest.raises(InvalidClientMetadataError, match=words) as caught:
        check_registration({URIS: value})

    assert caught.value.member == URIS


def test_http_needs_a_secret() -> None:
    """A client that cannot keep a secret has to use https."""
    # RIL-OP-32
    with pytest.raises(InvalidClientMetadataError, match="https"):
        check_registration(
            {URIS: ["http://a.test/"], "token_endpoint_auth_method": "none"}
        )
