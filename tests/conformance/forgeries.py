"""ID tokens that the provider has not issued."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

from joserfc import jwt
from joserfc.jwk import OctKey
from joserfc.jwk import RSAKey

from .browser import SignedIn

__all__ = [
    "altered",
    "issued_by_the_client",
    "of_another_issuer",
    "signed_by_the_client",
    "signed_with_the_public_key",
    "signed_with_the_secret",
    "unsigned",
    "unsigned_with_signature",
]

_FORGERY = RSAKey.generate_key(2048)


def _encoded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _header(token: str) -> dict[str, Any]:
    part = token.split(".")[0]
    header: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    )

    return header


def unsigned(session: SignedIn) -> str:
    """With ``alg`` none."""
    return f"{_encoded({'alg': 'none', 'typ': 'JWT'})}.{_encoded(session.claims)}."


def unsigned_with_signature(session: SignedIn) -> str:
    """With ``alg`` none, and the signature of the genuine one."""
    signature = session.id_token.rpartition(".")[2]

    return unsigned(session) + signature


def signed_by_the_client(session: SignedIn) -> str:
    """The same claims, under a key of the client."""
    header = {**_header(session.id_token), "alg": "RS256"}

    return jwt.encode(header, session.claims, _FORGERY)


def issued_by_the_client(session: SignedIn) -> str:
    """With the client as issuer, under its own key."""
    claims = session.claims
    swapped = {**claims, "iss": claims["aud"], "aud": claims["iss"]}

    return jwt.encode({"alg": "RS256"}, swapped, _FORGERY)


def signed_with_the_secret(session: SignedIn) -> str:
    """The same claims, under the client's secret."""
    key = OctKey.import_key(session.client.client_secret)

    return jwt.encode({"alg": "HS256"}, session.claims, key)


def signed_with_the_public_key(session: SignedIn) -> str:
    """The same claims, with the provider's public key as a secret."""
    # A verifier that mixes algorithms up takes the key's text for a secret.
    keys = session.client.provider.keys.keys
    [rsa] = [key for key in keys if isinstance(key, RSAKey)]
    header = _encoded({"alg": "HS256", "typ": "JWT", "kid": rsa.kid})
    content = f"{header}.{_encoded(session.claims)}"
    signature = hmac.digest(rsa.as_pem(private=False), content.encode(), "sha256")

    return f"{content}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def altered(session: SignedIn) -> str:
    """Another user, under the genuine signature."""
    header, _, signature = session.id_token.split(".")

    return f"{header}.{_encoded({**session.claims, 'sub': 'bob'})}.{signature}"


def of_another_issuer(session: SignedIn) -> str:
    """Another issuer, under a key of nobody."""
    claims = {**session.claims, "iss": "https://other.test"}

    return jwt.encode(_header(session.id_token), claims, _FORGERY)
