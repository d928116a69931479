"""Opens logout tokens that the provider has encrypted for the client."""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwe import JWERegistry
from joserfc.jwk import KeySet

from ..errors import ConfigurationError
from ..errors import InvalidLogoutTokenError

__all__ = ["TokenDecryption"]

#: Longer tokens are refused unread, in characters.
_LONGEST = 32_768
_PARTS = 5
_ALGORITHMS = frozenset(
    {
        "RSA-OAEP",
        "RSA-OAEP-256",
        "ECDH-ES",
        "ECDH-ES+A128KW",
        "ECDH-ES+A192KW",
        "ECDH-ES+A256KW",
    }
)
_CONTENT_ENCRYPTIONS = frozenset(
    {
        "A128CBC-HS256",
        "A192CBC-HS384",
        "A256CBC-HS512",
        "A128GCM",
        "A192GCM",
        "A256GCM",
    }
)


class TokenDecryption:
    """That a client has its ID tokens encrypted, and the keys that open them.

    Logout tokens are then encrypted in the same way, and one that is not is refused
    (Back-Channel Logout 1.0 §2.6).

    :param keys: The client's private keys; the provider has their public halves.
    :param algorithm: What this client registered as
        ``id_token_encrypted_response_alg``; RSA-OAEP or ECDH-ES in one of their
        forms, and no other is accepted.
    :param content_encryption: What it registered as
        ``id_token_encrypted_response_enc``; no other is accepted.
    :raises ConfigurationError: If one of them is unknown, or there is no private key.
    """

    def __init__(
        self,
        keys: KeySet,
        *,
        algorithm: str = "RSA-OAEP",
        content_encryption: str = "A128CBC-HS256",
    ) -> None:
        if algorithm not in _ALGORITHMS:
            raise ConfigurationError(f"{algorithm} is not an encryption of keys")

        if content_encryption not in _CONTENT_ENCRYPTIONS:
            raise ConfigurationError(f"{content_encryption} is not an encryption")

        if not keys.keys or not all(key.is_private for key in keys.keys):
            raise ConfigurationError("encrypted tokens need private keys of the client")

        self._keys = keys
        # Compression is not among them: a short token could become a long one.
        self._registry = JWERegistry(
            algorithms=[algorithm, content_encryption], strict_check_header=False
        )

    def open(self, token: object) -> str:
        """The signed token inside of an encrypted one (RFC 7519 §5.2).

        :param token: As received; anything but a string is refused.
        :raises InvalidLogoutTokenError: If it is not encrypted as registered, or not
            for this client.
        """
        if not isinstance(token, str) or not token.isascii() or len(token) > _LONGEST:
            raise InvalidLogoutTokenError("the logout token is not a compact JWE")

        if len(token.split(".")) != _PARTS:
            raise InvalidLogoutTokenError("the logout token is not encrypted")

        # Which key it is for is not told by the answer.
        for key in self._keys.keys:
            if (content := self._opened(token, key)) is not None:
                return content

        raise InvalidLogoutTokenError("the logout token cannot be decrypted")

    def _opened(self, token: str, key: Any) -> str | None:
        try:
            opened = jwe.decrypt_compact(token, key, registry=self._registry)

            return (opened.plaintext or b"").decode("ascii")
        except (JoseError, ValueError, TypeError, InvalidTag, InvalidUnwrap):
            return None
        except KeyError:
            # joserfc stumbles over a key in the header that is on no curve it knows.
            return None
