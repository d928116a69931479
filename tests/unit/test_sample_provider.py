"""The sample provider through Flask's test client."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp_session import LogoutReason

from .hosts import attributes
from .hosts import HANDLE
from .hosts import Page
from .hosts import SESSION_ID
from .sample_host import APP
from .sample_host import asked
from .sample_host import CLIENTS
from .sample_host import EXTENSION
from .sample_host import ISSUER
from .sample_host import PKCE
from .sample_host import Provider
from .sample_host import provider
from .sample_host import query_of
from .sample_host import SHOP
from .sample_host import VERIFIER

AUTHORIZE = "/connect/authorize"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose keys are made once, since that is slow."""
    return tmp_path_factory.mktemp("sample")


@pytest.fixture(scope="module")
def idp(data: Path) -> Iterator[Provider]:
    """The provider; every test brings its own browser."""
    it = provider(data)
    yield it
    it.app.extensions["idp_session"].engine.dispose()


@pytest.fixture
def alice(idp: Provider) -> FlaskClient:
    """A browser in which alice is signed in."""
    return idp.signed_in()


def sid_of(browser: FlaskClient) -> str:
    cookie = browser.get_cookie(SESSION_ID, domain="idp.test")
    assert cookie is not None

    return cookie.value


def is_signed_in(browser: FlaskClient) -> bool:
    return browser.get("/account/").status_code == 200


# Discovery


def test_discovery(idp: Provider) -> None:
    """The document says what the certification asks for."""
    # DISC-OP-01, DISC-OP-02, DISC-OP-04..09, DISC-OP-11
    response = idp.browser().get("/.well-known/openid-configuration")
    document = response.get_json()

    assert (response.status_code, response.mimetype) == (200, "application/json")
    assert document["issuer"] == ISSUER
    assert document["end_session_endpoint"] == f"{ISSUER}/connect/endsession"
    assert document["check_session_iframe"] == f"{ISSUER}/connect/checksession"
    assert document["frontchannel_logout_supported"] is True
    assert document["frontchannel_logout_session_supported"] is True
    assert document["backchannel_logout_supported"] is True
    assert document["backchannel_logout_session_supported"] is True


def test_endpoints_of_the_discovery(idp: Provider) -> None:
    """Every address begins with the issuer, whatever host is asked, and answers."""
    # DISC-OP-03
    browser = idp.browser()
    document = browser.get(
        "/.well-known/openid-configuration", base_url="https://evil.test"
    ).get_json()
    addresses = [
        value
        for name, value in document.items()
        if name.endswith(("_endpoint", "_uri", "_iframe"))
    ]

    assert len(addresses) == 9
    assert {urlsplit(each)._replace(path="").geturl() for each in addresses} == {ISSUER}
    assert 404 not in {browser.get(urlsplit(e).path).status_code for e in addresses}


def test_keys(idp: Provider) -> None:
    """The published keys have no private members, and fit the algorithms."""
    keys = idp.browser().get("/connect/jwks").get_json()["keys"]

    assert {key["kty"] for key in keys} == {"RSA", "EC", "OKP"}
    assert all(key["use"] == "sig" and key["kid"] for key in keys)
    assert not {"d", "p", "q", "k"} & {name for key in keys for name in key}


# Signing in


@pytest.mark.parametrize(
    ("username", "password"),
    [
        pytest.param("alice", "bob", id="wrong password"),
        pytest.param("alice", "", id="no password"),
        pytest.param("mallory", "mallory", id="unknown"),
        pytest.param("", "", id="nothing"),
        pytest.param("Alice", "Alice", id="capital"),
        pytest.param("ä\x00<b>", "\ud800".encode("utf-8", "replace"), id="odd"),
        pytest.param("x" * 100_000, "x" * 100_000, id="long"),
    ],
)
def test_wrong_credentials(idp: Provider, username: str, password: str) -> None:
    """Whoever does not know them sees the form again, with a message, as a 401."""
    browser = idp.browser()

    response = browser.post("/login", data={"username": username, "password": password})

    assert response.status_code == 401
    assert "do not belong together" in response.text
    assert "<b>" not in response.text
    assert attributes(response) == {}


def test_login_without_fields(idp: Provider) -> None:
    """A form without fields is a wrong one."""
    assert idp.browser().post("/login").status_code == 401


@pytest.mark.parametrize("username", ["alice", "bob", "admin"])
def test_login(idp: Provider, username: str) -> None:
    """The password is the name; the handle is new and nobody's but this browser's."""
    browser = idp.browser()

    response = idp.log_in(browser, username)

    assert (response.status_code, response.headers["Location"]) == (303, "/account/")
    assert attributes(response).keys() == {HANDLE, SESSION_ID}
    assert username in browser.get("/account/").text


def test_remember(idp: Provider) -> None:
    """Who wants to be remembered is kept beyond the browser's end."""
    browser = idp.browser()
    form = {"username": "alice", "password": "alice", "remember": "yes"}

    response = browser.post("/login", data=form)

    assert "expires" in attributes(response)[HANDLE]


def test_account_of_nobody(idp: Provider) -> None:
    """Nobody's account is the sign-in page, and leads back."""
    browser = idp.browser()

    response = browser.get("/account/")
    after = idp.log_in(browser, at=response.headers["Location"])

    assert after.headers["Location"] == "/account/"


