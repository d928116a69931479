"""Tickets that only this provider can read, and the random values it gives out."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..errors import ConfigurationError

__all__ = [
    "AesGcmTicketProtector",
    "handle_key",
    "is_handle",
    "new_handle",
    "new_session_id",
]

_VERSION = b"\x01"
_KEY_ID_SIZE = 4
_NONCE_SIZE = 12
_TAG_SIZE = 16
_KEY_SIZE = 32
_HEADER_SIZE = len(_VERSION) + _KEY_ID_SIZE
_BODY_AT = _HEADER_SIZE + _NONCE_SIZE
_LEAST_SECRET_SIZE = 16

_HANDLE = re.compile(r"[A-Za-z0-9_-]{43}")


class AesGcmTicketProtector:
    """Seals with AES-256-GCM under keys derived from the app's secret key.

    There is one key per secret and purpose (HKDF-SHA256, RFC 5869). What is
    sealed consists of a version byte, four bytes that tell the secret, a random
    nonce of twelve bytes, and the ciphertext with its tag.

    :param secret_key: The secret to seal with, at least 16 bytes.
    :param fallbacks: Secrets of the past, which open but never seal.
    :raises ConfigurationError: If a secret is missing or too short.
    """

    def __init__(
        self, secret_key: str | bytes, *, fallbacks: Sequence[str | bytes] = ()
    ) -> None:
        self._current = _Secret(_checked("SECRET_KEY", secret_key))
        self._secrets = (
            self._current,
            *(_Secret(_checked("SECRET_KEY_FALLBACKS", each)) for each in fallbacks),
        )

    def seal(self, plaintext: bytes, *, purpose: str, context: str = "") -> bytes:
        nonce = os.urandom(_NONCE_SIZE)
        cipher = self._current.cipher(purpose)
        body = cipher.encrypt(nonce, plaintext, _place(purpose, context))

        return self._current.header + nonce + body

    def open(self, sealed: bytes, *, purpose: str, context: str = "") -> bytes | None:
        if len(sealed) < _BODY_AT + _TAG_SIZE:
            return None

        header, nonce = sealed[:_HEADER_SIZE], sealed[_HEADER_SIZE:_BODY_AT]

        for secret in self._secrets:
            if secret.header != header:
                continue

            cipher = secret.cipher(purpose)

            try:
                return cipher.decrypt(
                    nonce, sealed[_BODY_AT:], _place(purpose, context)
                )
            except InvalidTag:
                continue

        return None


class _Secret:
    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._ciphers: dict[str, AESGCM] = {}
        self.header = _VERSION + _derived(secret, b"key id", _KEY_ID_SIZE)

    def cipher(self, purpose: str) -> AESGCM:
        cipher = self._ciphers.get(purpose)

        if cipher is None:
            label = b"key for " + _checked_purpose(purpose)
            cipher = AESGCM(_derived(self._secret, label, _KEY_SIZE))
            self._ciphers[purpose] = cipher

        return cipher


def _derived(secret: bytes, label: bytes, size: int) -> bytes:
    kdf = HKDF(
        algorithm=SHA256(), length=size, salt=None, info=b"idp_session 1 " + label
    )
    return kdf.derive(secret)


def _place(purpose: str, context: str) -> bytes:
    # The first NUL ends the purpose, which has none, so no two pairs are alike.
    return f"{purpose}\0{context}".encode()


def _checked_purpose(purpose: str) -> bytes:
    if "\0" in purpose:
        raise ValueError("a purpose has no NUL character")

    return purpose.encode()


def _checked(setting: str, secret: str | bytes) -> bytes:
    octets = secret.encode() if isinstance(secret, str) else secret

    if not octets:
        raise ConfigurationError(
            f"{setting} is empty; set it to a secret that all processes share,"
            " made by: python -c 'import secrets; print(secrets.token_hex())'"
        )

    if len(octets) < _LEAST_SECRET_SIZE:
        raise ConfigurationError(
            f"{setting} is shorter than {_LEAST_SECRET_SIZE} bytes; make one by:"
            " python -c 'import secrets; print(secrets.token_hex())'"
        )

    return octets


def new_handle() -> str:
    """A fresh handle: 256 random bits as 43 characters that suit a cookie."""
    return secrets.token_urlsafe(32)


def is_handle(text: str) -> bool:
    """Whether a text looks like a handle, so that it is worth looking for."""
    return _HANDLE.fullmatch(text) is not None


def handle_key(handle: str) -> str:
    """What a store knows of a handle: its SHA-256 as 64 hexadecimal digits.

    :param handle: A handle that :func:`is_handle` accepts.
    """
    return hashlib.sha256(handle.encode()).hexdigest()


def new_session_id() -> str:
    """A fresh session id: 128 random bits as 32 hexadecimal digits."""
    return secrets.token_hex(16)
