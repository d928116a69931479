"""The sample provider: from a code to tokens."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from .sample_host import APP
from .sample_host import asked
from .sample_host import CLIENTS
from .sample_host import ISSUER
from .sample_host import PKCE
from .sample_host import Provider
from .sample_host import provider
from .sample_host import query_of
from .sample_host import SHOP
from .sample_host import sid_of
from .sample_host import VERIFIER
from .sample_steps import AUTHORIZE
from .sample_steps import end


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
    answered = alice.get(AUTHORIZE, query_string=request)

    if "/connect/consent" in answered.headers["Location"]:
        answered = alice.post(answered.headers["Location"], data={"allow": "yes"})

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
    request = {"client_id": "app", "redirect_uri": uri}
    refused = idp.authorize(alice, **request)
    code = idp.code(alice, **request, **PKCE)

    response = idp.exchange(code, client=APP, redirect_uri=uri)

    assert refused.headers["Location"].startswith(f"{uri}?")
    assert query_of(refused)["error"] == "invalid_request"
    assert response.get_json()["error"] == "invalid_request"


def test_a_client_with_a_secret_needs_neither_proof_key_nor_nonce(
    idp: Provider, alice: FlaskClient
) -> None:
    """Older clients that keep a secret are served as they are."""
    answer = idp.exchange(idp.code(alice, nonce=None)).get_json()

    assert "nonce" not in idp.claims(answer["id_token"])


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


def test_scope_is_what_is_registered(idp: Provider, alice: FlaskClient) -> None:
    """A client gets no scope that it has not registered."""
    uri = "https://app.test/callback"
    request = {"client_id": "app", "redirect_uri": uri, **PKCE}
    code = idp.code(alice, scope="openid offline_access admin", **request)

    answer = idp.exchange(
        code, client=APP, redirect_uri=uri, code_verifier=VERIFIER
    ).get_json()

    assert answer["scope"] == "openid"
