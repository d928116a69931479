"""Where a lookup has its connection from."""

from __future__ import annotations

import weakref
from collections import deque
from typing import Any
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.pool import PoolProxiedConnection

from ...adapters.forks import forget_after_fork

__all__ = ["ConnectionSource", "connection_source"]

#: How many connections wait for the next lookup; more are closed after theirs.
_MOST_KEPT = 16


class ConnectionSource(Protocol):
    """Lends connections on which single statements are executed."""

    def take(self) -> PoolProxiedConnection:
        """A connection that nobody else has."""

    def give_back(self, connection: PoolProxiedConnection) -> None:
        """Let others have a connection that has done its work."""

    def discard(self, connection: PoolProxiedConnection) -> None:
        """Close a connection on which something went wrong."""


def connection_source(engine: sa.Engine) -> ConnectionSource:
    """What suits an engine.

    :param engine: The database.
    """
    # Of a database in memory there is one connection, and none may be kept where the
    # host keeps none. Connections to a server are counted there: the pool has them.
    pool = engine.pool

    # Who wants one connection to a file may have locked it for that one.
    if (
        engine.dialect.name == "sqlite"
        and type(pool) is sa.QueuePool
        and pool.size() != 1
    ):
        return _kept_connections(engine)

    return _PooledConnections(engine)


def _kept_connections(engine: sa.Engine) -> _KeptConnections:
    # A host may make a store whenever it needs one.
    return _kept.get(engine) or _kept.setdefault(engine, _KeptConnections(engine))


class _PooledConnections:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def take(self) -> PoolProxiedConnection:
        return self._engine.raw_connection()

    def give_back(self, connection: PoolProxiedConnection) -> None:
        connection.close()

    def discard(self, connection: PoolProxiedConnection) -> None:
        connection.invalidate()
        connection.close()


class _KeptConnections(_PooledConnections):
    """Connections to a SQLite file that wait beside the pool.

    The pool takes longer to lend one and take it back than SQLite to look something
    up. Whoever listens to the pool, however, is told of each lookup.
    """

    def __init__(self, engine: sa.Engine) -> None:
        # Whoever holds the engine would hold its entry among those that are kept.
        super().__init__(weakref.proxy(engine))
        self._inherited: list[object] = []
        self._waiting: deque[PoolProxiedConnection] = deque()
        forget_after_fork(self)
        sa.event.listen(engine, "engine_disposed", self._close)

    def take(self) -> PoolProxiedConnection:
        if self._pool_is_watched():
            return super().take()

        try:
            return self._waiting.pop()
        except IndexError:
            connection = super().take()
            connection.detach()

            return connection

    def give_back(self, connection: PoolProxiedConnection) -> None:
        if connection.is_detached and len(self._waiting) < _MOST_KEPT:
            self._end_transaction(connection)
            self._waiting.append(connection)
        else:
            connection.close()

    def discard(self, connection: PoolProxiedConnection) -> None:
        if connection.is_detached:
            connection.close()
        else:
            super().discard(connection)

    def after_fork(self) -> None:
        """In a forked process: these are the parent's, and not even to be closed."""
        self._inherited.append(self._waiting)
        self._waiting = deque()

    def _pool_is_watched(self) -> bool:
        listeners = self._engine.pool.dispatch

        return bool(listeners.checkout or listeners.checkin or listeners.reset)

    def _end_transaction(self, connection: PoolProxiedConnection) -> None:
        # The host may have told sqlite3 to begin one at once. In it the next lookup
        # would see what there was at this one.
        driver: Any = connection.dbapi_connection

        if driver.in_transaction:
            driver.rollback()

    def _close(self, _engine: sa.Engine) -> None:
        waiting, self._waiting = self._waiting, deque()

        for connection in waiting:
            connection.close()


_kept: weakref.WeakKeyDictionary[sa.Engine, _KeptConnections] = (
    weakref.WeakKeyDictionary()
)