def test_home(idp: Provider) -> None:
    """The root leads to the account."""
    assert idp.browser().get("/").headers["Location"] == "/account/"


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("https://evil.test/", id="absolute"),
        pytest.param("//evil.test/", id="no scheme"),
        pytest.param("/\\evil.test/", id="backslash"),
        pytest.param("\\\\evil.test", id="backslashes"),
        pytest.param("/\t/evil.test", id="tab"),
        pytest.param("\t//evil.test", id="tab in front"),
        pytest.param("/\n/evil.test", id="line end"),
        pytest.param("/\r\nLocation: https://evil.test", id="header"),
        pytest.param("///evil.test", id="three slashes"),
        pytest.param("javascript:alert(1)", id="script"),
        pytest.param("evil.test", id="relative"),
        pytest.param("@evil.test", id="user"),
        pytest.param(" //evil.test", id="space"),
        pytest.param("/\x00//evil.test", id="NUL"),
        pytest.param("", id="empty"),
        pytest.param("/" + "x" * 100_000 + "\n", id="long"),
    ],
)
def test_login_is_no_open_redirector(idp: Provider, target: str) -> None:
    """After a sign-in there is no way to other sites but through their requests."""
    browser = idp.browser()

    response = browser.post(
        "/login",
        query_string={"next": target},
        data={"username": "alice", "password": "alice"},
    )

    assert (response.status_code, response.headers["Location"]) == (303, "/account/")


_FOREIGN: list[Any] = [
    pytest.param({"Origin": "https://evil.test"}, id="origin"),
    pytest.param({"Origin": "null"}, id="null"),
    pytest.param({"Origin": "https://idp.test.evil.test"}, id="look-alike"),
    pytest.param({"Origin": "http://idp.test"}, id="other scheme"),
    pytest.param({"Origin": "https://idp.test:8443"}, id="other port"),
    pytest.param({"Sec-Fetch-Site": "cross-site"}, id="cross-site"),
    pytest.param({"Sec-Fetch-Site": "same-site"}, id="same-site"),
    pytest.param({"Sec-Fetch-Site": "noise"}, id="noise"),
    pytest.param(
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://idp.test"}, id="both"
    ),
]
_OWN: list[Any] = [
    pytest.param({}, id="no browser"),
    pytest.param({"Origin": "https://idp.test"}, id="origin"),
    pytest.param(
        {"Origin": "https://idp.test", "Sec-Fetch-Site": "same-origin"}, id="both"
    ),
]


@pytest.mark.parametrize("headers", _FOREIGN)
def test_a_login_form_of_another_site(idp: Provider, headers: dict[str, str]) -> None:
    """Nobody is signed in as somebody else by a page that they look at."""
    browser = idp.browser()

    response = idp.log_in(browser, "bob", headers=headers)

    assert response.status_code == 403
    assert attributes(response) == {}


@pytest.mark.parametrize("headers", _OWN)
def test_our_own_login_form(idp: Provider, headers: dict[str, str]) -> None:
    """Our own page signs in, and so does whatever is no browser."""
    assert idp.log_in(idp.browser(), headers=headers).status_code == 303


@pytest.mark.parametrize("path", ["/login", "/account/"])
def test_pages_are_safe(alice: FlaskClient, path: str) -> None:
    """Pages are not stored and not framed, and run nothing."""
    headers = alice.get(path).headers

    assert "no-store" in headers["Cache-Control"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "Referrer-Policy" in headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"


def test_login_hint(idp: Provider) -> None:
    """The name that a client suggests is filled in, and is only a name."""
    response = idp.browser().get("/login?login_hint=%22%3E%3Cscript%3E")

    assert 'value="&#34;&gt;&lt;script&gt;"' in response.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/nowhere", 404, id="no page"),
        pytest.param("GET", "/%00%ff", 404, id="odd"),
        pytest.param("GET", "/connect/token", 405, id="token by GET"),
        pytest.param("PUT", "/login", 405, id="PUT"),
        pytest.param("POST", "/connect/jwks", 405, id="POST of keys"),
    ],
)
def test_other_pages(idp: Provider, method: str, path: str, status: int) -> None:
    """What is not there is a page that says so."""
    response = idp.browser().open(path, method=method)

    assert (response.status_code, response.mimetype) == (status, "text/html")


def test_a_body_that_is_too_large(idp: Provider) -> None:
    """A quarter of a megabyte is enough for every form."""
    response = idp.browser().post("/login", data={"username": "x" * 300_000})

    assert response.status_code == 413


# Code flow


@pytest.mark.parametrize(
    ("challenge", "proof"),
    [
        pytest.param({}, {}, id="without PKCE"),
        pytest.param(PKCE, {"code_verifier": VERIFIER}, id="S256"),
        pytest.param(
            {"code_challenge": VERIFIER}, {"code_verifier": VERIFIER}, id="plain"
        ),
    ],
)
def test_code_flow(
    idp: Provider, alice: FlaskClient, challenge: dict[str, str], proof: dict[str, Any]
) -> None:
    """A code becomes an ID token of this session, an access and a refresh token."""
    code = idp.code(alice, **challenge)

    response = idp.exchange(code, **proof)
    answer = response.get_json()
    claims = idp.claims(answer["id_token"])

    assert "no-store" in response.headers["Cache-Control"]
    assert answer.keys() == {
        "access_token",
        "expires_in",
        "id_token",
        "refresh_token",
        "scope",
        "token_type",
    }
    assert (claims["iss"], claims["aud"], claims["sub"]) == (ISSUER, "shop", "alice")
    assert (claims["sid"], claims["nonce"]) == (sid_of(alice), "a nonce")
    assert claims["amr"] == ["pwd"]
    assert claims["exp"] - claims["iat"] == 3600
    assert 0 <= time.time() - claims["auth_time"] < 60


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "PS256", "HS256"])
def test_algorithms(idp: Provider, alice: FlaskClient, algorithm: str) -> None:
    """Each client gets its tokens signed as it wants."""
    client = {**SHOP, "client_id": f"shop-{algorithm}"}
    code = idp.code(alice, client_id=client["client_id"])

    token = idp.exchange(code, client=client).get_json()["id_token"]
    header = json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))

    assert header["alg"] == algorithm


def test_lifetime_of_id_tokens(data: Path) -> None:
    """The lifetime is a setting."""
    idp = provider(data, id_token_lifetime=60)

    claims = idp.claims(idp.tokens(idp.signed_in())["id_token"])
    idp.app.extensions["idp_session"].engine.dispose()

    assert claims["exp"] - claims["iat"] == 60


