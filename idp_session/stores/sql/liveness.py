"""Finding out that the server has closed a pooled connection, before it is used."""

from __future__ import annotations

import select
import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

__all__ = ["watch_over"]

#: After so many seconds without use, a firewall may have forgotten the connection
#: without telling anybody.
_LONG_UNUSED = 5.0

_TAKEN_AT = "idp_session_taken_at"


def watch_over(engine: sa.Engine) -> None:
    """Have no connection lent that is dead, without a round trip for each.

    What ``pool_pre_ping`` does, but the server is asked only if the connection was
    not used for a while, or if something waits to be read on it: that is how a
    server that ends, restarts, or closes the connection makes itself felt.

    :param engine: The engine; not one on SQLite, which has no connection to lose.
    """
    dialect = engine.dialect

    def check(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        now = time.monotonic()
        # What is new has no such time, and is alive.
        taken_at = record.info.get(_TAKEN_AT, now)
        record.info[_TAKEN_AT] = now

        if now - taken_at < _LONG_UNUSED and _is_quiet(connection):
            return

        if not _answers(dialect, connection):
            raise InvalidatePoolError

    sa.event.listen(engine, "checkout", check)


def _answers(dialect: sa.Dialect, connection: Any) -> bool:
    try:
        return dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        if dialect.is_disconnect(error, connection, None):
            return False

        raise


def _is_quiet(connection: Any) -> bool:
    number = _socket_number(connection)

    if number is None or not hasattr(select, "poll"):
        return False

    poll = select.poll()
    poll.register(number, select.POLLIN)

    return not poll.poll(0)


def _socket_number(connection: Any) -> int | None:
    # psycopg says which socket it is; PyMySQL has it here. Others are asked each time.
    known = connection if hasattr(connection, "fileno") else _socket_of(connection)

    if known is None or _is_closed(connection):
        return None

    try:
        return int(known.fileno())
    except OSError:
        # pg8000 has another object under that name.
        return None


def _socket_of(connection: Any) -> Any:
    return getattr(connection, "_sock", None)


def _is_closed(connection: Any) -> bool:
    return bool(getattr(connection, "closed", False))
