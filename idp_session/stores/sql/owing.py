"""What is owed when sessions end, within a transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from functools import cache

import sqlalchemy as sa

from ...models import DeliveryState
from ...models import EndedSession
from ...models import LogoutReason
from .among import among
from .schema import deliveries
from .schema import participants

__all__ = ["owe", "owe_everybody"]

_AT = sa.bindparam("at", type_=deliveries.c.created_at.type)
_TO_EVERYBODY = {
    "session_id": participants.c.session_id,
    "client_id": participants.c.client_id,
    "issuer": participants.c.issuer,
    "subject": participants.c.subject,
    "reason": sa.bindparam("reason", type_=deliveries.c.reason.type),
    "created_at": _AT,
    "due_at": _AT,
    "attempts": sa.literal(0),
    "state": sa.literal(DeliveryState.PENDING, type_=deliveries.c.state.type),
}


def owe_everybody(
    connection: sa.Connection, ended: Iterable[EndedSession], *, at: datetime
) -> None:
    """Add one pending delivery per participant that is there, within a transaction.

    The database has them all: nothing of them needs to come from here.

    :param connection: The transaction, which has locked the sessions.
    :param ended: The sessions, with all their participants.
    :param at: When they end.
    """
    alike: dict[LogoutReason, list[str]] = defaultdict(list)

    for session in ended:
        if session.participants:
            alike[session.reason].append(session.session_id)

    insert = _owe_everybody(connection.dialect.name)

    for reason, session_ids in alike.items():
        connection.execute(
            insert, {"session_ids": session_ids, "reason": reason, "at": at}
        )


def owe(connection: sa.Connection, ended: Iterable[EndedSession]) -> None:
    """Add one pending delivery per participant, within a transaction.

    :param connection: The transaction in which the sessions end.
    :param ended: The sessions.
    """
    owed = [
        {
            "session_id": session.session_id,
            "client_id": participant.client_id,
            "issuer": participant.issuer,
            "subject": participant.subject,
            "reason": session.reason,
            "created_at": session.ended_at,
            "due_at": session.ended_at,
            "attempts": 0,
            "state": DeliveryState.PENDING,
        }
        for session in ended
        for participant in session.participants
    ]

    if owed:
        connection.execute(sa.insert(deliveries), owed)


@cache
def _owe_everybody(dialect_name: str) -> sa.Insert:
    are_meant = among(
        participants.c.session_id, "session_ids", dialect_name=dialect_name
    )

    return sa.insert(deliveries).from_select(
        list(_TO_EVERYBODY),
        sa.select(*_TO_EVERYBODY.values())
        .where(are_meant)
        .order_by(participants.c.joined_at, participants.c.id),
    )