@pytest.mark.parametrize(
    ("client", "redirect_uri"),
    [
        pytest.param(APP, "https://app.test/callback", id="public"),
        pytest.param(CLIENTS[2], "https://asking.test/callback", id="post"),
    ],
)
def test_other_ways_to_say_who_one_is(
    idp: Provider, alice: FlaskClient, client: dict[str, Any], redirect_uri: str
) -> None:
    """Public clients bring their proof key, others their secret in the form."""
    request = asked(client_id=client["client_id"], redirect_uri=redirect_uri, **PKCE)
    answered = alice.post(
        AUTHORIZE, query_string=request, data={"allow": "yes"}, headers={}
    )

    response = idp.exchange(
        query_of(answered)["code"],
        client=client,
        redirect_uri=redirect_uri,
        code_verifier=VERIFIER,
    )

    assert response.status_code == 200


def test_a_native_app(idp: Provider, alice: FlaskClient) -> None:
    """An app's own scheme is a way back like any other."""
    location = idp.authorize(
        alice, client_id="app", redirect_uri="com.example.app:/callback", **PKCE
    ).headers["Location"]

    assert location.startswith("com.example.app:/callback?code=")


_BAD_EXCHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "wrong verifier": ({"code_verifier": VERIFIER[::-1]}, "invalid_grant"),
    "no verifier": ({}, "invalid_request"),
    "malformed verifier": ({"code_verifier": "ä\x00"}, "invalid_request"),
    "other redirect_uri": (
        {"code_verifier": VERIFIER, "redirect_uri": "https://evil.test/"},
        "invalid_grant",
    ),
    "no redirect_uri": (
        {"code_verifier": VERIFIER, "redirect_uri": None},
        "invalid_grant",
    ),
    "other client": (
        {"code_verifier": VERIFIER, "client": {**SHOP, "client_id": "shop-ES256"}},
        "invalid_grant",
    ),
    "wrong secret": (
        {"code_verifier": VERIFIER, "client": {**SHOP, "client_secret": "wrong"}},
        "invalid_client",
    ),
    "unknown client": (
        {"code_verifier": VERIFIER, "client": {**SHOP, "client_id": "else"}},
        "invalid_client",
    ),
    "other way to say who one is": (
        {
            "code_verifier": VERIFIER,
            "client": {**SHOP, "token_endpoint_auth_method": "client_secret_post"},
        },
        "invalid_client",
    ),
    "as a public client": (
        {
            "code_verifier": VERIFIER,
            "client": {**SHOP, "token_endpoint_auth_method": "none"},
        },
        "invalid_client",
    ),
}


@pytest.mark.parametrize("name", _BAD_EXCHANGES)
def test_codes_that_are_refused(idp: Provider, alice: FlaskClient, name: str) -> None:
    """A code is for one client, one address and whoever asked for it."""
    given, error = _BAD_EXCHANGES[name]

    response = idp.exchange(idp.code(alice, **PKCE), **given)

    assert response.status_code in {400, 401}
    assert response.get_json()["error"] == error


def test_a_public_client_needs_a_proof_key(idp: Provider, alice: FlaskClient) -> None:
    """Without a secret and without PKCE anybody could bring the code."""
    uri = "https://app.test/callback"
    code = idp.code(alice, client_id="app", redirect_uri=uri)

    response = idp.exchange(code, client=APP, redirect_uri=uri)

    assert response.get_json()["error"] == "invalid_request"


def test_a_verifier_without_challenge(idp: Provider, alice: FlaskClient) -> None:
    """A proof that nobody asked for is a sign of an attack (RFC 9700 §4.8)."""
    response = idp.exchange(idp.code(alice), code_verifier=VERIFIER)

    assert response.get_json()["error"] == "invalid_request"


def test_a_code_twice(idp: Provider, alice: FlaskClient) -> None:
    """A code is used once."""
    code = idp.code(alice)

    first, second = idp.exchange(code), idp.exchange(code)

    assert (first.status_code, second.get_json()["error"]) == (200, "invalid_grant")


def test_a_code_of_an_ended_session(idp: Provider, alice: FlaskClient) -> None:
    """What was given out in a session that is over is worth nothing."""
    code = idp.code(alice)
    end(idp, alice)

    assert idp.exchange(code).get_json()["error"] == "invalid_grant"


def end(idp: Provider, browser: FlaskClient) -> None:
    with idp.app.app_context():
        assert EXTENSION.end(sid_of(browser), reason=LogoutReason.ADMIN)


def test_scope_is_what_is_registered(idp: Provider, alice: FlaskClient) -> None:
    """A client gets no scope that it has not registered."""
    uri = "https://app.test/callback"
    request = {"client_id": "app", "redirect_uri": uri, **PKCE}
    code = idp.code(alice, scope="openid offline_access admin", **request)

    answer = idp.exchange(
        code, client=APP, redirect_uri=uri, code_verifier=VERIFIER
    ).get_json()

    assert answer["scope"] == "openid"


# prompt, max_age, id_token_hint


def outcome(response: TestResponse) -> str:
    """``login``, ``consent``, ``code``, ``page``, or the error that the client gets."""
    if response.status_code == 200:
        return "consent"

    if response.status_code == 400:
        return "page"

    if response.headers["Location"].startswith("/login?"):
        return "login"

    answer = query_of(response)

    return "code" if "code" in answer else answer["error"]


