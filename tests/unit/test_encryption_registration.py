"""Which encryption a client may register."""

from __future__ import annotations

from typing import Any

import pytest
from joserfc.jwk import generate_key

from idp_session._protocol.encryption import check_registration
from idp_session._protocol.encryption import content_encryptions
from idp_session._protocol.encryption import key_encryptions
from idp_session.errors import InvalidClientMetadataError

ALG = "id_token_encrypted_response_alg"
ENC = "id_token_encrypted_response_enc"
RSA = generate_key("RSA", 2048).as_dict(private=False)
EC = generate_key("EC", "P-256").as_dict(private=False)
KEYS = {"keys": [RSA, EC]}


@pytest.mark.parametrize("enc", [None, *content_encryptions()])
@pytest.mark.parametrize("alg", key_encryptions())
def test_accepted(alg: str, enc: str | None) -> None:
    """What is announced can be registered, with a key that fits."""
    check_registration({ALG: alg, "jwks": KEYS} | ({ENC: enc} if enc else {}))


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"jwks": KEYS}, id="keys for something else"),
        pytest.param({"jwks": {"keys": []}}, id="no keys"),
        pytest.param(
            {ALG: "RSA-OAEP", "jwks_uri": "https://shop.test/jwks"}, id="jwks_uri"
        ),
    ],
)
def test_also_accepted(metadata: dict[str, Any]) -> None:
    """Keys may be elsewhere, or there for other uses."""
    check_registration(metadata)


@pytest.mark.parametrize(
    ("member", "metadata"),
    [
        pytest.param(ALG, {ALG: "RSA1_5", "jwks": KEYS}, id="old algorithm"),
        pytest.param(ALG, {ALG: "dir", "jwks": KEYS}, id="shared secret"),
        pytest.param(ALG, {ALG: None, "jwks": KEYS}, id="null"),
        pytest.param(ALG, {ALG: ["RSA-OAEP"], "jwks": KEYS}, id="list"),
        pytest.param(ALG, {ALG: "RSA-OAEP"}, id="no keys"),
        pytest.param(ALG, {ALG: "RSA-OAEP", "jwks": {"keys": [EC]}}, id="no such key"),
        pytest.param(
            ALG,
            {ALG: "RSA-OAEP", "jwks": {"keys": [{**RSA, "use": "sig"}]}},
            id="key for signatures",
        ),
        pytest.param(
            ALG,
            {ALG: "RSA-OAEP", "jwks": {"keys": [{**RSA, "n": "sXch"}]}},
            id="small key",
        ),
        pytest.param(
            ALG,
            {ALG: "RSA-OAEP", "jwks": {"keys": [{**RSA, "n": "A" * 10_000}]}},
            id="huge key",
        ),
        pytest.param(
            ALG,
            {ALG: "ECDH-ES", "jwks": {"keys": [{**EC, "crv": ["P-256"]}]}},
            id="odd curve",
        ),
        pytest.param(ENC, {ENC: "A128GCM"}, id="content only"),
        pytest.param(
            ENC, {ALG: "ECDH-ES", ENC: "A192GCM", "jwks": KEYS}, id="other content"
        ),
        pytest.param(
            ENC, {ALG: "ECDH-ES", ENC: {}, "jwks": KEYS}, id="content is no string"
        ),
        pytest.param("jwks", {"jwks": [RSA]}, id="list of keys"),
        pytest.param("jwks", {"jwks": {"keys": {}}}, id="keys are no list"),
        pytest.param("jwks", {"jwks": {"keys": ["key"]}}, id="key is no object"),
        pytest.param("jwks", {"jwks": {"keys": [{**EC, "d": "AA"}]}}, id="private key"),
        pytest.param(
            "jwks", {"jwks": {"keys": [{"kty": "oct", "k": "AA"}]}}, id="shared key"
        ),
        pytest.param("jwks", {"jwks": {"keys": [EC] * 101}}, id="too many keys"),
        pytest.param(
            "jwks", {"jwks": KEYS, "jwks_uri": "https://shop.test/jwks"}, id="both"
        ),
        pytest.param("jwks_uri", {"jwks_uri": "/jwks"}, id="relative"),
    ],
)
def test_refused(member: str, metadata: dict[str, Any]) -> None:
    """What is not supported, or has no key, is refused by the name of its member."""
    with pytest.raises(InvalidClientMetadataError) as refused:
        check_registration(metadata)

    assert refused.value.member == member
    assert refused.value.error == "invalid_client_metadata"
