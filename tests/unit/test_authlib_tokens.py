"""ID tokens and codes that know their session."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc import jws
from joserfc.jwk import generate_key
from joserfc.jwk import OctKey

from idp_session import DeliveryState
from idp_session import LogoutReason
from idp_session.flask import user_session
from idp_session.integrations.authlib import SessionOpenIDCode

from .authlib_host import asked
from .authlib_host import authlib_host
from .authlib_host import AUTHORIZE
from .authlib_host import client_with
from .authlib_host import query_of
from .authlib_host import SHOP
from .authlib_host import TOKEN
from .hosts import Host
from .hosts import ISSUER
from .hosts import key_set
from .independent_jose import decrypted
from .independent_jose import header_of


@pytest.fixture
def host() -> Host:
    """A host with Authlib's server."""
    return authlib_host()


def code_for(browser: FlaskClient, **given: str | None) -> str:
    return query_of(browser.get(AUTHORIZE, query_string=asked(**given)))["code"]


def exchanged(host: Host, code: str) -> dict[str, Any]:
    """What the token endpoint answers."""
    response = host.browser().post(
        TOKEN,
        data={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": "https://shop.test/callback",
        },
        auth=("shop", SHOP.secret or ""),
    )
    answer: dict[str, Any] = response.get_json()

    return answer


def read(token: str, *algorithms: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token with a good signature."""
    symmetric = OctKey.import_key(SHOP.secret or "")
    key: Any = symmetric if "HS256" in algorithms else key_set()
    verified = jws.deserialize_compact(token, key, algorithms=list(algorithms))

    return verified.headers(), json.loads(verified.payload)


def half_hash(token: str, algorithm: str) -> str:
    """The ``at_hash`` of an access token (OpenID Connect Core §3.1.3.6)."""
    # Ed25519 signs with SHA-512, all the others here with SHA-256.
    name = "sha512" if algorithm == "EdDSA" else "sha256"
    digest = hashlib.new(name, token.encode()).digest()

    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("=")


def test_claims(host: Host) -> None:
    """The ID token says who, when, how, and in which session."""
    # SID-OP-01, SID-OP-05, DISC-OP-10
    browser = host.browser()
    session_id = browser.post("/login/alice?acr=2").text
    answer = exchanged(host, code_for(browser))
    now = int(host.clock.now().timestamp())

    header, claims = read(answer["id_token"], "RS256")

    assert header == {"alg": "RS256", "typ": "JWT", "kid": "rsa"}
    assert claims == {
        "iss": ISSUER,
        "aud": "shop",
        "sub": "alice",
        "sid": session_id,
        "iat": now,
        "exp": now + 300,
        "auth_time": now,
        "nonce": "a nonce",
        "amr": ["pwd"],
        "acr": "2",
        "at_hash": half_hash(answer["access_token"], "RS256"),
    }


# Its newer name is one that clients do not know yet.
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA", "PS256", "HS256"])
def test_algorithms(algorithm: str) -> None:
    """Each client's ID tokens are signed as it has registered, and know the session."""
    host = authlib_host(clients=(client_with(algorithm),))
    browser = host.signed_in()

    answer = exchanged(host, code_for(browser))
    _, claims = read(answer["id_token"], algorithm)

    assert claims["sid"] == browser.get("/whoami").get_json()["sid"]
    assert claims["at_hash"] == half_hash(answer["access_token"], algorithm)


def test_a_client_that_wants_no_signature() -> None:
    """Nothing is ever sent unsigned."""
    host = authlib_host(clients=(client_with("none"),))

    answer = exchanged(host, code_for(host.signed_in()))
    header, claims = read(answer["id_token"], "RS256")

    assert header["alg"] == "RS256"
    assert "at_hash" not in claims


def test_encrypted_id_tokens() -> None:
    """A client that has registered encryption gets its ID tokens encrypted, too."""
    key = generate_key("EC", "P-256")
    shop = dataclasses.replace(
        SHOP,
        id_token_encrypted_response_alg="ECDH-ES",
        jwks={"keys": [key.as_dict(private=False)]},
    )
    host = authlib_host(clients=(shop,))
    browser = host.signed_in()
    token = exchanged(host, code_for(browser))["id_token"]
    _, claims = read(decrypted(token, key.private_key), "RS256")

    assert header_of(token)["cty"] == "JWT"
    assert claims["sid"] == browser.get("/whoami").get_json()["sid"]


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"id_token_encrypted_response_alg": "ECDH-ES"}, id="encryption"),
        pytest.param({"id_token_signed_response_alg": "RS512"}, id="signature"),
    ],
)
def test_no_key_for_an_id_token(members: dict[str, Any]) -> None:
    """Without a key there is an error that the client can read, and no token."""
    host = authlib_host(clients=(dataclasses.replace(SHOP, **members),))

    answer = exchanged(host, code_for(host.signed_in()))

    assert answer["error"] == "invalid_client"
    assert "id_token" not in answer


