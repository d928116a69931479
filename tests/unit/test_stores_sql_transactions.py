"""Work is repeated when the database picked it as a victim, and only then."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import IntegrityError

from idp_session.errors import SessionGoneError
from idp_session.models import LogoutReason
from idp_session.stores.sql import SqlDeliveryQueue
from idp_session.stores.sql import SqlSessionStore
from idp_session.stores.sql.schema import deliveries
from idp_session.stores.sql.schema import sessions
from idp_session.stores.sql.transactions import run_read
from idp_session.stores.sql.transactions import run_write
from idp_session.stores.sql.transactions import write_transaction
from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing import START
from idp_session.testing import together


class PsycopgError(Exception):
    """Has the state where psycopg has it."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__("could not serialize")
        self.sqlstate = sqlstate


class Psycopg2Error(Exception):
    """Has the state where psycopg2 has it."""

    def __init__(self, pgcode: str) -> None:
        super().__init__("could not serialize")
        self.pgcode = pgcode


class Victim:
    """Work that fails a number of times."""

    def __init__(self, cause: Exception, *, times: int) -> None:
        self.cause = cause
        self.times = times
        self.calls = 0

    def __call__(self, connection: sa.Connection) -> str:
        self.calls += 1

        if self.calls <= self.times:
            raise DBAPIError("UPDATE", {}, self.cause)

        return "done"


@pytest.mark.parametrize(
    "cause",
    [
        pytest.param(PsycopgError("40001"), id="serialization failure"),
        pytest.param(PsycopgError("40P01"), id="deadlock, psycopg"),
        pytest.param(Psycopg2Error("40P01"), id="deadlock, psycopg2"),
        pytest.param(Exception({"C": "40P01"}), id="deadlock, pg8000"),
        pytest.param(Exception(1213, "Deadlock found"), id="deadlock, mariadb"),
        pytest.param(Exception(1020, "Record has changed"), id="snapshot, mariadb"),
    ],
)
@pytest.mark.parametrize("run", [run_write, run_read])
def test_a_victim_tries_again(
    sqlite_engine: sa.Engine,
    cause: Exception,
    run: Callable[[sa.Engine, Victim], str],
) -> None:
    """Who loses a deadlock does the work once more."""
    work = Victim(cause, times=3)

    assert run(sqlite_engine, work) == "done"
    assert work.calls == 4


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda store, _: store.get("key"), id="get"),
        pytest.param(lambda store, _: store.participants("s"), id="participants"),
        pytest.param(lambda store, _: store.read_data("s"), id="data"),
        pytest.param(lambda store, _: store.attributes("s"), id="attributes"),
        pytest.param(lambda _, queue: queue.of_session("s"), id="of session"),
        pytest.param(lambda _, queue: queue.has_untried("s"), id="untried"),
        pytest.param(lambda _, queue: queue.has_ended("s"), id="ended"),
        pytest.param(lambda _, queue: queue.next_due_at(), id="next due"),
        pytest.param(lambda _, queue: queue.backlog(at_most=9), id="backlog"),
    ],
)
def test_reading_may_be_a_victim(
    sqlite_engine: sa.Engine,
    read: Callable[[SqlSessionStore, SqlDeliveryQueue], object],
) -> None:
    """PostgreSQL picks readers, too, where SERIALIZABLE is what all transactions are."""
    store, queue = SqlSessionStore(sqlite_engine), SqlDeliveryQueue(sqlite_engine)
    victim = Victim(PsycopgError("40001"), times=2)

    @sa.event.listens_for(sqlite_engine, "before_cursor_execute")
    def fail(connection: sa.Connection, *_: object) -> None:
        victim(connection)

    read(store, queue)

    assert victim.calls == 3


def test_a_victim_gives_up(sqlite_engine: sa.Engine) -> None:
    """Nobody tries forever."""
    work = Victim(PsycopgError("40P01"), times=1000)

    with pytest.raises(DBAPIError, match="serialize"):
        run_write(sqlite_engine, work)

    assert work.calls == 21


@pytest.mark.parametrize(
    "cause",
    [
        pytest.param(PsycopgError("23505"), id="unique violation"),
        pytest.param(Exception({"C": "23505"}), id="unique violation, pg8000"),
        pytest.param(Exception(1062, "Duplicate entry"), id="duplicate"),
        pytest.param(Exception(), id="no details"),
    ],
)
def test_other_errors_are_not_repeated(
    sqlite_engine: sa.Engine, cause: Exception
) -> None:
    """What would fail again is not tried again."""
    work = Victim(cause, times=1)

    with pytest.raises(DBAPIError):
        run_write(sqlite_engine, work)

    assert work.calls == 1


