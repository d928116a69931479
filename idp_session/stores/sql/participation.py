"""How a client joins a session, and how its clients are read."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import sqlite

from ...models import Participant
from . import rows
from .schema import participants
from .schema import sessions
from .types import MYSQL

__all__ = ["joining", "joining_values", "participants_of", "participants_query"]


#: The parameters of a joining, by the names of the columns.
_PREFIX = "new_"


def joining(*, dialect_name: str) -> sa.Insert:
    """The statement that adds a participant, if the session is still there.

    One statement, so that the end of the session cannot come in between. A
    participant that is known is left as it is, and nothing else is forgiven.

    :param dialect_name: For which database.
    """
    names = [column.name for column in rows.PARTICIPANT_COLUMNS]
    query = sa.select(
        *(_parameter(column).label(column.name) for column in rows.PARTICIPANT_COLUMNS)
    ).where(sessions.c.session_id == _parameter(participants.c.session_id))

    if dialect_name in MYSQL:
        # The row itself is locked, which the check of the foreign key does not do: it
        # locks an entry of one index, and whoever has found the session by another one,
        # such as a sweep, would not be met.
        # INSERT IGNORE would forgive every other error, too.
        return (
            mysql.insert(participants)
            .from_select(names, query.with_for_update())
            .on_duplicate_key_update(client_id=participants.c.client_id)
        )

    if dialect_name == "postgresql":
        from sqlalchemy.dialects import postgresql  # loaded where it is used

        return (
            postgresql.insert(participants)
            .from_select(names, query)
            .on_conflict_do_nothing(index_elements=["session_id", "client_id"])
        )

    return (
        sqlite.insert(participants)
        .from_select(names, query)
        .on_conflict_do_nothing(index_elements=["session_id", "client_id"])
    )


def joining_values(participant: Participant) -> dict[str, object]:
    """The values of the parameters of :func:`joining`.

    :raises ValueError: If an identifier is longer than its column.
    """
    values = rows.participant_values(participant)

    return {f"{_PREFIX}{name}": value for name, value in values.items()}


def participants_query(
    session_id: str | sa.BindParameter[str],
) -> sa.Select[*tuple[object, ...]]:
    """Who takes part, in the order in which they joined.

    :param session_id: In which session.
    """
    return (
        sa.select(*rows.PARTICIPANT_COLUMNS)
        .where(participants.c.session_id == session_id)
        .order_by(participants.c.joined_at, participants.c.id)
    )


def participants_of(
    connection: sa.Connection, session_id: str
) -> tuple[Participant, ...]:
    """Who takes part, in the order in which they joined."""
    found = connection.execute(participants_query(session_id)).all()

    return tuple(map(rows.participant_from, found))


def _parameter(column: sa.Column[Any]) -> sa.BindParameter[Any]:
    return sa.bindparam(f"{_PREFIX}{column.name}", type_=column.type)
