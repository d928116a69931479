"""How sessions go, within a transaction: with everything that is owed for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from ...errors import SessionGoneError
from ...models import EndedSession
from ...models import LogoutReason
from ...models import Participant
from ...models import ServerSideSession
from . import rows
from .among import among
from .owing import owe_everybody
from .schema import attributes
from .schema import data
from .schema import participants
from .schema import sessions

__all__ = ["end_locked", "expired", "locked", "remove", "still_there"]

_SELECT = sa.select(*rows.SESSION_COLUMNS)
# Databases have a limit of parameters in one statement.
_CHUNK = 500
# Those that belong to others first.
_TABLES = (participants, data, attributes, sessions)


def locked(
    connection: sa.Connection, session_id: str, *, expired_at: datetime | None = None
) -> ServerSideSession | None:
    """A session that stays as it is until the end of the transaction.

    The first to touch the session in its transaction: whoever adds a participant now
    waits and then finds no session, and whoever has added one is seen by the next
    read.

    :param connection: The transaction.
    :param session_id: Which.
    :param expired_at: If given, only if it had expired at this instant.
    """
    query = _SELECT.where(sessions.c.session_id == session_id).with_for_update()

    if expired_at is not None:
        query = query.where(sessions.c.expires_at <= expired_at)

    row = connection.execute(query).one_or_none()

    return None if row is None else rows.session_from(row)


def still_there(connection: sa.Connection, session_id: str) -> ServerSideSession:
    """A session, locked: whoever changes what belongs to it waits here in line.

    :param connection: The transaction.
    :param session_id: Which.
    :raises SessionGoneError: If it has ended.
    """
    session = locked(connection, session_id)

    if session is None:
        raise SessionGoneError("the session has ended", key=session_id)

    return session


def expired(
    connection: sa.Connection, now: datetime, *, limit: int
) -> tuple[ServerSideSession, ...]:
    """Sessions that have expired, locked, without those that others have locked.

    :param connection: The transaction.
    :param now: The instant to compare with.
    :param limit: How many at the most.
    """
    # In the order of the index and no other: to sort, MariaDB would lock every row that
    # has expired, and leave nothing to other callers.
    query = (
        _SELECT.where(sessions.c.expires_at <= now)
        .order_by(sessions.c.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )

    return tuple(map(rows.session_from, connection.execute(query).all()))


def end_locked(
    connection: sa.Connection,
    found: Sequence[ServerSideSession],
    *,
    reason: Callable[[ServerSideSession], LogoutReason],
    ended_at: datetime,
    notify: bool = True,
) -> tuple[EndedSession, ...]:
    """End sessions that this transaction has locked.

    :param connection: The transaction.
    :param found: The sessions.
    :param reason: Why each of them ends.
    :param ended_at: When.
    :param notify: Whether their clients are owed word.
    """
    ended: list[EndedSession] = []

    for start in range(0, len(found), _CHUNK):
        chunk = found[start : start + _CHUNK]
        joined = _participants(connection, chunk)
        ended += [
            EndedSession(
                session_id=session.session_id,
                subject_id=session.subject_id,
                display_name=session.display_name,
                reason=reason(session),
                ended_at=ended_at,
                participants=tuple(joined[session.session_id]),
                notified=notify,
                key=session.key,
            )
            for session in chunk
        ]
        owe_everybody(connection, ended[start:] if notify else (), at=ended_at)
        remove(connection, _ids(chunk))

    return tuple(ended)


def _participants(
    connection: sa.Connection, found: Sequence[ServerSideSession]
) -> dict[str, list[Participant]]:
    joined: dict[str, list[Participant]] = defaultdict(list)

    query = _participants_of_several(connection.dialect.name)

    for row in connection.execute(query, {"session_ids": _ids(found)}).all():
        participant = rows.participant_from(row)
        joined[participant.session_id].append(participant)

    return joined


def remove(connection: sa.Connection, session_ids: Sequence[str]) -> None:
    """Delete sessions with everything that belongs to them.

    :param connection: The transaction.
    :param session_ids: Which.
    """
    tables = _TABLES[-1:] if _cascades(connection) else _TABLES

    for table in tables:
        delete = _delete_of_several(table, connection.dialect.name)
        connection.execute(delete, {"session_ids": session_ids})


@cache
def _participants_of_several(
    dialect_name: str,
) -> sa.Select[*tuple[object, ...]]:
    return (
        sa.select(*rows.PARTICIPANT_COLUMNS)
        .where(_among_ids(participants, dialect_name))
        .order_by(participants.c.joined_at, participants.c.id)
    )


@cache
def _delete_of_several(table: sa.Table, dialect_name: str) -> sa.Delete:
    return sa.delete(table).where(_among_ids(table, dialect_name))


def _among_ids(table: sa.Table, dialect_name: str) -> sa.ColumnElement[bool]:
    return among(table.c.session_id, "session_ids", dialect_name=dialect_name)


def _cascades(connection: sa.Connection) -> bool:
    if connection.dialect.name != "sqlite":
        return True

    # SQLite does only if it was told so on this connection.
    driver: Any = connection.connection.driver_connection
    (is_told,) = driver.execute("PRAGMA foreign_keys").fetchone()

    return bool(is_told)


def _ids(found: Sequence[ServerSideSession]) -> list[str]:
    return [session.session_id for session in found]
