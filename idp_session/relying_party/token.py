"""What a validated logout token says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["LogoutToken"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoutToken:
    """A logout token that passed every check (Back-Channel Logout 1.0 §2.4).

    At least one of ``subject`` and ``session_id`` is set. With a session id it
    speaks of that session; without, of all sessions of the subject.
    """

    #: Who says so (``iss``).
    issuer: str
    #: Whose sessions end (``sub``), as this client knows the user.
    subject: str | None
    #: Which session ends (``sid``).
    session_id: str | None
    #: Identifies the token (``jti``).
    token_id: str
    #: When it was signed (``iat``); aware UTC.
    issued_at: datetime
    #: Until when it may be used (``exp``); aware UTC. ``None`` only if the
    #: validator was told to do without.
    expires_at: datetime | None
    #: Why the session ended (``logout_reason``), in the words of the provider, such
    #: as ``"admin"``; ``None`` if it does not say. The claim is an extension of
    #: this package, and may be any text.
    reason: str | None = None
