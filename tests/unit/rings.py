"""Rings of keys, and what can be seen of them."""

from __future__ import annotations

import base64
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.jwk import generate_key
from joserfc.jwk import KeySet

from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.adapters.key_ring import KeyRing
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.models import Client
from idp_session.models import SigningKeyState
from idp_session.testing import ManualClock
from idp_session.testing import START

__all__ = [
    "ACTIVE",
    "DAY",
    "NEW",
    "OTHER",
    "PROTECTOR",
    "RETIRED",
    "SHOP",
    "is_verified",
    "key_id_of",
    "make_ring",
    "published",
    "signed",
    "states",
    "write_old_file",
]

PROTECTOR = AesGcmTicketProtector("0123456789abcdef")
OTHER = AesGcmTicketProtector("fedcba9876543210")
SHOP = Client(client_id="shop", id_token_signed_response_alg="ES256")
DAY = timedelta(days=1)
NEW, ACTIVE, RETIRED = SigningKeyState


def make_ring(path: Path, clock: ManualClock | None = None, **members: Any) -> KeyRing:
    """A ring with one quick kind of key."""
    defaults = {"algorithms": ["ES256"], "protector": PROTECTOR}

    return KeyRing(path, clock=clock, **{**defaults, **members})


def states(ring: KeyRing) -> list[SigningKeyState]:
    return [key.state for key in ring.statuses()]


def signed(ring: KeyRing) -> str:
    return KeySetTokenSigner(ring).sign({"a": 1}, client=SHOP, token_type="JWT")


def key_id_of(token: str) -> str:
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))

    return str(header["kid"])


def published(ring: KeyRing) -> dict[str, Any]:
    """What a client fetches; it went over the wire."""
    keys: dict[str, Any] = json.loads(
        json.dumps(KeySetTokenSigner(ring).public_key_set())
    )

    return keys


def is_verified(token: str, jwks: dict[str, Any]) -> bool:
    """Whether a client that knows these keys believes the token."""
    known = {jwk["kid"]: jwk for jwk in jwks["keys"]}
    jwk = known.get(key_id_of(token))

    if jwk is None:
        return False

    jws.deserialize_compact(token, KeySet.import_key_set({"keys": [jwk]}), ["ES256"])

    return True


def write_old_file(path: Path, *keys: Any) -> KeySet:
    """A file as it was before keys were rotated; readable, and from ten days ago."""
    key_set = KeySet([*keys] or [generate_key("EC", "P-256", {"use": "sig"})])
    content = json.dumps(key_set.as_dict(private=True)).encode()
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(PROTECTOR.seal(content, purpose="signing-keys"))
    written_at = (START - 10 * DAY).timestamp()
    os.utime(path, (written_at, written_at))

    return key_set
