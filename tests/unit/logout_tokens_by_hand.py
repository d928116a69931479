"""Logout tokens that are made by hand, and a validator for them."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from datetime import timedelta
from datetime import UTC
from typing import Any

from joserfc.jwa import JWSAlgModel
from joserfc.jwk import ECKey
from joserfc.jwk import Key
from joserfc.jwk import KeySet
from joserfc.jwk import OKPKey
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

from idp_session.relying_party import LogoutToken
from idp_session.relying_party import LogoutTokenValidator

ISSUER = "https://idp.test"
CLIENT = "shop"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ABSENT = object()
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
OTHER_RSA = RSAKey.generate_key(2048, {"kid": "other"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
EDWARDS = OKPKey.generate_key("Ed25519", {"kid": "ed"})
PUBLISHED = KeySet([RSA, EC, EDWARDS])


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def signed(
    claims: object, *, key: Key = RSA, alg: str = "RS256", **header: object
) -> str:
    """A token, signed by hand so that any header and any payload is possible."""
    head: dict[str, object] = {"alg": alg, "kid": key.kid, "typ": "logout+jwt"} | header
    kept = {k: v for k, v in head.items() if v is not None and v is not ABSENT}
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    content = f"{encoded(json.dumps(kept).encode())}.{encoded(payload)}"
    model: JWSAlgModel = JWSRegistry.algorithms[alg]

    return f"{content}.{encoded(model.sign(content.encode(), key))}"


def claims(**changes: object) -> dict[str, object]:
    good: dict[str, object] = {
        "iss": ISSUER,
        "aud": CLIENT,
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 120,
        "jti": "token-1",
        "events": {EVENT: {}},
        "sub": "alice",
        "sid": "session-1",
    }

    return {k: v for k, v in (good | changes).items() if v is not ABSENT}


def at(offset: float) -> float:
    return NOW.timestamp() + offset


def validator_with(clock: Clock, **options: Any) -> LogoutTokenValidator:
    """The validator of the shop, with everything that is not given as is usual."""
    defaults: dict[str, Any] = {"keys": PUBLISHED, "clock": clock}

    return LogoutTokenValidator(issuer=ISSUER, client_id=CLIENT, **(defaults | options))


def token(number: int = 1, *, session_id: str | None = "session-1") -> LogoutToken:
    return LogoutToken(
        issuer=ISSUER,
        subject="alice",
        session_id=session_id,
        token_id=f"token-{number}",
        issued_at=NOW,
        expires_at=NOW + 120 * SECOND,
    )


# Which local sessions end, LTV-15 and LTV-18


class Seconds:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now
