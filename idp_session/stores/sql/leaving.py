"""How clients leave a session that goes on, within a transaction."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from ...models import Departure
from ...models import LogoutReason
from ...models import Participant
from .endings import locked
from .owing import owe
from .participation import participants_of
from .schema import participants

__all__ = ["leave"]


def leave(
    connection: sa.Connection,
    session_id: str,
    *,
    client_ids: Collection[str],
    reason: LogoutReason,
    left_at: datetime,
    notify: bool,
) -> Departure | None:
    """Have clients leave a session.

    :param connection: The transaction.
    :param session_id: The session.
    :param client_ids: Who is to leave.
    :param reason: Why.
    :param left_at: When.
    :param notify: Whether they are owed word.
    :returns: Who left; ``None`` if none of them took part.
    """
    session = locked(connection, session_id)
    leaving = _leaving(connection, session_id, client_ids) if session else ()

    if session is None or not leaving:
        return None

    departure = Departure(
        session_id=session_id,
        subject_id=session.subject_id,
        reason=reason,
        left_at=left_at,
        participants=leaving,
        notified=notify,
    )
    owe(connection, [departure.as_ended_session] if notify else ())
    _remove(connection, session_id, departure.client_ids)

    return departure


def _leaving(
    connection: sa.Connection, session_id: str, client_ids: Collection[str]
) -> tuple[Participant, ...]:
    # Compared here: what no database could hold takes part in nothing.
    return tuple(
        participant
        for participant in participants_of(connection, session_id)
        if participant.client_id in client_ids
    )


def _remove(
    connection: sa.Connection, session_id: str, client_ids: Sequence[str]
) -> None:
    connection.execute(
        sa.delete(participants).where(
            participants.c.session_id == session_id,
            participants.c.client_id.in_(client_ids),
        )
    )
