"""Word of sessions, for channels."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .sessions import LogoutReason

__all__ = ["SessionEvent", "SessionEventKind"]


class SessionEventKind(enum.StrEnum):
    """What happened to a session that a channel is bound to."""

    #: Its data changed.
    DATA_CHANGED = "data_changed"
    #: A client joined it, or left it.
    CLIENTS_CHANGED = "clients_changed"
    #: It is over; nothing follows.
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionEvent:
    """Word of one session, for the channels that are bound to it."""

    #: The public id of the session.
    session_id: str
    #: What happened.
    kind: SessionEventKind
    #: Why it ended; ``None`` if it has not, or if only its absence was noticed.
    reason: LogoutReason | None = None