def _locking_both(
    first: str, second: str, met: threading.Barrier
) -> Callable[[sa.Connection], None]:
    calls = iter([met.wait])

    def work(connection: sa.Connection) -> None:
        for key in (first, second):
            connection.execute(
                sa.update(sessions).where(sessions.c.key == key).values(ticket=b"new")
            )
            # Only in the first attempt: both hold one row and want the other.
            next(calls, int)()

    return work


def test_a_real_deadlock(engine: sa.Engine) -> None:
    """Two transactions that want each other's row both come to their end."""
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")

    store = SqlSessionStore(engine)
    one, two = make_session(), make_session()
    store.create(one)
    store.create(two)
    met = threading.Barrier(2)
    works = [_locking_both(one.key, two.key, met), _locking_both(two.key, one.key, met)]

    together([partial(run_write, engine, work) for work in works])

    assert {each.ticket for each in store.find_by_subject("alice")} == {b"new"}


def test_joining_while_the_session_ends(engine: sa.Engine) -> None:
    """Who comes while a session is being ended waits and hears that it is gone."""
    store = SqlSessionStore(engine)
    session = make_session()
    store.create(session)
    joining = threading.Thread(target=_expect_gone, args=[store, session.session_id])

    with write_transaction(engine) as connection:
        mine = sa.select(sessions).where(sessions.c.session_id == session.session_id)
        connection.execute(mine.with_for_update()).all()
        joining.start()
        joining.join(timeout=0.2)
        connection.execute(sa.delete(sessions).where(sessions.c.key == session.key))

    joining.join()
    assert store.participants(session.session_id) == ()


def _expect_gone(store: SqlSessionStore, session_id: str) -> None:
    with pytest.raises(SessionGoneError, match="ended"):
        store.add_participant(make_participant(session_id))


def test_a_participant_that_is_not_whole(engine: sa.Engine) -> None:
    """An error of the host's own is not called the end of a session."""
    store = SqlSessionStore(engine)
    session = make_session()
    store.create(session)

    with pytest.raises(IntegrityError):
        store.add_participant(make_participant(session.session_id, issuer=None))


def test_claims_do_not_wait_for_each_other(engine: sa.Engine) -> None:
    """What another process is just claiming is skipped."""
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")

    store, queue = SqlSessionStore(engine), SqlDeliveryQueue(engine)
    session = make_session()
    store.create(session)
    store.add_participant(make_participant(session.session_id, client_id="first"))
    store.add_participant(make_participant(session.session_id, client_id="second"))
    store.end(session.session_id, reason=LogoutReason.USER, ended_at=START)
    first = (
        sa.select(deliveries.c.id).order_by(deliveries.c.id).limit(1).with_for_update()
    )

    with write_transaction(engine) as connection:
        connection.execute(first).all()
        claimed = queue.claim(now=START, lease=timedelta(seconds=20), limit=10)

    assert [each.client_id for each in claimed] == ["second"]


def _synchronous(connection: sa.Connection) -> object:
    if connection.dialect.name == "postgresql":
        return connection.exec_driver_sql("SHOW synchronous_commit").scalar()

    return connection.exec_driver_sql("PRAGMA synchronous").scalar()


def test_what_may_be_forgotten_does_not_wait_for_the_disk(engine: sa.Engine) -> None:
    """The setting holds for one transaction, and the next one has the usual."""
    if engine.dialect.name not in {"sqlite", "postgresql"}:
        pytest.skip("has no such setting for one transaction")

    usual = run_write(engine, _synchronous)
    without_waiting = run_write(engine, _synchronous, is_durable=False)

    assert without_waiting in {"off", 1}
    assert usual not in {"off", 1}
    assert run_write(engine, _synchronous) == usual


def test_a_database_without_a_write_ahead_log_always_waits(tmp_path: Path) -> None:
    """There a transaction that does not wait could break the file."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'plain.sqlite'}")

    assert run_write(engine, _synchronous, is_durable=False) == 2
    engine.dispose()


def test_the_setting_is_restored_after_an_error(sqlite_engine: sa.Engine) -> None:
    """A transaction that fails leaves nothing behind on its connection."""
    with pytest.raises(DBAPIError):
        run_write(sqlite_engine, Victim(Exception("gone"), times=1), is_durable=False)

    assert run_write(sqlite_engine, _synchronous) == 2
