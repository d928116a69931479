"""The stores keep their promises on our own engines and on those of hosts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from idp_session.models import LogoutReason
from idp_session.stores.sql import create_engine
from idp_session.stores.sql import create_sqlite_engine
from idp_session.stores.sql import SqlDeliveryQueue
from idp_session.stores.sql import SqlSessionStore
from idp_session.stores.sql import upgrade
from idp_session.stores.sql.engine import _use_write_ahead_log
from idp_session.testing import DeliveryQueueContract
from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing import SessionStoreContract
from idp_session.testing import START


@pytest.fixture(scope="module", params=["plain", "begins by itself", "autocommit"])
def host_engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[sa.Engine]:
    """A SQLite engine that knows nothing of what the stores want."""
    path = tmp_path_factory.mktemp("host") / "host.sqlite"
    level = "AUTOCOMMIT" if request.param == "autocommit" else "SERIALIZABLE"
    engine = sa.create_engine(f"sqlite:///{path}", isolation_level=level)

    if request.param == "begins by itself":
        sa.event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN"))

    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def queue(host_engine: sa.Engine) -> Iterator[SqlDeliveryQueue]:
    yield SqlDeliveryQueue(host_engine)

    with host_engine.begin() as connection:
        for table in ("idp_session_deliveries", "idp_session_ends"):
            connection.execute(sa.delete(sa.table(table)))


@pytest.fixture
def store(host_engine: sa.Engine) -> Iterator[SqlSessionStore]:
    yield SqlSessionStore(host_engine)

    with host_engine.begin() as connection:
        for table in ("idp_session_deliveries", "idp_session_participants"):
            connection.execute(sa.delete(sa.table(table)))
        connection.execute(sa.delete(sa.table("idp_sessions")))


@pytest.mark.no_cover
class TestStoreOnEngineOfHost(SessionStoreContract):
    """Without the settings of our own engines."""


@pytest.mark.no_cover
class TestQueueOnEngineOfHost(DeliveryQueueContract):
    """Without the settings of our own engines."""


def test_transactions_of_the_host_begin_as_before(tmp_path: Path) -> None:
    """Who has SQLite lock the file at once has it do so after the stores were there."""
    engine = create_engine(
        f"sqlite:///{tmp_path / 'host.sqlite'}",
        connect_args={"isolation_level": "IMMEDIATE"},
        pool_size=1,
        max_overflow=0,
    )
    upgrade(engine)
    store, session = SqlSessionStore(engine), make_session()
    store.create(session)
    store.set_attribute(session.session_id, "tenant", "acme")
    store.unset_attribute(session.session_id, "tenant")

    with engine.connect() as connection:
        level = connection.connection.driver_connection.isolation_level  # type: ignore[union-attr]  # sqlite3

    engine.dispose()

    assert level == "IMMEDIATE"


class TestAtomicity:
    """An end that fails half-way has not happened."""

    @pytest.mark.parametrize(
        "isolation_level",
        [
            pytest.param(None, id="our engine"),
            pytest.param("AUTOCOMMIT", id="engine in autocommit"),
        ],
    )
    def test_an_end_that_fails(
        self, engine: sa.Engine, isolation_level: str | None
    ) -> None:
        """When the session row cannot be removed, nothing is owed either."""
        failing = _failing_at_delete(engine, isolation_level)
        store = SqlSessionStore(engine)
        session = make_session()
        participant = make_participant(session.session_id)
        store.create(session)
        store.add_participant(participant)

        with pytest.raises(RuntimeError, match="power cut"):
            SqlSessionStore(failing).end(
                session.session_id, reason=LogoutReason.USER, ended_at=START
            )

        assert store.get(session.key) == session
        assert store.participants(session.session_id) == (participant,)
        assert SqlDeliveryQueue(engine).of_session(session.session_id) == ()


def _failing_at_delete(engine: sa.Engine, isolation_level: str | None) -> sa.Engine:
    options = {"isolation_level": isolation_level} if isolation_level else {}
    failing = engine.execution_options(**options)

    @sa.event.listens_for(failing, "before_cursor_execute")
    def fail(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        if sql.startswith("DELETE FROM idp_sessions"):
            raise RuntimeError("power cut")

    return failing


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        pytest.param("journal_mode", "wal", id="write-ahead log"),
        pytest.param("synchronous", 2, id="full durability"),
        pytest.param("foreign_keys", 1, id="foreign keys"),
        pytest.param("busy_timeout", 10_000, id="patience"),
    ],
)
def test_sqlite_is_prepared(tmp_path: Path, pragma: str, value: object) -> None:
    """Each connection of our own engines has the settings that we promise."""
    engine = create_sqlite_engine(tmp_path / "sessions.sqlite")

    with engine.connect() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value

    engine.dispose()


def test_a_constructor_connects_to_nothing(tmp_path: Path) -> None:
    """Engines and stores are made without touching the database."""
    engine = create_sqlite_engine(tmp_path / "no" / "such" / "folder.sqlite")

    SqlSessionStore(engine)
    SqlDeliveryQueue(engine)

    assert list(tmp_path.iterdir()) == []


def test_errors_do_not_show_parameters(sqlite_engine: sa.Engine) -> None:
    """A log of a failed statement holds no key and no ticket."""
    session = make_session()
    unused = create_engine("sqlite://")

    with pytest.raises(sa.exc.OperationalError) as caught:
        SqlSessionStore(unused).get(session.key)

    unused.dispose()
    assert session.key not in str(caught.value)


class BusyConnection:
    """Stands for a SQLite connection on a file that others use."""

    def __init__(self, *, busy_times: int) -> None:
        self.busy_times = busy_times
        self.executed: list[str] = []

    def execute(self, sql: str) -> None:
        self.executed.append(sql)

        if len(self.executed) <= self.busy_times:
            raise sqlite3.OperationalError("database is locked")


def test_the_write_ahead_log_is_waited_for() -> None:
    """A file that somebody else has locked is tried again."""
    connection = BusyConnection(busy_times=2)

    _use_write_ahead_log(connection, patience=10)  # type: ignore[arg-type]  # a fake

    assert len(connection.executed) == 3


def test_the_write_ahead_log_is_not_waited_for_forever() -> None:
    """A file that stays locked is an error."""
    connection = BusyConnection(busy_times=1000)

    with pytest.raises(sqlite3.OperationalError, match="locked"):
        _use_write_ahead_log(connection, patience=0)  # type: ignore[arg-type]  # a fake
