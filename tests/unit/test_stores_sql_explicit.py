"""Connections to MariaDB commit by themselves, and transactions are transactions."""

from __future__ import annotations

import gc
from collections.abc import Callable
from collections.abc import Generator
from collections.abc import Iterator
from contextlib import closing
from contextlib import contextmanager
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy as sa

from idp_session.stores.sql import create_engine
from idp_session.stores.sql import SqlSessionStore
from idp_session.stores.sql import upgrade
from idp_session.testing import make_participant
from idp_session.testing import make_session

from ..services import scratch_database

_ADD = "INSERT INTO notes VALUES ('new')"
_COUNT = "SELECT count(*) FROM notes"
#: The server tells of the error, and not that the transaction is still open.
_ADD_AND_FAIL = f"""
BEGIN NOT ATOMIC
  START TRANSACTION;
  {_ADD};
  SIGNAL SQLSTATE '45000';
END
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.URL]:
    """A database with our tables and one of the host's."""
    with scratch_database("mariadb", tmp_path_factory.mktemp("none")) as url:
        engine = create_engine(url)
        upgrade(engine)

        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE notes (text VARCHAR(9))")

        engine.dispose()
        yield url


@pytest.fixture
def engine(url: sa.URL) -> Iterator[sa.Engine]:
    """An engine of ours with one connection; the host's table is empty."""
    engine = create_engine(url, pool_size=1, max_overflow=0)

    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM notes")

    yield engine
    engine.dispose()