@pytest.mark.parametrize(
    ("given", "signed_in", "nobody"),
    [
        pytest.param({}, "code", "login", id="nothing"),
        pytest.param({"prompt": "none"}, "code", "login_required", id="none"),
        pytest.param({"prompt": "login"}, "login", "login", id="login"),
        pytest.param({"prompt": "select_account"}, "login", "login", id="select"),
        pytest.param({"prompt": "consent"}, "consent", "login", id="consent"),
        pytest.param({"max_age": "0"}, "login", "login", id="max_age 0"),
        pytest.param({"max_age": "1000"}, "code", "login", id="max_age"),
        pytest.param(
            {"max_age": "x"}, "invalid_request", "invalid_request", id="wrong max_age"
        ),
        pytest.param(
            {"prompt": "none consent"}, "invalid_request", "invalid_request", id="two"
        ),
        pytest.param(
            {"client_id": "asking", "redirect_uri": "https://asking.test/callback"},
            "consent",
            "login",
            id="client that asks",
        ),
        pytest.param(
            {
                "client_id": "asking",
                "redirect_uri": "https://asking.test/callback",
                "prompt": "none",
            },
            "consent_required",
            "login_required",
            id="client that asks, none",
        ),
    ],
)
def test_who_is_asked_what(
    idp: Provider,
    alice: FlaskClient,
    given: dict[str, str],
    signed_in: str,
    nobody: str,
) -> None:
    """A request is answered, leads to a page, or is refused: as it says."""
    # SSO-OP-01..05, RIL-OP-06, RIL-OP-07
    time.sleep(0.001)

    assert outcome(idp.authorize(alice, **given)) == signed_in
    assert outcome(idp.authorize(idp.browser(), **given)) == nobody


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="nobody"),
        pytest.param({"prompt": "login"}, id="login"),
        pytest.param({"max_age": "0"}, id="max_age 0"),
        pytest.param({"prompt": "select_account"}, id="select_account"),
    ],
)
def test_through_the_sign_in_page(idp: Provider, given: dict[str, str]) -> None:
    """The page leads back to where it came from, once."""
    # SSO-OP-03, SSO-OP-04
    browser = idp.browser() if not given else idp.signed_in()
    first = idp.authorize(browser, **given)

    second = idp.log_in(browser, at=first.headers["Location"])
    third = browser.get(second.headers["Location"])

    assert query_of(third)["state"] == "a state"
    assert outcome(third) == "code"


@pytest.mark.parametrize("given", [{"prompt": "login consent"}, {"prompt": "consent"}])
@pytest.mark.parametrize(
    ("button", "expected"),
    [
        pytest.param("allow", "code", id="yes"),
        pytest.param("deny", "access_denied", id="no"),
    ],
)
def test_through_the_consent_page(
    idp: Provider, given: dict[str, str], button: str, expected: str
) -> None:
    """The user's answer decides, after a login of its own where one is asked for."""
    browser = idp.browser()
    first = idp.authorize(browser, **given)
    back = idp.log_in(browser, at=first.headers["Location"]).headers["Location"]

    question = browser.get(back)
    answer = browser.post(back, data={button: "yes"})

    assert outcome(question) == "consent"
    assert outcome(answer) == expected


@pytest.mark.parametrize("headers", _FOREIGN)
def test_a_consent_form_of_another_site(
    alice: FlaskClient, headers: dict[str, str]
) -> None:
    """Nobody else presses the button."""
    response = alice.post(
        AUTHORIZE,
        query_string=asked(prompt="consent"),
        data={"allow": "yes"},
        headers=headers,
    )

    assert response.status_code == 403


def test_consent_in_the_address(idp: Provider, alice: FlaskClient) -> None:
    """An address presses no button either."""
    assert outcome(idp.authorize(alice, prompt="consent", allow="yes")) == "consent"


def test_names_on_the_consent_page(idp: Provider, alice: FlaskClient) -> None:
    """Names of clients are words, and nothing else."""
    response = idp.authorize(
        alice,
        client_id="asking",
        redirect_uri="https://asking.test/callback",
        scope="openid <script>",
    )

    assert "<b>Asking</b>" in Page(response).text
    assert not {"b", "script"} & set(Page(response).tags)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        pytest.param("alice", "code", id="this user"),
        pytest.param("bob", "login_required", id="another one"),
    ],
)
def test_hints(idp: Provider, alice: FlaskClient, subject: str, expected: str) -> None:
    """A silent request for another user than the one here is refused."""
    # SSO-OP-06, SSO-OP-07
    hint = idp.tokens(idp.signed_in(subject))["id_token"]

    response = idp.authorize(alice, prompt="none", id_token_hint=hint)

    assert outcome(response) == expected


def test_a_hint_for_another_user(idp: Provider, alice: FlaskClient) -> None:
    """That user may sign in; if it is still another one, the client hears of it."""
    hint = idp.tokens(idp.signed_in("bob"))["id_token"]
    first = idp.authorize(alice, id_token_hint=hint)

    back = idp.log_in(alice, "alice", at=first.headers["Location"])
    wrong = alice.get(back.headers["Location"])
    back = idp.log_in(alice, "bob", at=first.headers["Location"])
    right = alice.get(back.headers["Location"])

    assert [outcome(r) for r in (first, wrong, right)] == [
        "login",
        "login_required",
        "code",
    ]


def test_user_switch(idp: Provider, alice: FlaskClient) -> None:
    """Another user's sign-in ends the first session and what was given out in it."""
    # SSO-OP-08, BCL-OP-33
    tokens = idp.tokens(alice)
    before = sid_of(alice)

    idp.log_in(alice, "bob")

    owed = idp.app.extensions["idp_session"].queue.of_session(before)
    assert [each.reason for each in owed] == [LogoutReason.USER_SWITCH]
    assert sid_of(alice) != before
    assert not idp.is_active(tokens["access_token"])


# Tokens


def test_refresh_tokens_are_rotated(idp: Provider, alice: FlaskClient) -> None:
    """Each refresh gives a new pair, and the old one is worth nothing."""
    first = idp.tokens(alice)

    second = idp.refresh(first["refresh_token"]).get_json()
    again = idp.refresh(first["refresh_token"]).get_json()

    assert second["refresh_token"] != first["refresh_token"]
    assert again["error"] == "invalid_grant"
    assert not idp.is_active(first["access_token"])


