"""Encrypts tokens for the clients that want it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwe import JWERegistry
from joserfc.jwk import ECKey
from joserfc.jwk import import_key
from joserfc.jwk import Key
from joserfc.jwk import OKPKey
from joserfc.jwk import RSAKey

from .._protocol.encryption import content_encryptions
from .._protocol.encryption import fitting_keys
from .._protocol.encryption import key_encryptions
from ..errors import LogoutTokenError
from ..models import Client
from ..ports import ClientKeys

__all__ = ["JweTokenEncrypter", "RegisteredClientKeys"]

_LEAST_RSA_BITS = 2048

# RFC 7516 §4: header members that are not understood are ignored.
_REGISTRY = JWERegistry(
    algorithms=[*key_encryptions(), *content_encryptions()], strict_check_header=False
)


class RegisteredClientKeys:
    """The keys that a client has registered by value, as ``jwks``.

    What is at a ``jwks_uri`` is not fetched.
    """

    def key_set_of(self, client: Client) -> Mapping[str, Any] | None:
        return client.jwks


class JweTokenEncrypter:
    """Encrypts with RSA-OAEP, RSA-OAEP-256, ECDH-ES, ECDH-ES+A128KW and +A256KW.

    The content is encrypted with A128CBC-HS256, A128GCM or A256GCM (RFC 7518).

    :param keys: Knows the public keys of the clients. The first one that fits the
        algorithm is used, and ``kid`` names it.
    """

    def __init__(self, keys: ClientKeys) -> None:
        self._keys = keys

    def encrypt(self, token: str, *, client: Client, issuer: str) -> str:
        alg = client.id_token_encrypted_response_alg
        enc = client.id_token_encrypted_response_enc

        if alg not in key_encryptions() or enc not in content_encryptions():
            raise LogoutTokenError(
                f"{alg} with {enc}, which the client {client.client_id} has"
                " registered for encryption, is not supported"
            )

        jwk, key = self._key(client, alg)
        # RFC 7519 §5.2, §5.3, and backchannel §2.6: it holds a token, and who cannot
        # open it sees whose it is.
        header = {"alg": alg, "enc": enc, "cty": "JWT", "iss": issuer}

        if isinstance(kid := jwk.get("kid"), str):
            header["kid"] = kid

        return jwe.encrypt_compact(header, token.encode(), key, registry=_REGISTRY)

    def _key(self, client: Client, alg: str) -> tuple[Mapping[str, Any], Key]:
        for jwk in fitting_keys(self._keys.key_set_of(client), alg):
            if (key := _imported(jwk)) is not None:
                return jwk, key

        raise LogoutTokenError(
            f"there is no key for {alg}, which the client {client.client_id} has"
            " registered for encryption"
        )


def _imported(jwk: Mapping[str, Any]) -> Key | None:
    # Only what is needed: nobody's certificate is read, no restriction repeated.
    wanted = {
        name: jwk[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in jwk
    }

    try:
        key = import_key(wanted)
    except (JoseError, ValueError, TypeError):
        return None

    if isinstance(key, RSAKey) and key.public_key.key_size < _LEAST_RSA_BITS:
        return None

    return key if isinstance(key, RSAKey | ECKey | OKPKey) else None
