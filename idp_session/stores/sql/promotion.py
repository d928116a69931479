"""How an anonymous session becomes somebody's, within a transaction."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from ...errors import SessionGoneError
from ...models import EndedSession
from ...models import ServerSideSession
from ...models import SessionLimit
from . import keeping
from . import rows
from .endings import remove
from .limits import make_room
from .schema import sessions

__all__ = ["promote"]


def promote(
    connection: sa.Connection,
    key: str,
    session: ServerSideSession,
    *,
    reseal: Callable[[str, bytes], bytes | None],
    limit: SessionLimit | None,
) -> tuple[EndedSession, ...]:
    """Put a session in the place of an anonymous one, with what that one keeps.

    :param connection: The transaction; with a limit, it is alone with the subject.
    :param key: The key of the anonymous session.
    :param session: The new one.
    :param reseal: From the bytes of a name to those that belong to the new session.
    :param limit: How many sessions the subject may have.
    :returns: What has ended to make room.
    :raises SessionGoneError: If no anonymous session has the key.
    :raises SessionLimitError: If the session is refused.
    :raises ValueError: If an identifier is longer than its column.
    """
    values = {**rows.session_values(session), "previous_key": key}
    old = _anonymous(connection, key)
    ended = make_room(connection, session, limit) if limit else ()
    connection.execute(sa.insert(sessions).values(values))
    keeping.move(connection, old, to=session.session_id, reseal=reseal)
    remove(connection, [old])

    return ended


def _anonymous(connection: sa.Connection, key: str) -> str:
    query = (
        sa.select(sessions.c.session_id)
        .where(sessions.c.key == key, sessions.c.subject_id.is_(None))
        .with_for_update()
    )
    session_id: str | None = connection.execute(query).scalar_one_or_none()

    if session_id is None:
        raise SessionGoneError("no anonymous session has this key", key=key)

    return session_id
