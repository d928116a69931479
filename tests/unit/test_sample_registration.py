"""The sample provider: dynamic registration."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import generate_key
from werkzeug.test import TestResponse

from .independent_jose import decrypted
from .sample_host import Provider
from .sample_host import provider


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


def test_a_stranger_cannot_waive_the_question(open_idp: Provider) -> None:
    """Who registers itself does not say whether users are asked before they go."""
    response = registered(open_idp, {**GOOD, "confirm_logout": False})

    client = response.get_json()
    found = open_idp.app.extensions["sample_clients"].get(client["client_id"])
    assert response.status_code == 201
    assert "confirm_logout" not in client
    assert found.confirm_logout is None


def test_registration_of_a_client_that_wants_encryption(open_idp: Provider) -> None:
    """Its keys are kept, and its ID tokens are encrypted, as discovery announces."""
    key = generate_key("EC", "P-256")
    wanted = {
        **GOOD,
        "id_token_encrypted_response_alg": "ECDH-ES+A128KW",
        "id_token_encrypted_response_enc": "A256GCM",
        "jwks": {"keys": [key.as_dict(private=False)]},
    }
    client = registered(open_idp, wanted).get_json()
    browser = open_idp.signed_in()
    uri = GOOD["redirect_uris"][0]
    code = open_idp.code(browser, client_id=client["client_id"], redirect_uri=uri)
    tokens = open_idp.exchange(code, client=client, redirect_uri=uri).get_json()
    document = browser.get("/.well-known/openid-configuration").get_json()
    found = open_idp.app.extensions["sample_clients"].get(client["client_id"])

    assert open_idp.claims(decrypted(tokens["id_token"], key.private_key))["sid"]
    assert found.jwks == wanted["jwks"]
    assert found.id_token_encrypted_response_enc == "A256GCM"
    assert "ECDH-ES+A128KW" in document["id_token_encryption_alg_values_supported"]
    assert "A256GCM" in document["id_token_encryption_enc_values_supported"]


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
    pytest.param({"redirect_uris": ["myapp:/callback"]}, id="scheme without a dot"),
    pytest.param({"redirect_uris": ["https://a:b@new.test/"]}, id="user"),
    pytest.param({"redirect_uris": ["https://new.test/\n"]}, id="line end"),
    pytest.param({"client_name": 7}, id="name is a number"),
    pytest.param({"client_name": ""}, id="empty name"),
    pytest.param({"token_endpoint_auth_method": "magic"}, id="unknown method"),
    pytest.param({"token_endpoint_auth_method": ["none"]}, id="method is a list"),
    pytest.param({"id_token_signed_response_alg": "none"}, id="alg none"),
    pytest.param({"id_token_encrypted_response_alg": "RSA1_5"}, id="old encryption"),
    pytest.param({"id_token_encrypted_response_alg": "ECDH-ES"}, id="no keys"),
    pytest.param({"id_token_encrypted_response_alg": []}, id="encryption is a list"),
    pytest.param({"id_token_encrypted_response_enc": "A128GCM"}, id="content only"),
    pytest.param({"jwks": "https://new.test/jwks"}, id="keys are an address"),
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
    # RFC 7591 §3.2.2
    is_address = name == "redirect_uris"
    error = "invalid_redirect_uri" if is_address else "invalid_client_metadata"

    response = registered(open_idp, {**GOOD, **member})
    answer = response.get_json()

    assert (response.status_code, answer["error"]) == (400, error)
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


@pytest.mark.parametrize(
    ("uri", "status"),
    [
        pytest.param("http://localhost:5173/callback", 201, id="this machine"),
        pytest.param("com.example.app:/callback", 201, id="own scheme"),
        pytest.param("http://new.test/callback", 400, id="network"),
    ],
)
def test_redirect_uris_of_a_public_client(
    open_idp: Provider, uri: str, status: int
) -> None:
    """A client without a secret gets its codes by https, or on its own machine."""
    wanted = {"redirect_uris": [uri], "token_endpoint_auth_method": "none"}

    assert registered(open_idp, wanted).status_code == status


def test_http_after_logout_is_for_clients_with_a_secret(open_idp: Provider) -> None:
    """Without a secret the browser goes back by https or an app's own scheme only."""
    # RIL-OP-32: unlike for redirect URIs, not even loopback is an exception.
    wanted = {
        "redirect_uris": ["http://127.0.0.1:5173/callback"],
        "post_logout_redirect_uris": ["http://127.0.0.1:5173/"],
    }

    public = registered(open_idp, {**wanted, "token_endpoint_auth_method": "none"})

    assert registered(open_idp, wanted).status_code == 201
    assert public.get_json()["error"] == "invalid_client_metadata"
    assert public.get_json()["error_description"].startswith(
        "post_logout_redirect_uris"
    )