@pytest.mark.parametrize(
    ("scope", "lives"),
    [
        pytest.param("openid", False, id="session"),
        pytest.param("openid offline_access", True, id="offline_access"),
    ],
)
def test_tokens_and_the_end_of_the_session(
    idp: Provider, alice: FlaskClient, scope: str, *, lives: bool
) -> None:
    """Tokens end with their session, unless the user granted offline access."""
    # BCL-OP-34
    tokens = idp.tokens(alice, scope=scope)
    end(idp, alice)

    refreshed = idp.refresh(tokens["refresh_token"])

    assert (refreshed.status_code == 200) is lives
    assert idp.is_active(tokens["access_token"]) is False
    userinfo = bearer(idp, tokens["access_token"])
    assert userinfo.status_code == 401


def test_tokens_of_a_session_that_ended_elsewhere(
    idp: Provider, alice: FlaskClient
) -> None:
    """Nothing depends on what the process in which the session ended could still do."""
    # BCL-OP-34
    tokens = idp.tokens(alice)
    state = idp.app.extensions["idp_session"]
    state.store.end(
        sid_of(alice), reason=LogoutReason.ADMIN, ended_at=state.clock.now()
    )

    assert not idp.is_active(tokens["access_token"])
    assert idp.refresh(tokens["refresh_token"]).get_json()["error"] == "invalid_grant"


def test_access_tokens_with_offline_access(idp: Provider, alice: FlaskClient) -> None:
    """The access token of an offline grant lives on too."""
    tokens = idp.tokens(alice, scope="openid offline_access")
    end(idp, alice)

    assert idp.is_active(tokens["access_token"])


def test_a_refreshed_token_ends_as_well(idp: Provider, alice: FlaskClient) -> None:
    """A rotation does not detach tokens from their session."""
    # BCL-OP-34
    tokens = idp.refresh(idp.tokens(alice)["refresh_token"]).get_json()
    end(idp, alice)

    assert idp.refresh(tokens["refresh_token"]).status_code == 400
    assert not idp.is_active(tokens["access_token"])


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(
            {"client": {**SHOP, "client_id": "shop-ES256"}}, id="other client"
        ),
        pytest.param({"scope": "openid profile email admin"}, id="more scope"),
    ],
)
def test_refreshes_that_are_refused(
    idp: Provider, alice: FlaskClient, given: dict[str, Any]
) -> None:
    """A refresh token is for its client, and for no more than was granted."""
    token = idp.tokens(alice)["refresh_token"]

    assert idp.refresh(token, **given).status_code == 400


def bearer(idp: Provider, token: str) -> TestResponse:
    return idp.browser().get(
        "/connect/userinfo", headers={"Authorization": f"Bearer {token}"}
    )


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        pytest.param("openid", {"sub": "alice"}, id="openid"),
        pytest.param(
            "openid profile email",
            {
                "sub": "alice",
                "name": "Alice Adams",
                "preferred_username": "alice",
                "email": "alice@example.test",
                "email_verified": True,
            },
            id="all",
        ),
    ],
)
def test_userinfo(
    idp: Provider, alice: FlaskClient, scope: str, expected: dict[str, Any]
) -> None:
    """A client hears what it was granted."""
    response = bearer(idp, idp.tokens(alice, scope=scope)["access_token"])

    assert response.get_json() == expected
    assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"Authorization": "Bearer "}, id="empty"),
        pytest.param({"Authorization": "Bearer x"}, id="unknown"),
        pytest.param({"Authorization": "Bearer \xe4\xff"}, id="not ASCII"),
        pytest.param({"Authorization": "Bearer a b c"}, id="several"),
        pytest.param({"Authorization": "Basic eDp5"}, id="basic"),
        pytest.param({"Authorization": "x" * 50_000}, id="long"),
    ],
)
def test_userinfo_without_a_token(idp: Provider, headers: dict[str, str]) -> None:
    """Without a good token nobody is told anything."""
    response = idp.browser().get("/connect/userinfo", headers=headers)

    assert response.status_code == 401


def test_a_refresh_token_is_no_access_token(idp: Provider, alice: FlaskClient) -> None:
    """One kind of token does not pass for the other one."""
    tokens = idp.tokens(alice)

    assert bearer(idp, tokens["refresh_token"]).status_code == 401
    assert idp.refresh(tokens["access_token"]).status_code == 400


def test_introspection(idp: Provider, alice: FlaskClient) -> None:
    """A client hears of its own token what it stands for."""
    token = idp.tokens(alice)["access_token"]

    answer = idp.as_client("introspection", {"token": token}).get_json()

    assert answer["active"]
    assert (answer["client_id"], answer["sub"]) == ("shop", "alice")
    assert answer["sid"] == sid_of(alice)


def test_introspection_by_another_client(idp: Provider, alice: FlaskClient) -> None:
    """Of other clients' tokens it hears nothing."""
    token = idp.tokens(alice)["access_token"]
    other = {**SHOP, "client_id": "shop-ES256"}

    answer = idp.as_client("introspection", {"token": token}, client=other).get_json()

    assert answer == {"active": False}


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_revocation(idp: Provider, alice: FlaskClient, kind: str) -> None:
    """A token that is taken back takes its pair with it."""
    tokens = idp.tokens(alice)

    response = idp.as_client("revocation", {"token": tokens[kind]})

    assert response.status_code == 200
    assert not idp.is_active(tokens["access_token"])
    assert idp.refresh(tokens["refresh_token"]).status_code == 400


def test_revocation_by_another_client(idp: Provider, alice: FlaskClient) -> None:
    """Nobody takes back what is not theirs."""
    tokens = idp.tokens(alice)
    other = {**SHOP, "client_id": "shop-ES256"}

    idp.as_client("revocation", {"token": tokens["access_token"]}, client=other)

    assert idp.is_active(tokens["access_token"])


def test_revocation_of_an_unknown_token(idp: Provider) -> None:
    """What is not there is taken back already (RFC 7009 §2.2)."""
    assert idp.as_client("revocation", {"token": "x"}).status_code == 200


