"""How sessions begin, and clients join, where only so many are allowed.

Each function is called in a transaction that is alone with the subject.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from ...models import EndedSession
from ...models import LogoutReason
from ...models import Participant
from ...models import ServerSideSession
from ...models import SessionLimit
from . import rows
from .endings import end_locked
from .endings import still_there
from .participation import joining
from .participation import joining_values
from .schema import participants
from .schema import sessions

__all__ = ["create_within", "join_within", "make_room"]

_SELECT = sa.select(*rows.SESSION_COLUMNS)


def create_within(
    connection: sa.Connection, session: ServerSideSession, limit: SessionLimit
) -> tuple[EndedSession, ...]:
    """Insert a session, after those have ended that it is one too many for.

    :raises SessionLimitError: If it is refused.
    """
    ended = make_room(connection, session, limit)
    connection.execute(sa.insert(sessions).values(rows.session_values(session)))

    return ended


def make_room(
    connection: sa.Connection, session: ServerSideSession, limit: SessionLimit
) -> tuple[EndedSession, ...]:
    """End the sessions that one more is too many for.

    :raises SessionLimitError: If it is refused.
    """
    live = _live_of(session.subject_id, session.created_at)

    return _made_room(connection, live, limit, at=session.created_at)


def join_within(
    connection: sa.Connection, participant: Participant, limit: SessionLimit
) -> tuple[EndedSession, ...]:
    """Insert a participant, after other sessions with its client have ended.

    :raises SessionGoneError: If the session has ended.
    :raises SessionLimitError: If it is refused.
    """
    session = still_there(connection, participant.session_id)
    same_client = sa.select(participants.c.session_id).where(
        participants.c.client_id == participant.client_id
    )
    mine = same_client.where(participants.c.session_id == session.session_id)

    if connection.execute(mine).first() is not None:
        return ()

    others = _live_of(session.subject_id, participant.joined_at).where(
        sessions.c.session_id != session.session_id,
        sessions.c.session_id.in_(same_client),
    )
    ended = _made_room(connection, others, limit, at=participant.joined_at)
    connection.execute(
        joining(dialect_name=connection.dialect.name), joining_values(participant)
    )

    return ended


def _live_of(subject_id: str | None, now: datetime) -> sa.Select[*tuple[object, ...]]:
    return _SELECT.where(
        sessions.c.subject_id == subject_id, sessions.c.expires_at > now
    ).with_for_update(of=sessions)


def _made_room(
    connection: sa.Connection,
    live: sa.Select[*tuple[object, ...]],
    limit: SessionLimit,
    *,
    at: datetime,
) -> tuple[EndedSession, ...]:
    found = map(rows.session_from, connection.execute(live).all())

    return end_locked(
        connection,
        limit.making_room(found),
        reason=lambda _: LogoutReason.EVICTED,
        ended_at=at,
    )
