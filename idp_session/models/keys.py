"""What may be known of signing keys; never the keys themselves."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

__all__ = ["SigningKeyState", "SigningKeyStatus"]


class SigningKeyState(enum.StrEnum):
    """How far a signing key is; one that was removed is not there any more."""

    #: Published ahead of its use, so that clients have it before they need it.
    NEW = "new"
    #: Published, and signs.
    ACTIVE = "active"
    #: Published, and signs no more; what it has signed still verifies.
    RETIRED = "retired"


@dataclass(frozen=True, kw_only=True, slots=True)
class SigningKeyStatus:
    """One signing key, without anything secret."""

    #: Its ``kid``: the thumbprint (RFC 7638).
    key_id: str
    #: What it can sign with, such as ``("RS256", "PS256")``.
    algorithms: tuple[str, ...]
    #: How far it is.
    state: SigningKeyState
    #: Since when it is published; aware UTC.
    published_at: datetime
    #: From when on it signs.
    signs_from: datetime
    #: When it stops signing; ``None`` as long as no other key is there to follow.
    retired_at: datetime | None
    #: When it is removed, if nobody does so earlier.
    removed_from: datetime | None
