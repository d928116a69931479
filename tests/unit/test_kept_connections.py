"""The connections that wait beside the pool for the next lookup."""

from __future__ import annotations

import gc
import os
import sqlite3
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from idp_session.models import LogoutReason
from idp_session.models import ServerSideSession
from idp_session.stores.sql import create_engine
from idp_session.stores.sql import SqlSessionStore
from idp_session.testing import make_session
from idp_session.testing import START
from idp_session.testing import together


@pytest.fixture
def opened(sqlite_engine: sa.Engine) -> Iterator[list[object]]:
    """The connections that have been opened."""
    connections: list[object] = []

    def listen(connection: object, _record: object) -> None:
        connections.append(connection)

    sqlite_engine.dispose()
    sa.event.listen(sqlite_engine, "connect", listen)
    yield connections
    sa.event.remove(sqlite_engine, "connect", listen)


@pytest.fixture
def store(sqlite_engine: sa.Engine, opened: list[object]) -> SqlSessionStore:
    return SqlSessionStore(sqlite_engine)


@pytest.fixture
def session(store: SqlSessionStore) -> ServerSideSession:
    session = make_session()
    store.create(session)

    return session


def test_one_connection_serves_all_lookups(
    store: SqlSessionStore, session: ServerSideSession, opened: list[object]
) -> None:
    """A lookup opens no connection when one is waiting."""
    for _ in range(20):
        store.get(session.key)

    assert len(opened) == 1


def test_one_connection_serves_all_stores(
    sqlite_engine: sa.Engine, session: ServerSideSession, opened: list[object]
) -> None:
    """Who makes a store for each lookup does not run out of files."""
    for _ in range(20):
        assert SqlSessionStore(sqlite_engine).get(session.key) == session

    assert len(opened) == 1


def test_an_engine_that_is_let_go(sqlite_engine: sa.Engine) -> None:
    """What is kept for an engine does not keep the engine."""
    engine = sqlite_engine.execution_options()
    SqlSessionStore(engine)
    gone = weakref.ref(engine)

    del engine
    gc.collect()

    assert gone() is None


def test_lookups_at_once(
    store: SqlSessionStore, session: ServerSideSession, opened: list[object]
) -> None:
    """Threads share the connections, and no two have the same at once."""

    def look() -> list[ServerSideSession | None]:
        return [store.get(session.key) for _ in range(25)]

    assert together([look] * 40) == [[session] * 25] * 40
    assert len(opened) <= 40


def test_the_pool_is_as_large_as_before(
    sqlite_engine: sa.Engine, store: SqlSessionStore, session: ServerSideSession
) -> None:
    """What waits beside the pool takes none of its places."""
    store.get(session.key)

    assert sqlite_engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # a queue


def test_who_listens_to_the_pool_is_told(
    sqlite_engine: sa.Engine, store: SqlSessionStore, session: ServerSideSession
) -> None:
    """A host that does something at each checkout does it for lookups, too."""
    store.get(session.key)
    told: list[object] = []

    def listen(connection: object, *_: Any) -> None:
        told.append(connection)

    sa.event.listen(sqlite_engine, "checkout", listen)
    found = store.get(session.key)
    sa.event.remove(sqlite_engine, "checkout", listen)

    assert found == session
    assert len(told) == 1


def test_they_are_closed_with_the_engine(
    sqlite_engine: sa.Engine,
    store: SqlSessionStore,
    session: ServerSideSession,
    opened: list[Any],
) -> None:
    """A host that disposes of its engine holds no file open; lookups still work."""
    store.get(session.key)
    sqlite_engine.dispose()

    for connection in opened:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")

    assert store.get(session.key) == session


def test_a_connection_that_begins_by_itself(
    sqlite_engine: sa.Engine, store: SqlSessionStore, session: ServerSideSession
) -> None:
    """No lookup sees what there was at an earlier one, whatever the host has begun."""
    mine = create_engine(sqlite_engine.url)
    sa.event.listen(mine, "connect", lambda connection, _: connection.execute("BEGIN"))
    mine_store = SqlSessionStore(mine)
    before = mine_store.get(session.key)
    store.end(session.session_id, reason=LogoutReason.USER, ended_at=START)

    after = mine_store.get(session.key)
    mine.dispose()

    assert (before, after) == (session, None)


def test_a_broken_connection_is_replaced(
    store: SqlSessionStore, session: ServerSideSession, opened: list[Any]
) -> None:
    """A connection that broke while it waited costs nobody their session."""
    store.get(session.key)

    for connection in opened:
        connection.close()

    assert [store.get(session.key) for _ in range(3)] == [session] * 3


@pytest.mark.process
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_opens_its_own(
    store: SqlSessionStore, session: ServerSideSession, opened: list[object]
) -> None:
    """No process uses a connection of its parent, and the parent keeps its own."""
    store.get(session.key)
    inherited = len(opened)
    child = os.fork()

    if child == 0:
        is_found = store.get(session.key) == session
        os._exit(0 if is_found and len(opened) == inherited + 1 else 1)

    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert store.get(session.key) == session
    assert len(opened) == inherited


def test_the_host_keeps_none(sqlite_engine: sa.Engine) -> None:
    """Where the host's engine keeps no connection, nor do lookups."""
    engine = sa.create_engine(sqlite_engine.url, poolclass=sa.NullPool)
    closed: list[object] = []
    sa.event.listen(engine, "close", lambda *_: closed.append(1))

    SqlSessionStore(engine).get("0" * 64)

    assert closed == [1]


def test_the_host_has_one(sqlite_engine: sa.Engine) -> None:
    """Where the host's only connection has locked the file, lookups need no other."""
    sqlite_engine.dispose()
    engine = create_engine(sqlite_engine.url, pool_size=1, max_overflow=0)
    sa.event.listen(
        engine,
        "connect",
        lambda connection, _: connection.executescript(
            "PRAGMA busy_timeout = 100; PRAGMA locking_mode = EXCLUSIVE"
        ),
    )
    store, session = SqlSessionStore(engine), make_session()
    store.create(session)
    store.get(session.key)
    ended = store.end(session.session_id, reason=LogoutReason.USER, ended_at=START)
    engine.dispose()

    assert ended is not None