# Registration


@pytest.fixture(scope="module")
def open_idp(data: Path) -> Iterator[Provider]:
    """A provider at which anybody may register."""
    it = provider(data, open_registration=True)
    yield it
    it.app.extensions["idp_session"].engine.dispose()


GOOD: dict[str, Any] = {
    "client_name": "New",
    "redirect_uris": ["https://new.test/callback"],
    "post_logout_redirect_uris": ["https://new.test/done"],
    "frontchannel_logout_uri": "https://new.test/front",
    "frontchannel_logout_session_required": True,
    "backchannel_logout_uri": "https://new.test/back",
    "backchannel_logout_session_required": True,
    "grant_types": ["authorization_code", "refresh_token"],
}


def registered(idp: Provider, metadata: Any) -> TestResponse:
    return idp.browser().post("/connect/register", json=metadata)


def test_registration(open_idp: Provider) -> None:
    """A client is told what was registered, and may use it at once."""
    # DISC-OP-12
    response = registered(open_idp, {**GOOD, "unknown": "x"})
    client = response.get_json()
    browser = open_idp.signed_in()
    code = open_idp.code(
        browser, client_id=client["client_id"], redirect_uri=GOOD["redirect_uris"][0]
    )
    tokens = open_idp.exchange(
        code, client=client, redirect_uri=GOOD["redirect_uris"][0]
    )

    assert (response.status_code, response.mimetype) == (201, "application/json")
    assert "no-store" in response.headers["Cache-Control"]
    assert GOOD.items() <= client.items()
    assert len(client["client_secret"]) >= 43
    assert "unknown" not in client
    assert tokens.status_code == 200


def test_registration_chooses_no_secret(open_idp: Provider) -> None:
    """A secret is given by the provider, whatever the client would like."""
    client = registered(open_idp, {**GOOD, "client_secret": "x"}).get_json()

    assert client["client_secret"] != "x"


def test_registration_of_a_public_client(open_idp: Provider) -> None:
    """A client without secret is given none that it could use."""
    client = registered(
        open_idp, {**GOOD, "token_endpoint_auth_method": "none"}
    ).get_json()
    found = open_idp.app.extensions["sample_clients"].find(client["client_id"])

    assert found.client_secret is None


def test_closed_registration(idp: Provider) -> None:
    """Unless it is opened, nobody registers anything."""
    response = registered(idp, GOOD)

    assert response.status_code in {400, 401, 403}
    assert response.get_json()["error"] == "access_denied"


_BAD_MEMBERS: list[Any] = [
    pytest.param({"redirect_uris": "https://new.test/"}, id="no list"),
    pytest.param({"redirect_uris": []}, id="no redirect_uris"),
    pytest.param({"redirect_uris": ["/callback"]}, id="relative"),
    pytest.param({"redirect_uris": ["javascript:alert(1)"]}, id="script"),
    pytest.param({"redirect_uris": ["https://new.test/#x"]}, id="fragment"),
    pytest.param({"redirect_uris": [7]}, id="number"),
    pytest.param({"redirect_uris": ["https://["]}, id="broken"),
    pytest.param({"redirect_uris": None}, id="null"),
    pytest.param({"client_name": 7}, id="name is a number"),
    pytest.param({"client_name": ""}, id="empty name"),
    pytest.param({"token_endpoint_auth_method": "magic"}, id="unknown method"),
    pytest.param({"token_endpoint_auth_method": ["none"]}, id="method is a list"),
    pytest.param({"id_token_signed_response_alg": "none"}, id="alg none"),
    pytest.param({"id_token_signed_response_alg": {}}, id="alg is an object"),
    pytest.param({"grant_types": ["password"]}, id="other grant"),
    pytest.param({"grant_types": "authorization_code"}, id="grant is text"),
    pytest.param({"grant_types": [["x"]]}, id="grant is a list"),
    pytest.param({"response_types": ["token"]}, id="other response"),
    pytest.param({"scope": ["openid"]}, id="scope is a list"),
    pytest.param({"require_consent": "yes"}, id="flag is text"),
    pytest.param({"post_logout_redirect_uris": "x"}, id="no list after logout"),
    pytest.param({"frontchannel_logout_uri": "https://evil.test/"}, id="other origin"),
    pytest.param({"frontchannel_logout_session_required": 1}, id="flag is a number"),
    pytest.param({"backchannel_logout_uri": "back"}, id="relative back"),
    pytest.param({"backchannel_logout_uri": ["https://new.test/"]}, id="back list"),
    pytest.param({"backchannel_logout_session_required": None}, id="flag is null"),
]


@pytest.mark.parametrize("member", _BAD_MEMBERS)
def test_bad_registrations(open_idp: Provider, member: dict[str, Any]) -> None:
    """What is wrong is refused, and named."""
    # FCL-OP-10, BCL-OP-32, RIL-OP-32
    (name,) = member

    response = registered(open_idp, {**GOOD, **member})
    answer = response.get_json()

    assert (response.status_code, answer["error"]) == (400, "invalid_client_metadata")
    assert answer["error_description"].startswith(name)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(b"", "application/json", id="empty"),
        pytest.param(b"{", "application/json", id="broken"),
        pytest.param(b"[]", "application/json", id="list"),
        pytest.param(b"null", "application/json", id="null"),
        pytest.param(b'"x"', "application/json", id="text"),
        pytest.param(b"{}", "application/json", id="nothing"),
        pytest.param(b"\xff\xfe", "application/json", id="not UTF-8"),
        pytest.param(b"[" * 100_000, "application/json", id="deep"),
        pytest.param(b"{}", "text/plain", id="no JSON"),
        pytest.param(b"a=b", "application/x-www-form-urlencoded", id="form"),
    ],
)
def test_odd_registrations(open_idp: Provider, body: bytes, content_type: str) -> None:
    """A body that is no metadata is refused, and breaks nothing."""
    response = open_idp.browser().post(
        "/connect/register", data=body, content_type=content_type
    )

    assert 400 <= response.status_code < 500


