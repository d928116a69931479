"""What is sent to a client by the back channel."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from joserfc import jwe
from joserfc import jwt
from joserfc.jwe import JWERegistry
from joserfc.jwk import ECKey
from joserfc.jwk import OctKey
from joserfc.jwk import RSAKey
from joserfc.jwt import Token

from tests.sample.clients import claims_of
from tests.sample.clients import query_of
from tests.sample.processes import wait_until

from .browser import asks_to_sign_out
from .browser import Browser
from .browser import REFUSALS
from .browser import SignedIn
from .browser import STATE
from .conftest import Join
from .provider import Provider
from .relying_party import Hit
from .relying_party import RelyingParty

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("conformance")]

_ENCRYPTION = "id_token_encryption_alg_values_supported"
_EVENT = "http://schemas.openid.net/event/backchannel-logout"


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A logout of a client that was told by the back channel."""

    session: SignedIn
    hit: Hit
    token: Token
    browser: Browser

    @property
    def claims(self) -> dict[str, Any]:
        return self.token.claims


@pytest.fixture
def told(plain: Provider, browser: Browser, join: Join) -> Told:
    """The first request, with a signature that a key fetched before verifies."""
    keys = plain.keys
    party = join(back=True, backchannel_logout_session_required=True)
    session = browser.sign_in(party, nonce="a-nonce")
    browser.log_out_from(session, state=STATE)
    party.first_logout_token()
    [hit] = party.hits_at("/back")
    [text] = hit.form["logout_token"]

    return Told(
        session=session,
        hit=hit,
        token=jwt.decode(text, keys, algorithms=["RS256"]),
        browser=browser,
    )


@pytest.mark.spec("BCL-OP-01", "BCL-OP-02", "BCL-OP-03", "BCL-OP-04")
def test_the_request(told: Told) -> None:
    """It is a form with one token, and nothing in the address."""
    content_type = told.hit.headers["Content-Type"].partition(";")[0]

    assert told.hit.method == "POST"
    assert content_type == "application/x-www-form-urlencoded"
    assert told.hit.form.keys() == {"logout_token"}
    assert told.hit.query == ""


@pytest.mark.spec("BCL-OP-05", "BCL-OP-06", "BCL-OP-21")
def test_the_header(plain: Provider, told: Told) -> None:
    """It is a JWS of the right type by exactly one published key."""
    header = told.token.header
    matching = [
        key.as_dict(private=False)
        for key in plain.keys.keys
        if key.kid == header["kid"]
    ]

    assert len(told.hit.form["logout_token"][0].split(".")) == 3
    assert header["typ"] == "logout+jwt"
    assert header["alg"] == "RS256"
    assert [
        (key["kty"], key.get("use", "sig"), key.get("alg", "RS256")) for key in matching
    ] == [("RSA", "sig", "RS256")]
    assert len(told.session.id_token.split(".")) == 3


@pytest.mark.spec("BCL-OP-07", "BCL-OP-08", "BCL-OP-13", "BCL-OP-14", "BCL-OP-16")
def test_whom_it_is_about(plain: Provider, told: Told) -> None:
    """Issuer, client, user and session are those of the ID token."""
    names = ("iss", "aud", "sub", "sid")

    assert told.claims["iss"] == plain.metadata["issuer"]
    assert told.claims["aud"] == told.session.client.client_id
    assert {name: told.claims[name] for name in names} == {
        name: told.session.claims[name] for name in names
    }


@pytest.mark.spec("BCL-OP-09", "BCL-OP-10", "BCL-OP-19", "BCL-OP-20")
def test_for_how_long_it_is_good(told: Told) -> None:
    """It is new, ends within two minutes, and can be told from every other."""
    claims = told.claims

    assert abs(claims["iat"] - time.time()) < 60
    assert isinstance(claims["exp"], int)
    assert 0 < claims["exp"] - claims["iat"] <= 120
    assert len(claims["jti"]) >= 16


@pytest.mark.spec("BCL-OP-11", "BCL-OP-12", "BCL-OP-15")
def test_what_makes_it_a_logout_token(told: Told) -> None:
    """It has the event and no nonce, so that nobody takes it for an ID token."""
    assert told.claims["events"] == {_EVENT: {}}
    assert "nonce" not in told.claims
    assert told.session.claims["nonce"] == "a-nonce"


@pytest.mark.spec("BCL-OP-18")
def test_what_follows_it(told: Told) -> None:
    """The browser goes on with its state, and is signed out."""
    party = told.session.client
    [arrived] = party.hits_at("/bye")

    silent = told.browser.authorize(party, prompt="none")

    assert arrived.parameters == {"state": [STATE]}
    assert query_of(silent.url)["error"] in REFUSALS


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.spec("BCL-OP-22")
def test_clients_that_require_the_session(
    browser: Browser, join: Join, required: bool
) -> None:
    """The session is named to who requires it, and to who does not."""
    party = join(back=True, backchannel_logout_session_required=required)
    session = browser.sign_in(party)

    browser.log_out_from(session)

    token = party.first_logout_token()
    assert claims_of(token)["sid"] == session.claims["sid"]


