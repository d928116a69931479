"""What the cookie of a browser holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from ...models import EndedSession
from ...models import LogoutReason
from ...models import Participant
from ...models import ServerSideSession

__all__ = ["CarriedSession", "CookieContents", "ended_session", "is_live"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class CarriedSession:
    """A session with everything that belongs to it."""

    #: The record; its ticket is not sealed on its own.
    record: ServerSideSession
    #: Who takes part, in the order in which they came.
    participants: tuple[Participant, ...] = ()
    #: Its data, by name.
    data: Mapping[str, bytes] = field(default_factory=lambda: _NOTHING, repr=False)
    #: Its attributes, by name.
    attributes: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


@dataclass(frozen=True, kw_only=True, slots=True)
class CookieContents:
    """What is sealed in the cookie of one browser."""

    #: The secret that the session goes by within a request; nobody is shown it.
    handle: str = field(repr=False)
    #: Until when the browser keeps the cookie; ``None`` means until it is closed.
    kept_until: datetime | None
    #: The session.
    session: CarriedSession
    #: Whether something of it could not be read and was left out.
    damaged: bool = False


def is_live(current: CarriedSession, *, now: datetime, client_id: str | None) -> bool:
    """Whether it is somebody's and has not expired.

    :param current: The session.
    :param now: The current instant; aware UTC.
    :param client_id: If given, whether this client takes part in it, too.
    """
    if current.record.subject_id is None or current.record.expires_at <= now:
        return False

    return client_id is None or any(
        participant.client_id == client_id for participant in current.participants
    )


def ended_session(
    current: CarriedSession,
    reason: LogoutReason,
    ended_at: datetime,
    *,
    notify: bool,
) -> EndedSession:
    """What is left of a session when it ends.

    :param current: The session.
    :param reason: Why it ends.
    :param ended_at: When.
    :param notify: Whether its clients are told.
    """
    record = current.record

    return EndedSession(
        session_id=record.session_id,
        subject_id=record.subject_id,
        display_name=record.display_name,
        reason=reason,
        ended_at=ended_at,
        participants=tuple(sorted(current.participants, key=attrgetter("joined_at"))),
        notified=notify,
        key=record.key,
    )