def test_odd_characters_in_a_registration(open_idp: Provider) -> None:
    """A name with half of a character is refused or shown; it breaks no page."""
    body = json.dumps(
        {**GOOD, "client_name": "half \ud800 <b>", "require_consent": True}
    )

    response = open_idp.browser().post(
        "/connect/register", data=body, content_type="application/json"
    )

    assert response.status_code == 400
    assert response.get_json()["error"] == "invalid_client_metadata"


# Bad input


_VALUES: dict[str, str] = {
    "NUL": "\x00",
    "quotes": '"\\',
    "line ends": "\r\nX: y",
    "not ASCII": "ä€😀",
    "markup": "<script>alert(1)</script>",
    "percent": "%ff%00%",
    "long": "x" * 100_000,
    "empty": "",
    "space": " ",
    "marks": "a[]=b&c#d;e",
    "broken address": "http://[",
}


@pytest.mark.parametrize("value", _VALUES.values(), ids=_VALUES.keys())
@pytest.mark.parametrize(
    "name",
    [
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "prompt",
        "max_age",
        "login_hint",
        "id_token_hint",
        "response_mode",
        "code_challenge",
        "code_challenge_method",
        "acr_values",
        "request",
        "asked",
        "allow",
    ],
)
def test_odd_authorization_requests(
    idp: Provider, alice: FlaskClient, name: str, value: str
) -> None:
    """Whatever stands in a parameter: no failure of the server, and no stray markup."""
    given = {**asked(), name: value}

    for browser in (alice, idp.browser()):
        for response in (
            browser.get(AUTHORIZE, query_string=given),
            browser.post(AUTHORIZE, data=given),
        ):
            assert response.status_code in {200, 302, 303, 400, 403}
            assert "<script>alert" not in response.text
            assert "evil" not in response.headers.get("Location", "")


_QUERIES = {
    "bytes": "client_id=%ff&state=%80&redirect_uri=%fe",
    "bytes for the shop": "client_id=shop&response_type=code&state=%ff&nonce=%fe",
    "NUL": "client_id=shop%00&response_type=code",
    "type twice": "client_id=shop&response_type=code&response_type=code",
    "client twice": "client_id=shop&client_id=app&response_type=code",
    "address twice": "client_id=shop&response_type=code&redirect_uri=https://shop.test"
    "/callback&redirect_uri=https://shop.test/callback",
    "max_age twice": "client_id=shop&response_type=code&max_age=1&max_age=x",
    "prompt twice": "client_id=shop&response_type=code&prompt=none&prompt=login",
    "nothing": "",
    "noise": "&&==&%&?",
    "many": "&".join(f"a{n}=1" for n in range(3000)),
}


@pytest.mark.parametrize("query", _QUERIES.values(), ids=_QUERIES.keys())
@pytest.mark.parametrize(
    "path",
    [
        AUTHORIZE,
        "/login",
        "/account/",
        "/connect/endsession",
        "/connect/endsession/callback",
        "/connect/userinfo",
        "/.well-known/openid-configuration",
    ],
)
def test_odd_queries(alice: FlaskClient, path: str, query: str) -> None:
    """Bytes that are no text, and parameters that come twice, are no failure."""
    assert alice.get(f"{path}?{query}").status_code < 500


@pytest.mark.parametrize("query", _QUERIES.values(), ids=_QUERIES.keys())
@pytest.mark.parametrize(
    "path",
    [
        AUTHORIZE,
        "/login",
        "/connect/endsession",
        "/connect/token",
        "/connect/userinfo",
        "/connect/revocation",
        "/connect/introspection",
    ],
)
def test_odd_forms(idp: Provider, path: str, query: str) -> None:
    """Nor are odd bodies, from whomever."""
    browser = idp.browser()
    form = {"data": query, "content_type": "application/x-www-form-urlencoded"}

    as_nobody = browser.post(path, **form)
    as_shop = browser.post(path, auth=("shop", SHOP["client_secret"]), **form)

    assert as_nobody.status_code < 500
    assert as_shop.status_code < 500


@pytest.mark.parametrize("value", _VALUES.values(), ids=_VALUES.keys())
@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        ("token", "grant_type"),
        ("token", "code"),
        ("token", "redirect_uri"),
        ("token", "code_verifier"),
        ("token", "client_id"),
        ("token", "refresh_token"),
        ("token", "scope"),
        ("revocation", "token"),
        ("revocation", "token_type_hint"),
        ("introspection", "token"),
        ("introspection", "token_type_hint"),
    ],
)
def test_odd_client_requests(
    idp: Provider, endpoint: str, name: str, value: str
) -> None:
    """What a client writes is answered with JSON, as an error or not."""
    form = {
        "grant_type": "refresh_token"
        if name in {"refresh_token", "scope"}
        else "authorization_code",
        "code": "x",
        "token": "x",
        name: value,
    }

    response = idp.as_client(endpoint, form)

    assert response.status_code in {200, 400, 401}
    assert response.mimetype == "application/json"


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param("Basic", id="no credentials"),
        pytest.param("Basic ", id="empty credentials"),
        pytest.param("Basic !!!", id="no base64"),
        pytest.param("Basic " + base64.b64encode(b"\xff:\xfe").decode(), id="bytes"),
        pytest.param("Basic " + base64.b64encode(b"shop:%ff").decode(), id="percent"),
        pytest.param("Basic " + base64.b64encode(b"\x00:\x00").decode(), id="NUL"),
        pytest.param("Basic c2hvcDp4" * 1000, id="long"),
        pytest.param("Digest x", id="digest"),
        pytest.param("\xff \xfe", id="noise"),
    ],
)
@pytest.mark.parametrize("endpoint", ["token", "revocation", "introspection"])
def test_odd_credentials(idp: Provider, endpoint: str, authorization: str) -> None:
    """A client that cannot be made out is refused."""
    response = idp.browser().post(
        f"/connect/{endpoint}",
        data={"grant_type": "authorization_code", "code": "x", "token": "x"},
        headers={"Authorization": authorization},
    )

    assert response.status_code in {400, 401}
    assert response.get_json()["error"] == "invalid_client"


