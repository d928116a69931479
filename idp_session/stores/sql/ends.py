"""The ends of sessions that are kept elsewhere, within a transaction."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from ...models import EndedSession
from .schema import ends

__all__ = ["forget_ends", "note_end", "noted_end"]


def note_end(connection: sa.Connection, ended: EndedSession) -> None:
    """Write down that a session has ended.

    :param connection: The transaction.
    :param ended: The session.
    :raises sqlalchemy.exc.IntegrityError: If that was written down before. Whoever
        writes it at the same time is waited for.
    """
    connection.execute(
        sa.insert(ends).values(session_id=ended.session_id, ended_at=ended.ended_at)
    )


def noted_end(session_id: str) -> sa.Select[str]:
    """The query for the end of a session; without a row nobody has noted it."""
    return sa.select(ends.c.session_id).where(ends.c.session_id == session_id)


def forget_ends(connection: sa.Connection, *, before: datetime, limit: int) -> int:
    """Delete the notes of ends that are long past.

    :param connection: The transaction.
    :param before: Those of sessions that ended before this instant.
    :param limit: How many at the most.
    :returns: How many were deleted.
    """
    query = (
        sa.select(ends.c.session_id)
        .where(ends.c.ended_at < before)
        .order_by(ends.c.ended_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )

    # MariaDB takes no LIMIT in a subquery.
    if found := connection.scalars(query).all():
        connection.execute(sa.delete(ends).where(ends.c.session_id.in_(found)))

    return len(found)