@contextmanager
def elsewhere(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Somebody else's connection to the same database."""
    other = sa.create_engine(engine.url)

    with other.connect() as connection:
        yield connection

    other.dispose()


def notes(engine: sa.Engine) -> int:
    """How many others see."""
    with elsewhere(engine) as connection:
        return int(connection.exec_driver_sql(_COUNT).scalar_one())


def state(engine: sa.Engine) -> tuple[object, ...]:
    """What the next user of the connection finds; read within no transaction."""
    with closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT @@autocommit, @@in_transaction, @@tx_isolation")

        return tuple(cursor.fetchone() or ())


def questions(engine: sa.Engine) -> int:
    """What the only connection has asked so far, and this."""
    with closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        cursor.execute("SHOW SESSION STATUS LIKE 'Questions'")

        return int((cursor.fetchone() or (0, 0))[1])


@pytest.mark.parametrize(
    "work",
    [
        pytest.param(lambda store, known: store.get(known.key), id="get"),
        pytest.param(lambda store, _: store.get("unknown"), id="get nothing"),
        pytest.param(lambda store, _: store.create(make_session()), id="create"),
        pytest.param(
            lambda store, known: store.add_participant(
                make_participant(known.session_id)
            ),
            id="join",
        ),
        pytest.param(
            lambda store, known: store.participants(known.session_id),
            id="participants",
        ),
    ],
)
def test_one_round_trip(
    engine: sa.Engine, work: Callable[[SqlSessionStore, Any], object]
) -> None:
    """What a request needs is one statement, and nothing begins or ends around it."""
    store, known = SqlSessionStore(engine), make_session()
    store.create(known)
    before = questions(engine)

    work(store, known)

    assert questions(engine) - before == 2


def test_a_lookup_sees_what_others_have_just_committed(engine: sa.Engine) -> None:
    """No lookup is answered from the view that an earlier one had."""
    store, session = SqlSessionStore(engine), make_session()
    store.create(session)
    found = store.get(session.key)

    with elsewhere(engine) as connection:
        connection.exec_driver_sql("DELETE FROM idp_sessions")
        connection.commit()

    assert found == session
    assert store.get(session.key) is None


def test_a_transaction_of_the_host_is_one(engine: sa.Engine) -> None:
    """Nobody sees any of it before it is committed, and all of it afterwards."""
    with engine.begin() as connection:
        connection.exec_driver_sql(_ADD)
        connection.exec_driver_sql(_ADD)
        before = notes(engine)

    assert before == 0
    assert notes(engine) == 2


def test_a_transaction_of_the_host_sees_one_moment(engine: sa.Engine) -> None:
    """Of two statements that read, the second sees no more than the first."""
    with engine.connect() as reading, elsewhere(engine) as writing:
        before = reading.exec_driver_sql(_COUNT).scalar()
        writing.exec_driver_sql(_ADD)
        writing.commit()
        after = reading.exec_driver_sql(_COUNT).scalar()

    assert (before, after) == (0, 0)
    assert notes(engine) == 1


def _fail(engine: sa.Engine, error: BaseException) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(_ADD)
        raise error


def _forget(engine: sa.Engine) -> None:
    engine.connect().exec_driver_sql(_ADD)
    gc.collect()


def _abandon(engine: sa.Engine) -> None:
    def adding() -> Generator[None]:
        with engine.connect() as connection:
            connection.exec_driver_sql(_ADD)
            yield

    generator = adding()
    next(generator)
    generator.close()


def _begin_and_give_back(engine: sa.Engine) -> None:
    with closing(engine.raw_connection()) as connection:
        cursor = connection.cursor()
        cursor.execute("BEGIN")
        cursor.execute(_ADD)
        cursor.execute(_COUNT)


def _refuse(engine: sa.Engine) -> None:
    with closing(engine.raw_connection()) as connection:
        connection.cursor().execute(_ADD_AND_FAIL)


def _refuse_in_autocommit(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql(_ADD_AND_FAIL)


def _refuse_at_a_level(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        connection.execution_options(isolation_level="SERIALIZABLE")
        connection.exec_driver_sql(_ADD)
        connection.exec_driver_sql("SELECT no_such_thing")


@pytest.mark.parametrize(
    "work",
    [
        pytest.param(lambda engine: _fail(engine, ValueError()), id="error"),
        pytest.param(lambda engine: _fail(engine, KeyboardInterrupt()), id="interrupt"),
        pytest.param(lambda engine: _fail(engine, GeneratorExit()), id="exit"),
        pytest.param(_abandon, id="generator that is closed"),
        pytest.param(_forget, id="nobody closes it"),
        pytest.param(_begin_and_give_back, id="driver"),
        pytest.param(_refuse, id="refused, driver"),
        pytest.param(_refuse_in_autocommit, id="refused, autocommit"),
        pytest.param(_refuse_at_a_level, id="refused, at a level"),
    ],
)
def test_what_is_open_is_rolled_back(
    engine: sa.Engine, work: Callable[[sa.Engine], None]
) -> None:
    """However a transaction is left, its connection comes back without it."""
    with suppress(BaseException):
        work(engine)

    assert state(engine) == (1, 0, "REPEATABLE-READ")
    assert notes(engine) == 0


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        pytest.param("AUTOCOMMIT", 1, id="autocommit"),
        pytest.param("READ COMMITTED", 0, id="read committed"),
        pytest.param("SERIALIZABLE", 0, id="serializable"),
    ],
)
def test_an_isolation_level_of_the_host(
    engine: sa.Engine, level: str, seen: int
) -> None:
    """It holds for as long as the host has the connection, and not for the next."""
    with engine.connect() as connection:
        connection.execution_options(isolation_level=level)
        connection.exec_driver_sql(_ADD)
        before = notes(engine)
        connection.commit()

    assert before == seen
    assert notes(engine) == 1
    assert state(engine) == (1, 0, "REPEATABLE-READ")


def test_a_transaction_that_does_not_begin(engine: sa.Engine) -> None:
    """When there is no transaction, nothing is executed without one."""
    connection = engine.connect()

    @sa.event.listens_for(engine, "before_cursor_execute")
    def fail(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        if sql == "BEGIN":
            raise ValueError("does not begin")

    with pytest.raises(ValueError, match="does not begin"):
        connection.exec_driver_sql(_ADD)

    with pytest.raises(sa.exc.ResourceClosedError):
        connection.exec_driver_sql(_ADD)

    assert notes(engine) == 0


def test_a_connection_that_does_not_commit_by_itself_again(engine: sa.Engine) -> None:
    """It is replaced, and the pool has as many as before."""
    with engine.connect() as connection:
        connection.execution_options(isolation_level="SERIALIZABLE")
        driver: Any = connection.connection.driver_connection
        usual, refusal = driver.autocommit, engine.dialect.loaded_dbapi.OperationalError

        def refuse(value: bool) -> None:  # the driver's
            if value:
                raise refusal(2013, "Lost connection")

            usual(value)

        driver.autocommit = refuse

    with engine.connect() as connection:
        assert connection.connection.driver_connection is not driver

    assert state(engine) == (1, 0, "REPEATABLE-READ")


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"isolation_level": "READ COMMITTED"}, id="level"),
        pytest.param({"pool_reset_on_return": "commit"}, id="reset"),
        pytest.param({"skip_autocommit_rollback": True}, id="no rollback"),
        pytest.param({"connect_args": {"autocommit": False}}, id="connect"),
    ],
)
def test_who_has_an_opinion_keeps_it(url: sa.URL, options: dict[str, Any]) -> None:
    """An engine for which the host says how transactions begin or end is as it says."""
    engine = create_engine(url, **options)

    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        autocommit = driver.get_autocommit()

    engine.dispose()

    assert not autocommit


def test_an_engine_of_the_host_is_as_it_was(url: sa.URL) -> None:
    """The stores change nothing in an engine that they were given."""
    engine = sa.create_engine(url)
    store, session = SqlSessionStore(engine), make_session()
    store.create(session)

    assert store.get(session.key) == session
    assert state(engine)[0] == 0
    engine.dispose()