def test_state_comes_back(idp: Provider, alice: FlaskClient) -> None:
    """Every state comes back as it was, with code and with error."""
    state = "!\"#$%&'()*,-./:<=>?@[\\]^_`{|}~ +;ä€"
    nobody = idp.browser()

    with_code = query_of(idp.authorize(alice, state=state))
    with_error = query_of(idp.authorize(nobody, state=state, prompt="none"))

    assert (with_code["state"], with_error["state"]) == (state, state)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"redirect_uri": "https://evil.test/"}, id="unregistered"),
        pytest.param({"redirect_uri": "https://shop.test/callback/"}, id="slash"),
        pytest.param({"redirect_uri": "https://shop.test/callback?x"}, id="query"),
        pytest.param({"redirect_uri": "https://app.test/callback"}, id="other client"),
        pytest.param({"client_id": "else"}, id="unknown client"),
        pytest.param({"client_id": None}, id="no client"),
        pytest.param(
            {"client_id": "app", "redirect_uri": None}, id="two to choose from"
        ),
    ],
)
def test_requests_that_stay_here(
    idp: Provider, alice: FlaskClient, given: dict[str, str | None]
) -> None:
    """Where the way back is not certain the browser stays on a page of ours."""
    response = idp.authorize(alice, **given)

    assert (response.status_code, response.mimetype) == (400, "text/html")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        pytest.param(
            {"response_type": "token"}, "unsupported_response_type", id="response type"
        ),
        pytest.param(
            {"response_type": None}, "unsupported_response_type", id="no response type"
        ),
        pytest.param({"response_mode": "fragment"}, "invalid_request", id="mode"),
        pytest.param({"request": "x"}, "request_not_supported", id="request"),
        pytest.param(
            {"request_uri": "https://x"}, "request_uri_not_supported", id="request_uri"
        ),
        pytest.param({"code_challenge": "short"}, "invalid_request", id="challenge"),
    ],
)
def test_requests_that_are_refused(
    idp: Provider, alice: FlaskClient, given: dict[str, str | None], error: str
) -> None:
    """Of everything else the client hears, with its state."""
    # RIL-OP-07, SM-OP-02
    answer = query_of(idp.authorize(alice, **given))

    assert (answer["error"], answer["state"]) == (error, "a state")
    assert "session_state" in answer


# Logging out


def test_logout(idp: Provider, alice: FlaskClient) -> None:
    """From the sign-in to the silent request that fails: the whole way."""
    # RIL-OP-01, RIL-OP-03, RIL-OP-06, RIL-OP-31
    tokens = idp.tokens(alice)
    session_id = sid_of(alice)

    response = alice.get(
        "/connect/endsession",
        query_string={
            "id_token_hint": tokens["id_token"],
            "post_logout_redirect_uri": "https://shop.test/done",
            "state": "s",
        },
    )
    silent = query_of(idp.authorize(alice, prompt="none"))

    owed = idp.app.extensions["idp_session"].queue.of_session(session_id)
    assert response.headers["Location"] == "https://shop.test/done?state=s"
    assert silent["error"] == "login_required"
    assert [each.client_id for each in owed] == ["shop"]
    assert not idp.is_active(tokens["access_token"])


def test_logout_from_the_account(idp: Provider, alice: FlaskClient) -> None:
    """The link on the account page asks, and then signs out."""
    # RIL-OP-16, RIL-OP-33
    question = alice.get("/connect/endsession")
    page = Page(question)

    answer = alice.post(page.action or "", data={**page.fields, "answer": "yes"})
    last = alice.get(answer.headers["Location"])

    assert "Alice Adams" in page.text
    assert "You are signed out" in last.text
    assert not is_signed_in(alice)


def test_over_http(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over plain http, wherever, everything works without Secure cookies."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    idp = provider(
        data,
        issuer="http://idp.test:5000",
        options={
            "IDP_SESSION_CHECK_SESSION_COOKIE_SAME_SITE": "Lax",
            "IDP_SESSION_CHECK_SESSION_COOKIE_SECURE": False,
        },
    )
    browser = idp.browser()

    cookies = attributes(idp.log_in(browser))
    tokens = idp.tokens(browser)
    idp.app.extensions["idp_session"].engine.dispose()

    assert cookies.keys() == {"idp_session", SESSION_ID}
    assert all("secure" not in cookie for cookie in cookies.values())
    assert idp.claims(tokens["id_token"])["iss"] == "http://idp.test:5000"


def test_a_restart_forgets_nothing(data: Path) -> None:
    """Sessions, clients and tokens are there when the process begins again."""
    before = provider(data)
    tokens = before.tokens(browser := before.signed_in())
    handle = browser.get_cookie(HANDLE, domain="idp.test")
    before.app.extensions["idp_session"].engine.dispose()
    assert handle is not None

    after = provider(data, client_files=())
    browser = after.browser()
    browser.set_cookie(HANDLE, handle.value, domain="idp.test")
    refreshed = after.refresh(tokens["refresh_token"])
    signed_in = is_signed_in(browser)
    claims = after.claims(tokens["id_token"])
    after.app.extensions["idp_session"].engine.dispose()

    assert (refreshed.status_code, signed_in) == (200, True)
    assert claims["sub"] == "alice"


def test_next_of_the_login_is_whole(idp: Provider) -> None:
    """Nothing of the request is lost on the way through the sign-in page."""
    location = idp.authorize(idp.browser(), state="a&b=c#d").headers["Location"]

    (continuation,) = parse_qs(urlsplit(location).query)["next"]
    assert parse_qs(urlsplit(continuation).query)["state"] == ["a&b=c#d"]
