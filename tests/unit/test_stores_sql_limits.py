"""What the contract cannot see of limits in a database."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from idp_session.errors import SessionGoneError
from idp_session.models import SessionLimit
from idp_session.stores.sql import SqlSessionStore
from idp_session.stores.sql.limits import join_within
from idp_session.stores.sql.schema import sessions
from idp_session.stores.sql.transactions import _named
from idp_session.stores.sql.transactions import run_write
from idp_session.stores.sql.transactions import write_transaction
from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing import START


def test_one_is_alone_with_a_name(engine: sa.Engine) -> None:
    """Whoever comes second begins after the first has committed."""
    order: list[str] = []
    came = threading.Event()

    def second() -> None:
        came.set()
        with write_transaction(engine, alone_with="alice"):
            order.append("second")

    thread = threading.Thread(target=second)

    with write_transaction(engine, alone_with="alice"):
        thread.start()
        came.wait(30)
        thread.join(0.2)
        order.append("first")

    thread.join(60)
    assert order == ["first", "second"]


def test_a_failure_frees_the_name(engine: sa.Engine) -> None:
    """The next one gets its turn, on the same connection or on another one."""

    def fail(connection: sa.Connection) -> None:
        raise RuntimeError("power cut")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="power cut"):
            run_write(engine, fail, alone_with="alice")

    assert run_write(engine, lambda _: "done", alone_with="alice") == "done"


def test_a_lost_connection_frees_the_name(engine: sa.Engine) -> None:
    """Nothing is asked of a connection that is gone."""

    def lose(connection: sa.Connection) -> None:
        connection.invalidate()
        raise ConnectionError

    with pytest.raises(ConnectionError):
        run_write(engine, lose, alone_with="alice")

    assert run_write(engine, lambda _: "done", alone_with="alice") == "done"


def test_nobody_waits_for_ever(engine: sa.Engine) -> None:
    """MariaDB gives up; the others have bounds of their own."""
    if engine.dialect.name != "mysql":
        pytest.skip("has no named locks")

    with (
        write_transaction(engine, alone_with="alice"),
        engine.connect() as connection,
        pytest.raises(sa.exc.TimeoutError, match="no turn within 0 seconds"),
        _named(connection, "alice", patience=0),
    ):
        pass  # pragma: no cover - not reached


def test_nobody_joins_a_session_that_ends_meanwhile(engine: sa.Engine) -> None:
    """Between the look for the subject and the transaction it may end."""
    participant = make_participant(make_session().session_id)

    with pytest.raises(SessionGoneError, match="ended"):
        run_write(
            engine, lambda c: join_within(c, participant, SessionLimit(at_most=1))
        )


def test_very_many_sessions_make_room(engine: sa.Engine) -> None:
    """A limit that is new to a subject with very many sessions is kept at once."""
    store = SqlSessionStore(engine)
    begun = [make_session() for _ in range(1100)]
    names = [column.name for column in sessions.c if column.name != "previous_key"]

    with engine.begin() as connection:
        connection.execute(
            sa.insert(sessions),
            [{name: getattr(each, name) for name in names} for each in begun],
        )

    ended = store.create(
        make_session(created_at=START + timedelta(minutes=1)),
        limit=SessionLimit(at_most=1),
    )

    assert {each.session_id for each in ended} == {each.session_id for each in begun}
    assert len(store.find_by_subject("alice")) == 1
