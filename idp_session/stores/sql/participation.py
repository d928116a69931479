"""How a client joins a session, and how its clients are read."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite

from ...models import Participant
from . import rows
from .schema import participants
from .schema import sessions
from .types import MYSQL

__all__ = ["joining", "participants_of"]


def joining(participant: Participant, *, dialect_name: str) -> sa.Insert:
    """The statement that adds a participant, if the session is still there.

    One statement, so that the end of the session cannot come in between. A
    participant that is known is left as it is, and nothing else is forgiven.

    :param dialect_name: For which database.
    """
    values = rows.participant_values(participant)
    names = list(values)
    query = sa.select(
        *(
            sa.literal(values[name], participants.c[name].type).label(name)
            for name in names
        )
    ).where(sessions.c.session_id == participant.session_id)

    if dialect_name in MYSQL:
        # INSERT IGNORE would forgive every other error, too.
        return (
            mysql.insert(participants)
            .from_select(names, query)
            .on_duplicate_key_update(client_id=participants.c.client_id)
        )

    if dialect_name == "postgresql":
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


def participants_of(
    connection: sa.Connection, session_id: str
) -> tuple[Participant, ...]:
    """Who takes part, in the order in which they joined."""
    query = (
        sa.select(*rows.PARTICIPANT_COLUMNS)
        .where(participants.c.session_id == session_id)
        .order_by(participants.c.joined_at, participants.c.id)
    )

    return tuple(map(rows.participant_from, connection.execute(query).mappings()))