@pytest.mark.parametrize("algorithm", ["RS256", "HS256"])
def test_an_id_token_is_a_hint(algorithm: str) -> None:
    """What the client is given it can log out with."""
    # RIL-OP-11
    host = authlib_host(clients=(client_with(algorithm),))
    browser = host.signed_in()
    token = exchanged(host, code_for(browser))["id_token"]

    response = browser.get(
        "/connect/endsession",
        query_string={
            "id_token_hint": token,
            "post_logout_redirect_uri": "https://shop.test/done",
        },
    )

    assert response.headers["Location"] == "https://shop.test/done"
    assert browser.get("/whoami").get_json()["subject"] is None


def test_one_session_one_sid(host: Host) -> None:
    """The sid stays over authorizations and sign-ins of one session, and is new after."""
    # SID-OP-02, SSO-OP-01
    browser = host.signed_in()
    tokens = [exchanged(host, code_for(browser))["id_token"]]
    tokens += [exchanged(host, code_for(browser, prompt="none"))["id_token"]]
    browser.post("/login/alice")
    tokens += [exchanged(host, code_for(browser))["id_token"]]
    browser.post("/logout")
    browser.post("/login/alice")
    tokens += [exchanged(host, code_for(browser))["id_token"]]
    other = host.signed_in()
    tokens += [exchanged(host, code_for(other))["id_token"]]

    sids = [read(token, "RS256")[1]["sid"] for token in tokens]

    assert sids[0] == sids[1] == sids[2]
    assert len(set(sids)) == 3


def test_no_id_token_without_openid(host: Host) -> None:
    """Plain OAuth stays plain."""
    answer = exchanged(host, code_for(host.signed_in(), scope="profile"))

    assert "access_token" in answer
    assert "id_token" not in answer


def test_participation(host: Host) -> None:
    """The client is in the session from the moment it has a code, and once."""
    browser = host.signed_in()

    code_for(browser)
    code_for(browser)

    assert browser.get("/whoami").get_json()["clients"] == ["shop"]


def test_a_code_of_an_ended_session(host: Host) -> None:
    """A code is worth nothing once its session has ended."""
    browser = host.signed_in()
    code = code_for(browser)
    browser.post("/logout")

    answer = exchanged(host, code)

    assert answer["error"] == "invalid_grant"


def test_a_code_of_an_expired_session(host: Host) -> None:
    """Nor once it has expired, even if nobody has noticed."""
    code = code_for(host.signed_in())
    host.clock.tick(timedelta(hours=2))

    answer = exchanged(host, code)

    assert answer["error"] == "invalid_grant"


def test_a_code_of_a_client_that_has_left(host: Host) -> None:
    """A client that is told of nothing any more gets no tokens."""
    browser = host.signed_in()
    code = code_for(browser)
    browser.post("/leave/shop")

    answer = exchanged(host, code)

    assert answer["error"] == "invalid_grant"


def test_a_client_leaves_while_it_is_given_a_code(host: Host) -> None:
    """A request that still believes in its list of clients hands out a dead code."""
    browser = host.signed_in()
    code_for(browser)
    session_id = browser.get("/whoami").get_json()["sid"]

    def leave() -> None:
        # The request has read its list, and does not look again.
        assert user_session.client_ids == ("shop",)
        with host.app.app_context():
            assert host.state.ending.leave(
                session_id, client_ids=["shop"], reason=LogoutReason.ADMIN
            )

    host.app.extensions["meanwhile"] = leave
    code = code_for(browser)
    del host.app.extensions["meanwhile"]

    assert exchanged(host, code)["error"] == "invalid_grant"
    assert host.state.store.participants(session_id) == ()


def test_a_client_that_has_come_back(host: Host) -> None:
    """With another code it takes part again, and is told again at the end."""
    browser = host.signed_in()
    code_for(browser)
    browser.post("/leave/shop")

    answer = exchanged(host, code_for(browser))
    session_id = browser.post("/logout").get_json()["ended"]

    assert "id_token" in answer
    owed = host.owed(session_id)
    assert [each.client_id for each in owed] == ["shop", "shop"]
    assert host.deliver() == 2
    assert {each.state for each in host.owed(session_id)} == {DeliveryState.DELIVERED}


def test_a_code_without_session(host: Host) -> None:
    """A code that a host made in its own way is exchanged as Authlib does."""
    code = code_for(host.signed_in())
    host.app.extensions["codes"][code].session = {}

    answer = exchanged(host, code)

    assert "sid" not in read(answer["id_token"], "RS256")[1]


def test_claims_of_nobody(host: Host) -> None:
    """Where nobody is signed in there is nothing to keep."""
    assert host.browser().get("/claims").get_json() == {}


def test_claims_that_are_known(host: Host) -> None:
    """What is not known is left out."""
    browser = host.signed_in()

    assert browser.get("/claims").get_json() == {
        "sid": browser.get("/whoami").get_json()["sid"],
        "auth_time": int(host.clock.now().timestamp()),
        "amr": ["pwd"],
    }


def test_a_client_that_only_authlib_knows(host: Host) -> None:
    """Two registries that disagree are the host's mistake, and it is named."""
    code = code_for(host.signed_in())
    find = host.app.extensions["server"]._query_client("shop")
    host.app.extensions["server"]._query_client = lambda _: find
    host.clients.by_id.clear()

    with pytest.raises(LookupError, match="ClientStore"):
        exchanged(host, code)


def test_lifetime() -> None:
    """Unless told otherwise an ID token is good for an hour."""
    assert SessionOpenIDCode().lifetime == timedelta(hours=1)
