"""Verifies and decrypts tokens with nothing but ``cryptography`` and the RFCs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import padding as block_padding
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers import modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap

__all__ = ["decrypted", "header_of", "verified_claims"]

PrivateKey = RSAPrivateKey | ec.EllipticCurvePrivateKey | X25519PrivateKey

_SIZES = {"A128CBC-HS256": 32, "A128GCM": 16, "A256GCM": 32}
_WRAPS = {"ECDH-ES+A128KW": 16, "ECDH-ES+A256KW": 32}
_CURVES = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}


def octets(text: str) -> bytes:
    """What base64url hides (RFC 7515 §2)."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text: str) -> int:
    return int.from_bytes(octets(text))


def header_of(token: str) -> dict[str, Any]:
    """The protected header of a token, of either kind."""
    header: dict[str, Any] = json.loads(octets(token.partition(".")[0]))

    return header


def verified_claims(token: str, key: dict[str, Any] | bytes) -> dict[str, Any]:
    """The claims of a signed token (RFC 7515 §5.2, RFC 7518 §3, RFC 8037 §3.1).

    :raises Exception: If the signature is wrong.
    """
    signed, _, signature = token.rpartition(".")
    _verify(header_of(token)["alg"], key, signed.encode(), octets(signature))
    claims: dict[str, Any] = json.loads(octets(signed.partition(".")[2]))

    return claims


def _verify(alg: str, key: Any, signed: bytes, signature: bytes) -> None:
    if alg == "HS256":
        assert hmac.compare_digest(hmac.digest(key, signed, "sha256"), signature)
    elif alg == "EdDSA":
        Ed25519PublicKey.from_public_bytes(octets(key["x"])).verify(signature, signed)
    elif alg == "ES256":
        numbers = ec.EllipticCurvePublicNumbers(
            number(key["x"]), number(key["y"]), ec.SECP256R1()
        )
        r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
        numbers.public_key().verify(
            encode_dss_signature(r, s), signed, ec.ECDSA(SHA256())
        )
    else:
        scheme: Any = {
            "RS256": padding.PKCS1v15(),
            "PS256": padding.PSS(padding.MGF1(SHA256()), salt_length=32),
        }[alg]
        public = RSAPublicNumbers(number(key["e"]), number(key["n"])).public_key()
        public.verify(signature, signed, scheme, SHA256())


def decrypted(token: str, key: PrivateKey | None) -> str:
    """What a client finds in an encrypted token (RFC 7516 §5.2, RFC 7518 §4, §5).

    :raises Exception: If it cannot be opened.
    """
    assert key is not None
    head, wrapped, iv, ciphertext, tag = token.split(".")
    header = header_of(token)
    secret = _content_key(header, octets(wrapped), key)
    assert len(secret) == _SIZES[header["enc"]]
    parts = octets(iv), octets(ciphertext), octets(tag)

    if header["enc"].endswith("GCM"):
        nonce, body, mark = parts
        return AESGCM(secret).decrypt(nonce, body + mark, head.encode()).decode()

    return _cbc(secret, *parts, head.encode()).decode()


def _content_key(header: dict[str, Any], wrapped: bytes, key: PrivateKey) -> bytes:
    alg = header["alg"]

    if isinstance(key, RSAPrivateKey):
        digest: hashes.HashAlgorithm = SHA256() if alg == "RSA-OAEP-256" else SHA1()  # noqa: S303
        return key.decrypt(
            wrapped, padding.OAEP(padding.MGF1(digest), digest, label=None)
        )

    shared = _shared(header["epk"], key)

    if alg == "ECDH-ES":
        assert wrapped == b""
        return _derived(shared, header["enc"], _SIZES[header["enc"]])

    return aes_key_unwrap(_derived(shared, alg, _WRAPS[alg]), wrapped)


def _shared(epk: dict[str, Any], key: Any) -> bytes:
    if isinstance(key, X25519PrivateKey):
        return key.exchange(X25519PublicKey.from_public_bytes(octets(epk["x"])))

    public = ec.EllipticCurvePublicNumbers(
        number(epk["x"]), number(epk["y"]), _CURVES[epk["crv"]]
    ).public_key()
    shared: bytes = key.exchange(ec.ECDH(), public)

    return shared


def _derived(shared: bytes, name: str, size: int) -> bytes:
    # RFC 7518 §4.6.2: algorithm, no party information, length in bits.
    other = len(name).to_bytes(4) + name.encode() + bytes(8) + (size * 8).to_bytes(4)

    return ConcatKDFHash(SHA256(), length=size, otherinfo=other).derive(shared)


def _cbc(secret: bytes, iv: bytes, body: bytes, tag: bytes, head: bytes) -> bytes:
    # RFC 7518 §5.2.2.2: one half authenticates, the other one encrypts.
    sealed = head + iv + body + (len(head) * 8).to_bytes(8)
    mac = hmac.new(secret[:16], sealed, hashlib.sha256).digest()
    assert hmac.compare_digest(mac[:16], tag)
    decryptor = Cipher(algorithms.AES(secret[16:]), modes.CBC(iv)).decryptor()
    padded = decryptor.update(body) + decryptor.finalize()
    unpadder = block_padding.PKCS7(128).unpadder()

    return unpadder.update(padded) + unpadder.finalize()
