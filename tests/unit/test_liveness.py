"""Connections that the server has closed are noticed before they are used."""

from __future__ import annotations

import io
import select
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from idp_session.models import LogoutReason
from idp_session.stores.sql import create_engine
from idp_session.stores.sql import SqlSessionStore
from idp_session.stores.sql import upgrade
from idp_session.testing import make_session
from idp_session.testing import START

from ..services import scratch_database


@pytest.fixture(params=["postgres", "mariadb"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """An engine of which only this test has connections."""
    with scratch_database(request.param, tmp_path) as url:
        engine = create_engine(url)
        upgrade(engine)
        yield engine
        engine.dispose()


@pytest.fixture
def opened(engine: sa.Engine) -> list[object]:
    """The connections that have been opened."""
    connections: list[object] = []

    def listen(connection: object, _record: object) -> None:
        connections.append(connection)

    engine.dispose()
    sa.event.listen(engine, "connect", listen)

    return connections


def pooled(engine: sa.Engine, *, count: int) -> dict[int, Any]:
    """Some connections that wait in the pool, by the server's numbers."""
    query = {
        "postgresql": "SELECT pg_backend_pid()",
        "mysql": "SELECT connection_id()",
    }[engine.dialect.name]
    connections = [engine.connect() for _ in range(count)]
    numbered = {
        int(connection.scalar(sa.text(query)) or 0): (
            connection.connection.driver_connection
        )
        for connection in connections
    }

    for connection in connections:
        connection.close()

    return numbered


def closed_by_the_server(engine: sa.Engine, numbered: dict[int, Any]) -> None:
    """What a restart of the server does to connections."""
    statement = {
        "postgresql": "SELECT pg_terminate_backend({})",
        "mysql": "KILL {}",
    }[engine.dialect.name]
    admin = sa.create_engine(engine.url, poolclass=sa.NullPool)

    with admin.connect() as connection:
        for number in numbered:
            connection.exec_driver_sql(statement.format(number))

    # It says so to us first, and to the other side soon.
    until = time.monotonic() + 30

    for driver in numbered.values():
        # PyMySQL has a socket, and psycopg is one.
        heard, _, _ = select.select(
            [getattr(driver, "_sock", driver)], [], [], until - time.monotonic()
        )
        assert heard


def test_lookups_after_a_restart(engine: sa.Engine) -> None:
    """A signed-in user notices nothing of a database that was restarted."""
    store, session = SqlSessionStore(engine), make_session()
    store.create(session)
    closed_by_the_server(engine, pooled(engine, count=3))

    assert [store.get(session.key) for _ in range(5)] == [session] * 5


def test_changes_after_a_restart(engine: sa.Engine) -> None:
    """Nor does whoever signs in or out, although nothing may be done twice."""
    store, session = SqlSessionStore(engine), make_session()
    store.create(session)
    closed_by_the_server(engine, pooled(engine, count=3))

    another = make_session()
    store.create(another)
    ended = store.end(session.session_id, reason=LogoutReason.USER, ended_at=START)

    assert store.get(another.key) == another
    assert ended is not None


def test_a_living_connection_is_used_again(
    engine: sa.Engine, opened: list[object]
) -> None:
    """Nothing is reconnected without need."""
    store, session = SqlSessionStore(engine), make_session()
    store.create(session)

    assert [store.get(session.key) for _ in range(5)] == [session] * 5
    assert len(opened) == 1


@pytest.fixture
def cursors(engine: sa.Engine) -> list[Any]:
    """The cursors that have been made of connections of psycopg."""
    made: list[Any] = []

    def listen(driver: Any, _record: object) -> None:
        usual = driver.cursor_factory

        def make(*args: Any, **settings: Any) -> Any:
            made.append(usual(*args, **settings))
            return made[-1]

        driver.cursor_factory = make

    engine.dispose()
    sa.event.listen(engine, "connect", listen)

    return made


@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
def test_lookups_share_a_cursor(engine: sa.Engine, cursors: list[Any]) -> None:
    """No lookup makes a cursor where there is one, and none relies on it."""
    store, session = SqlSessionStore(engine), make_session()
    store.create(session)
    store.get(session.key)
    before = len(cursors)

    assert [store.get(session.key) for _ in range(5)] == [session] * 5
    assert len(cursors) == before

    for cursor in cursors:
        cursor.close()

    assert [store.get(session.key) for _ in range(2)] == [session] * 2


@pytest.fixture
def asked(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The connections that have been asked whether they live."""
    connections: list[object] = []
    ping = engine.dialect.do_ping

    def listen(connection: Any) -> bool:
        connections.append(connection)
        return ping(connection)

    # What has made the tables may have taken its time, and is asked for that.
    engine.dispose()
    monkeypatch.setattr(engine.dialect, "do_ping", listen)

    return connections


def test_a_connection_that_was_long_unused_is_asked(
    engine: sa.Engine, asked: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A firewall that forgets connections says so to nobody."""
    before = time.monotonic()
    pooled(engine, count=1)
    assert asked == []

    monkeypatch.setattr(time, "monotonic", lambda: before + 60)
    pooled(engine, count=1)

    assert len(asked) == 1


class _Buffered:
    """What pg8000 has where PyMySQL has its socket."""

    def __init__(self, behind: Any) -> None:
        self._behind = behind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)

    def fileno(self) -> int:
        raise io.UnsupportedOperation("fileno")


@pytest.mark.parametrize("engine", ["mariadb"], indirect=True)
def test_a_driver_that_hides_its_socket(engine: sa.Engine, asked: list[object]) -> None:
    """Where nobody can see whether something has come in the server is asked."""
    connection = engine.raw_connection()
    driver: Any = connection.driver_connection
    driver._sock = _Buffered(driver._sock)
    connection.close()

    pooled(engine, count=1)

    assert asked == [driver]
