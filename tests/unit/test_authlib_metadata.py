"""Discovery and registration metadata of the four logout specifications."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from authlib.oauth2.rfc7591 import ClientRegistrationEndpoint
from authlib.oauth2.rfc7591.errors import InvalidClientMetadataError
from joserfc.jwk import generate_key

from idp_session import errors
from idp_session.integrations.authlib import check_logout_metadata
from idp_session.integrations.authlib import encryption_metadata
from idp_session.integrations.authlib import LogoutClientMetadataClaims

from .authlib_host import authlib_host

REDIRECT = {"redirect_uris": ["https://shop.test/callback"]}
GOOD = {
    **REDIRECT,
    "post_logout_redirect_uris": ["https://shop.test/done", "com.example.shop:/done"],
    "frontchannel_logout_uri": "https://shop.test/front?x=1",
    "frontchannel_logout_session_required": True,
    "backchannel_logout_uri": "https://api.shop.test/back",
    "backchannel_logout_session_required": False,
    "id_token_encrypted_response_alg": "ECDH-ES",
    "id_token_encrypted_response_enc": "A128GCM",
    "jwks": {"keys": [generate_key("EC", "P-256").as_dict(private=False)]},
}
BAD = [
    pytest.param({"post_logout_redirect_uris": "https://shop.test/"}, id="no list"),
    pytest.param({"post_logout_redirect_uris": ["/done"]}, id="relative"),
    pytest.param({"post_logout_redirect_uris": ["https://a.test/#x"]}, id="fragment"),
    pytest.param({"post_logout_redirect_uris": ["javascript:alert(1)"]}, id="script"),
    pytest.param({"post_logout_redirect_uris": [7]}, id="number"),
    pytest.param({"frontchannel_logout_uri": "https://evil.test/"}, id="other origin"),
    pytest.param({"frontchannel_logout_uri": "com.example:/x"}, id="app frame"),
    pytest.param({"frontchannel_logout_session_required": "true"}, id="text flag"),
    pytest.param({"backchannel_logout_uri": "/back"}, id="relative back"),
    pytest.param({"backchannel_logout_uri": "https://a.test/#x"}, id="back fragment"),
    pytest.param({"backchannel_logout_uri": None}, id="null"),
    pytest.param({"backchannel_logout_session_required": 1}, id="number flag"),
    pytest.param({"id_token_encrypted_response_alg": "RSA1_5"}, id="old encryption"),
    pytest.param({"id_token_encrypted_response_alg": "ECDH-ES"}, id="no key"),
    pytest.param({"id_token_encrypted_response_enc": "A128GCM"}, id="content only"),
    pytest.param({"jwks": {"keys": [{"kty": "oct", "k": "AA"}]}}, id="shared key"),
    pytest.param({"jwks_uri": "/jwks"}, id="relative keys"),
]


def test_discovery() -> None:
    """The document says what is there, with addresses that begin with the issuer."""
    # DISC-OP-03..09, DISC-OP-11
    metadata = authlib_host().browser().get("/discovery").get_json()

    assert metadata == {
        "end_session_endpoint": "https://idp.test/connect/endsession",
        "check_session_iframe": "https://idp.test/connect/checksession",
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }


def test_discovery_does_not_believe_the_host_header() -> None:
    """Whoever asks under another name is told the same."""
    # DISC-OP-11
    host = authlib_host()

    response = host.browser().get("/discovery", base_url="https://evil.test")

    assert "evil" not in response.text


def test_discovery_without_session_management() -> None:
    """What is not supported is not announced."""
    host = authlib_host(config={"IDP_SESSION_CHECK_SESSION": False})

    assert "check_session_iframe" not in host.browser().get("/discovery").get_json()


@pytest.mark.parametrize(
    ("issuer", "mounted_at"),
    [
        pytest.param("https://idp.test/", "", id="slash"),
        pytest.param("https://idp.test/tenant", "", id="proxy that strips"),
        pytest.param("https://idp.test/tenant", "tenant", id="mounted"),
        pytest.param("https://idp.test/tenant/", "tenant", id="mounted, slash"),
        pytest.param("https://idp.test", "tenant", id="mounted, issuer of the host"),
    ],
)
def test_discovery_of_an_issuer_with_a_path(issuer: str, mounted_at: str) -> None:
    """The path of issuer and app is in the addresses once."""
    host = authlib_host(config={"IDP_SESSION_ISSUER": issuer})
    base = f"https://idp.test/{mounted_at}"

    metadata = host.browser().get("/discovery", base_url=base).get_json()

    path = "/tenant" if "tenant" in base + issuer else ""
    assert metadata["end_session_endpoint"] == (
        f"https://idp.test{path}/connect/endsession"
    )


def test_encryption_is_announced_by_those_who_do_it() -> None:
    """What is announced of encryption can be registered, and is announced apart."""
    metadata = encryption_metadata()

    assert metadata == {
        "id_token_encryption_alg_values_supported": [
            "RSA-OAEP",
            "RSA-OAEP-256",
            "ECDH-ES",
            "ECDH-ES+A128KW",
            "ECDH-ES+A256KW",
        ],
        "id_token_encryption_enc_values_supported": [
            "A128CBC-HS256",
            "A128GCM",
            "A256GCM",
        ],
    }


def test_good_registration() -> None:
    """What the specifications allow is accepted, and comes back."""
    # DISC-OP-12, RIL-OP-32
    claims = LogoutClientMetadataClaims(GOOD, {})

    claims.validate()

    assert claims.get_registered_claims() == {
        name: value for name, value in GOOD.items() if name != "redirect_uris"
    }


def test_registration_without_logout() -> None:
    """None of the members is required."""
    claims = LogoutClientMetadataClaims(REDIRECT, {})

    claims.validate()

    assert claims.get_registered_claims() == {}


@pytest.mark.parametrize("member", BAD)
def test_bad_registration(member: dict[str, Any]) -> None:
    """What they forbid is refused, with the name of the member."""
    # FCL-OP-10, BCL-OP-32, RIL-OP-32
    (name,) = member

    with pytest.raises(InvalidClientMetadataError, match=name):
        LogoutClientMetadataClaims({**REDIRECT, **member}, {}).validate()


@pytest.mark.parametrize("member", BAD)
def test_bad_metadata(member: dict[str, Any]) -> None:
    """Without Authlib the same is refused by an error of our own."""
    (name,) = member

    with pytest.raises(errors.InvalidClientMetadataError) as refused:
        check_logout_metadata({**REDIRECT, **member})

    assert refused.value.member == name
    assert refused.value.error == "invalid_client_metadata"


def test_http_is_for_clients_with_a_secret() -> None:
    """A public client registers https only."""
    # FCL-OP-11, BCL-OP-32, RIL-OP-32
    public = {
        **REDIRECT,
        "token_endpoint_auth_method": "none",
        "backchannel_logout_uri": "http://shop.test/back",
    }

    with pytest.raises(InvalidClientMetadataError, match="without a secret"):
        LogoutClientMetadataClaims(public, {}).validate()


def test_in_authlibs_endpoint() -> None:
    """Authlib's registration endpoint takes the class as it is."""
    payload = SimpleNamespace(data={**GOOD, "unknown": 1})
    endpoint = ClientRegistrationEndpoint(claims_classes=[LogoutClientMetadataClaims])
    endpoint.get_server_metadata = dict

    metadata = endpoint.extract_client_metadata(SimpleNamespace(payload=payload))

    assert metadata.keys() == GOOD.keys() - REDIRECT.keys()
