"""The lookup of every request: fast, and noticed by whoever looks."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from idp_session.models import LogoutReason
from idp_session.models import ServerSideSession
from idp_session.stores.sql import create_engine
from idp_session.stores.sql import rows
from idp_session.stores.sql import SqlSessionStore
from idp_session.testing import make_session
from idp_session.testing import START


@pytest.fixture
def store(engine: sa.Engine) -> SqlSessionStore:
    return SqlSessionStore(engine)


@pytest.fixture
def session(store: SqlSessionStore) -> ServerSideSession:
    session = make_session(subject_id="älice", user_agent="it's %s, :wanted, ?")
    store.create(session)

    return session


@contextmanager
def listening(engine: sa.Engine) -> Iterator[list[str]]:
    """The statements that SQLAlchemy tells of."""
    statements: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    sa.event.listen(engine, "before_cursor_execute", listen)
    yield statements
    sa.event.remove(engine, "before_cursor_execute", listen)


def test_both_ways_find_the_same(
    engine: sa.Engine, store: SqlSessionStore, session: ServerSideSession
) -> None:
    """Nobody can tell by the session whether SQLAlchemy was in between."""
    by_driver = store.get(session.key)

    with listening(engine):
        by_sqlalchemy = store.get(session.key)

    assert by_driver == by_sqlalchemy == session


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("".join(map(chr, range(1, 160))), id="control characters"),
        pytest.param("\\\"'\\n\\u0041\u2028\uffff😀", id="escapes"),
        pytest.param('["a", null, 1]', id="an array"),
        pytest.param("null", id="null"),
        pytest.param("", id="nothing"),
    ],
)
def test_texts_come_back_as_they_were(store: SqlSessionStore, text: str) -> None:
    """Whatever form the driver brings a row in, it changes no text of it."""
    session = make_session(
        subject_id=text or "alice", display_name=text, user_agent=text, ticket=b"\0\xff"
    )
    store.create(session)

    assert store.get(session.key) == session


@pytest.mark.parametrize(
    ("make", "columns"),
    [
        pytest.param(rows.session_of, rows.SESSION_COLUMNS, id="session"),
        pytest.param(rows.participant_of, rows.PARTICIPANT_COLUMNS, id="participant"),
    ],
)
def test_values_are_made_of_columns_in_their_order(
    make: Callable[..., object], columns: tuple[sa.Column[Any], ...]
) -> None:
    """A member that is added to a model is read from the column of that name."""
    names = [each.name for each in columns]

    made = make(*names)

    assert [getattr(made, name) for name in names] == names


def test_nothing_is_found(engine: sa.Engine, store: SqlSessionStore) -> None:
    """A key that nobody has leads nowhere, whichever way is taken."""
    assert store.get("0" * 64) is None

    with listening(engine):
        assert store.get("0" * 64) is None


def test_listeners_are_told(
    engine: sa.Engine, store: SqlSessionStore, session: ServerSideSession
) -> None:
    """Whoever traces the statements of the engine sees this one too, and only it."""
    with listening(engine) as statements:
        store.get(session.key)

    assert len(statements) == 1
    assert "FROM idp_sessions" in statements[0]


@pytest.mark.parametrize("event", ["engine_connect", "begin"])
def test_who_prepares_connections_is_told(
    engine: sa.Engine, store: SqlSessionStore, session: ServerSideSession, event: str
) -> None:
    """A host that says there which tenant it is about says so for lookups, too."""
    told: list[object] = []

    def listen(connection: sa.Connection) -> None:
        told.append(connection)

    sa.event.listen(engine, event, listen)
    found = store.get(session.key)
    sa.event.remove(engine, event, listen)

    assert found == session
    assert len(told) == 1


def test_the_statement_is_logged(
    engine: sa.Engine,
    session: ServerSideSession,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Who logs statements finds this one there, without its parameter."""
    logger = "sqlalchemy.engine.Engine.idp_session"

    with caplog.at_level(logging.INFO, logger):
        # A logger is asked for its level when an engine is made.
        again = create_engine(engine.url)
        SqlSessionStore(again).get(session.key)
        again.dispose()

    assert "FROM idp_sessions" in caplog.text
    assert session.key not in caplog.text


def test_errors_are_those_of_sqlalchemy() -> None:
    """What goes wrong is reported as by any other statement: parameters hidden."""
    without_tables = create_engine("sqlite://")

    with pytest.raises(DBAPIError) as caught:
        SqlSessionStore(without_tables).get("confidential")

    without_tables.dispose()
    assert "confidential" not in str(caught.value)


def test_a_broken_connection_is_replaced(
    engine: sa.Engine, store: SqlSessionStore, session: ServerSideSession
) -> None:
    """A connection that broke while it lay idle costs nobody their session."""
    pooled = engine.raw_connection()
    pooled.driver_connection.close()  # type: ignore[union-attr]
    pooled.close()

    assert store.get(session.key) == session


def test_the_connection_is_left_as_it_was(
    engine: sa.Engine, store: SqlSessionStore, session: ServerSideSession
) -> None:
    """Whoever uses the connection afterwards still has transactions."""
    store.get(session.key)

    with engine.connect() as connection:
        connection.execute(sa.text("DELETE FROM idp_sessions"))
        connection.rollback()

    assert store.get(session.key) == session


def test_what_others_have_committed_is_seen(
    engine: sa.Engine, store: SqlSessionStore, session: ServerSideSession
) -> None:
    """No lookup answers from a snapshot of before."""
    store.get(session.key)
    other = create_engine(engine.url)

    with other.begin() as connection:
        connection.execute(sa.text("UPDATE idp_sessions SET display_name = 'Al'"))

    other.dispose()
    found = store.get(session.key)

    assert found is not None
    assert found.display_name == "Al"


def test_a_pool_that_ends_no_transaction(
    engine: sa.Engine, store: SqlSessionStore, session: ServerSideSession
) -> None:
    """Nor where the host's pool leaves transactions to whoever has begun them."""
    host = create_engine(
        engine.url, pool_reset_on_return=None, pool_size=1, max_overflow=0
    )
    host_store = SqlSessionStore(host)
    before = host_store.get(session.key)
    store.end(session.session_id, reason=LogoutReason.USER, ended_at=START)

    after = host_store.get(session.key)
    host.dispose()

    assert (before, after) == (session, None)


@pytest.mark.parametrize(
    "make_row",
    [
        pytest.param(lambda _cursor, row: list(row), id="lists"),
        pytest.param(sqlite3.Row, id="rows of sqlite3"),
    ],
)
def test_rows_of_another_kind(
    sqlite_engine: sa.Engine, make_row: Callable[..., object]
) -> None:
    """A driver that makes lists of rows, as pg8000 does, is as good as another."""

    def prepare(driver: Any, _record: object) -> None:
        driver.row_factory = make_row

    host = create_engine(sqlite_engine.url)
    sa.event.listen(host, "connect", prepare)
    store, session = SqlSessionStore(host), make_session()
    store.create(session)
    found = [store.get(session.key) for _ in range(2)]
    host.dispose()

    assert found == [session] * 2
