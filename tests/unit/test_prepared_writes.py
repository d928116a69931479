"""The statements of sign-ins and of clients that join: fast, and noticed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from idp_session.errors import SessionExistsError
from idp_session.stores.sql import create_engine
from idp_session.stores.sql import SqlSessionStore
from idp_session.stores.sql import upgrade
from idp_session.testing import make_participant
from idp_session.testing import make_session

from ..services import scratch_database

_END_OF_THE_LINE = """
    CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_terminate_backend(pg_backend_pid());
        RETURN NEW;
    END $$;
    CREATE TRIGGER hang_up BEFORE INSERT ON idp_sessions
        EXECUTE FUNCTION hang_up();
"""


class _GiveUp(BaseException):
    """What servers raise in a worker that takes too long."""


def _giving_up(cursor_class: type[Any]) -> type[Any]:
    class ImpatientCursor(cursor_class):  # type: ignore[misc]  # psycopg's
        def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
            executed = super().execute(query, *args, **kwargs)

            if str(query).startswith("INSERT INTO idp_sessions"):
                raise _GiveUp

            return executed

    return ImpatientCursor


@contextmanager
def _interrupted(engine: sa.Engine) -> Iterator[None]:
    def prepare(driver: Any, _record: object) -> None:
        driver.cursor_factory = _giving_up(driver.cursor_factory)

    engine.dispose()
    sa.event.listen(engine, "connect", prepare)

    try:
        yield
    finally:
        sa.event.remove(engine, "connect", prepare)


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[sa.Engine]:
    with scratch_database("postgres", tmp_path) as url:
        engine = create_engine(url)
        upgrade(engine)
        yield engine
        engine.dispose()


def test_listeners_are_told(engine: sa.Engine) -> None:
    """Whoever traces the statements of the engine sees these two, and what they do."""
    store, session = SqlSessionStore(engine), make_session()
    statements: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    sa.event.listen(engine, "before_cursor_execute", listen)
    store.create(session)
    store.add_participant(make_participant(session.session_id))
    sa.event.remove(engine, "before_cursor_execute", listen)

    assert [each.split()[:3] for each in statements] == [
        ["INSERT", "INTO", "idp_sessions"],
        ["INSERT", "INTO", "idp_session_participants"],
    ]
    assert store.get(session.key) == session
    assert len(store.participants(session.session_id)) == 1


@pytest.mark.parametrize("event", ["engine_connect", "begin", "commit"])
def test_who_prepares_connections_is_told(engine: sa.Engine, event: str) -> None:
    """A host that says there which tenant it is about says so for these, too."""
    store, session = SqlSessionStore(engine), make_session()
    told: list[object] = []

    def listen(connection: sa.Connection) -> None:
        told.append(connection)

    sa.event.listen(engine, event, listen)
    store.create(session)
    sa.event.remove(engine, event, listen)

    assert len(told) == 1
    assert store.get(session.key) == session


def test_the_connection_is_left_as_it_was(engine: sa.Engine) -> None:
    """Whoever uses the connection afterwards still has transactions."""
    store, session = SqlSessionStore(engine), make_session()
    store.create(session)

    with engine.connect() as connection:
        connection.execute(sa.text("DELETE FROM idp_sessions"))
        connection.rollback()

    assert store.get(session.key) == session


def test_the_connection_is_left_as_it_was_after_an_error(tmp_path: Path) -> None:
    """A statement that is refused takes no host's transactions away."""
    with scratch_database("postgres", tmp_path) as url:
        engine = create_engine(url, pool_size=3)
        upgrade(engine)
        store, session = SqlSessionStore(engine), make_session()
        store.create(session)
        waiting = [engine.connect() for _ in range(3)]

        for connection in waiting:
            connection.close()

        with pytest.raises(SessionExistsError):
            store.create(session)

        for _ in waiting:
            with engine.connect() as connection:
                connection.execute(sa.text("DELETE FROM idp_sessions"))
                connection.rollback()

        assert store.get(session.key) == session
        engine.dispose()


def test_a_write_that_is_interrupted(postgres: sa.Engine) -> None:
    """A worker that is told to give up gives no connection back in the middle."""
    store, session, other = SqlSessionStore(postgres), make_session(), make_session()
    store.create(other)

    with pytest.raises(_GiveUp), _interrupted(postgres):
        store.create(session)

    # Which is another connection, with transactions.
    with postgres.connect() as connection:
        connection.execute(sa.text("DELETE FROM idp_sessions"))
        connection.rollback()

    assert store.get(session.key) == session
    assert store.get(other.key) == other
    assert postgres.pool.checkedout() == 0  # type: ignore[attr-defined]  # a queue


def test_a_connection_that_is_lost_at_work(postgres: sa.Engine) -> None:
    """Of a statement that may have been executed nobody makes two, and it is told."""
    store, session = SqlSessionStore(postgres), make_session()

    with postgres.begin() as connection:
        connection.exec_driver_sql(_END_OF_THE_LINE)

    with pytest.raises(DBAPIError) as caught:
        store.create(session)

    with postgres.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER hang_up ON idp_sessions")

    assert caught.value.connection_invalidated
    assert session.key not in str(caught.value)
    assert store.get(session.key) is None

    store.create(session)
    assert store.get(session.key) == session


def test_a_transaction_that_goes_on(postgres: sa.Engine) -> None:
    """A driver that does not end what it has begun, like pg8000, loses nothing."""
    store, session = SqlSessionStore(postgres), make_session()
    postgres.dispose()
    sa.event.listen(postgres, "connect", _have_transactions_only)
    store.create(session)
    sa.event.remove(postgres, "connect", _have_transactions_only)

    assert store.get(session.key) == session


def test_a_write_needs_one_call_of_the_driver(
    postgres: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is committed by itself is not committed again, on the cursor of before."""
    store, called = SqlSessionStore(postgres), list[str]()
    store.create(make_session())

    with postgres.connect() as connection:
        driver: Any = connection.connection.driver_connection

    monkeypatch.setattr(driver, "commit", lambda: called.append("commit"))
    monkeypatch.setattr(driver, "cursor", lambda **_: called.append("cursor"))
    session = make_session()
    store.create(session)
    store.add_participant(make_participant(session.session_id))

    assert called == []
    assert store.get(session.key) == session


def _have_transactions_only(driver: Any, _record: object) -> None:
    usual = property(lambda _: False, lambda _, __: None)
    driver.__class__ = type("Driver", (type(driver),), {"autocommit": usual})