@pytest.mark.spec("BCL-OP-23")
def test_other_sessions_of_the_user(
    new_browser: Callable[..., Browser], join: Join
) -> None:
    """A logout in one browser speaks of its session, and the other one goes on."""
    here, there, party = new_browser(), new_browser(), join(back=True)
    session, other = here.sign_in(party), there.sign_in(party)

    here.log_out_from(session)

    party.first_logout_token()
    assert [claims_of(token)["sid"] for token in party.logout_tokens] == [
        session.claims["sid"]
    ]
    assert session.claims["sid"] != other.claims["sid"]
    assert there.is_signed_in(party)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA", "HS256"])
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.spec("BCL-OP-06", "BCL-OP-24")
def test_the_algorithm_of_the_client(
    plain: Provider, browser: Browser, join: Join, algorithm: str
) -> None:
    """ID token and logout token come with the algorithm and the key of the client."""
    party = join(back=True, id_token_signed_response_alg=algorithm)
    shared = OctKey.import_key(party.client_secret)
    key = shared if algorithm == "HS256" else plain.keys
    session = browser.sign_in(party)

    browser.log_out_from(session)

    logout_token = party.first_logout_token()
    assert [
        jwt.decode(text, key, algorithms=[algorithm]).header["alg"]
        for text in (session.id_token, logout_token)
    ] == [algorithm, algorithm]


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        pytest.param("RSA-OAEP-256", RSAKey.generate_key(2048), id="RSA"),
        pytest.param("ECDH-ES+A128KW", ECKey.generate_key("P-256"), id="EC"),
    ],
)
@pytest.mark.spec("BCL-OP-25")
def test_encryption(
    plain: Provider, browser: Browser, join: Join, algorithm: str, key: RSAKey | ECKey
) -> None:
    """A client that has registered a key gets both tokens sealed for it alone."""
    if algorithm not in plain.metadata.get(_ENCRYPTION, ()):
        pytest.skip("this provider does not offer to encrypt")

    party = join(
        back=True,
        id_token_encrypted_response_alg=algorithm,
        id_token_encrypted_response_enc="A256GCM",
        jwks={"keys": [key.as_dict(private=False, use="enc", alg=algorithm)]},
    )
    id_token = browser.sign_in(party).id_token
    _, hint = _opened(id_token, key, algorithm)
    # Nobody but the client can read what was sealed for it.
    assert asks_to_sign_out(browser.log_out(id_token_hint=id_token))

    browser.log_out(id_token_hint=hint)

    header, text = _opened(party.first_logout_token(), key, algorithm)
    token = jwt.decode(text, plain.keys, algorithms=["RS256"])
    assert (header["alg"], header["enc"]) == (algorithm, "A256GCM")
    assert header["iss"] == plain.issuer
    assert (token.header["typ"], token.claims["aud"]) == ("logout+jwt", party.client_id)
    assert not browser.is_signed_in(party)


@pytest.mark.spec("BCL-OP-24")
def test_no_token_without_a_signature(
    plain: Provider,
    browser: Browser,
    relying_party: Callable[..., RelyingParty],
) -> None:
    """A client that wants unsigned ID tokens gets no unsigned logout token."""
    party = relying_party()
    response = party.register(
        plain,
        id_token_signed_response_alg="none",
        backchannel_logout_uri=f"{party.url}/back",
    )

    if response.status_code == 400:
        assert response.json()["error"] == "invalid_client_metadata"
        return

    browser.log_out_from(browser.sign_in(party))
    logout_token = party.first_logout_token()
    header = jwt.decode(logout_token, plain.keys, algorithms=["RS256"]).header
    assert header["alg"] == "RS256"


@pytest.mark.spec("BCL-OP-10", "BCL-OP-26")
def test_each_client_gets_its_own(browser: Browser, join: Join) -> None:
    """No token names another client, and no two have the same id."""
    parties = [join(back=True) for _ in range(3)]
    sessions = [browser.sign_in(party) for party in parties]

    browser.log_out_from(sessions[0])

    wait_until(lambda: all(party.logout_tokens for party in parties))
    tokens = [claims_of(party.logout_tokens[0]) for party in parties]
    assert [token["aud"] for token in tokens] == [each.client_id for each in parties]
    assert len({token["jti"] for token in tokens}) == 3


@pytest.mark.parametrize(
    ("uri", "public"),
    [
        pytest.param("/back", False, id="not absolute"),
        pytest.param("https://shop.test/back#here", False, id="fragment"),
        pytest.param("ftp://shop.test/back", False, id="scheme"),
        pytest.param("https://user:word@shop.test/back", False, id="user"),
        pytest.param("http://shop.test/back", True, id="http without a secret"),
        pytest.param(7, False, id="number"),
    ],
)
@pytest.mark.spec("BCL-OP-32")
def test_addresses_that_cannot_be_registered(
    plain: Provider,
    relying_party: Callable[..., RelyingParty],
    uri: object,
    public: bool,
) -> None:
    """An address that no token should be sent to is refused by name."""
    response = relying_party().register(
        plain,
        redirect_uris=["https://shop.test/callback"],
        post_logout_redirect_uris=None,
        backchannel_logout_uri=uri,
        token_endpoint_auth_method="none" if public else "client_secret_basic",
    )

    assert response.status_code == 400
    assert response.json()["error"] == "invalid_client_metadata"
    assert "backchannel_logout_uri" in response.json()["error_description"]


@pytest.mark.spec("BCL-OP-32")
def test_an_address_with_a_query(
    plain: Provider, browser: Browser, relying_party: Callable[..., RelyingParty]
) -> None:
    """The client's own query comes with the token."""
    party = relying_party()
    party.register(plain, backchannel_logout_uri=f"{party.url}/back?tenant=a%20b&x")

    browser.log_out_from(browser.sign_in(party))

    party.first_logout_token()
    assert [hit.query for hit in party.hits_at("/back")] == ["tenant=a%20b&x"]


def _opened(
    token: str, key: RSAKey | ECKey, algorithm: str
) -> tuple[dict[str, Any], str]:
    # Its header repeats the issuer, which not every reader of a JWE expects.
    registry = JWERegistry(algorithms=[algorithm, "A256GCM"], strict_check_header=False)
    sealed = jwe.decrypt_compact(token, key, registry=registry)

    return sealed.headers(), (sealed.plaintext or b"").decode()
