"""How clients have ID tokens and logout tokens encrypted for them.

OpenID Connect Dynamic Client Registration 1.0 §2, JSON Web Algorithms (RFC 7518).
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

from ..errors import InvalidClientMetadataError
from .uris import check_web_uri

__all__ = [
    "DEFAULT_CONTENT_ENCRYPTION",
    "check_registration",
    "content_encryptions",
    "fitting_keys",
    "key_encryptions",
]

_ALG = "id_token_encrypted_response_alg"
_ENC = "id_token_encrypted_response_enc"

#: What is used if a client registers no ``enc`` (Registration 1.0 §2).
DEFAULT_CONTENT_ENCRYPTION = "A128CBC-HS256"

# Not RSA1_5: who can ask many questions can decrypt it. None with a shared secret
# either: the secret is known to us, so it would prove nothing and hide little.
_KEY_ENCRYPTIONS = {
    "RSA-OAEP": "RSA",
    "RSA-OAEP-256": "RSA",
    "ECDH-ES": "EC",
    "ECDH-ES+A128KW": "EC",
    "ECDH-ES+A256KW": "EC",
}
_CONTENT_ENCRYPTIONS = (DEFAULT_CONTENT_ENCRYPTION, "A128GCM", "A256GCM")
_CURVES = {"EC": ("P-256", "P-384", "P-521"), "OKP": ("X25519",)}
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_MOST_KEYS = 100

# RFC 7518 §4.3: at least 2048 bits. More than 16384 nobody has, and would cost us.
_MODULUS_SIZES = range(342, 2732)


def key_encryptions() -> tuple[str, ...]:
    """As for ``id_token_encryption_alg_values_supported``."""
    return tuple(_KEY_ENCRYPTIONS)


def content_encryptions() -> tuple[str, ...]:
    """As for ``id_token_encryption_enc_values_supported``."""
    return _CONTENT_ENCRYPTIONS


def fitting_keys(jwks: object, alg: str) -> Iterator[Mapping[str, Any]]:
    """The keys of a set that a key can be encrypted for, in their order.

    :param jwks: A JSON Web Key Set, as it came.
    :param alg: The algorithm.
    """
    members = jwks.get("keys") if isinstance(jwks, Mapping) else None

    for jwk in members if isinstance(members, list | tuple) else ():
        if isinstance(jwk, Mapping) and _fits(jwk, alg):
            yield jwk


def check_registration(metadata: Mapping[str, Any]) -> None:
    """Refuse encryption that is not supported, or for which there is no key.

    :param metadata: What a client registers.
    :raises InvalidClientMetadataError: With the member at fault.
    """
    _check_keys(metadata)

    if _ENC in metadata and _ALG not in metadata:
        # registration §2: the one must not be there without the other.
        raise InvalidClientMetadataError(_ENC, f"needs {_ALG}")

    _check_one_of(metadata, _ALG, key_encryptions())
    _check_one_of(metadata, _ENC, content_encryptions())

    if _ALG in metadata and "jwks_uri" not in metadata:
        alg = metadata[_ALG]

        if not any(fitting_keys(metadata.get("jwks"), alg)):
            raise InvalidClientMetadataError(
                _ALG, f"needs jwks with a public key for {alg}, whose use is not sig"
            )


def _check_one_of(
    metadata: Mapping[str, Any], member: str, choices: tuple[str, ...]
) -> None:
    if member in metadata and metadata[member] not in choices:
        raise InvalidClientMetadataError(member, f"must be one of {', '.join(choices)}")


def _check_keys(metadata: Mapping[str, Any]) -> None:
    if "jwks" in metadata and "jwks_uri" in metadata:
        raise InvalidClientMetadataError("jwks", "must not be there beside jwks_uri")

    check_web_uri(metadata, "jwks_uri")

    if "jwks" not in metadata:
        return

    jwks = metadata["jwks"]
    keys = jwks.get("keys") if isinstance(jwks, Mapping) else None

    if not isinstance(keys, list) or not all(isinstance(key, Mapping) for key in keys):
        raise InvalidClientMetadataError("jwks", "must be a JSON Web Key Set")

    if len(keys) > _MOST_KEYS:
        raise InvalidClientMetadataError("jwks", f"must have at most {_MOST_KEYS} keys")

    if any(_PRIVATE_MEMBERS & key.keys() for key in keys):
        raise InvalidClientMetadataError("jwks", "must not have private or shared keys")


def _fits(jwk: Mapping[str, Any], alg: str) -> bool:
    wanted, kty = _KEY_ENCRYPTIONS.get(alg), jwk.get("kty")

    if jwk.get("use", "enc") != "enc" or jwk.get("alg", alg) != alg:
        return False

    if wanted == "RSA":
        return kty == "RSA" and _is_usual_modulus(jwk.get("n"))

    return wanted == "EC" and kty in ("EC", "OKP") and jwk.get("crv") in _CURVES[kty]


def _is_usual_modulus(n: object) -> bool:
    return isinstance(n, str) and len(n.rstrip("=")) in _MODULUS_SIZES
