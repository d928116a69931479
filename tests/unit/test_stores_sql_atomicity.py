"""What is written in several statements is written as one, on each database."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
import sqlalchemy as sa

from idp_session.models import DeliveryResult
from idp_session.models import DeliveryState
from idp_session.models import LogoutReason
from idp_session.models import ServerSideSession
from idp_session.models import SessionLimit
from idp_session.stores.sql import metadata
from idp_session.stores.sql import SqlDeliveryQueue
from idp_session.stores.sql import SqlSessionStore
from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing import START

_ONE = SessionLimit(at_most=1)
_LEASE = timedelta(seconds=20)
_WRITES = ("INSERT INTO ", "UPDATE idp", "DELETE FROM ")

Write = Callable[[SqlSessionStore, ServerSideSession], object]


def _promote(store: SqlSessionStore, _: ServerSideSession) -> None:
    (anonymous,) = store.find_expired(START + timedelta(days=1), limit=1)
    store.promote(
        anonymous.key,
        make_session(),
        reseal=lambda _, value: value,
        limit=_ONE,
    )


def rows(engine: sa.Engine) -> list[list[tuple[object, ...]]]:
    """Everything that there is."""
    with engine.connect() as connection:
        return [
            sorted(map(tuple, connection.execute(sa.select(table))), key=repr)
            for table in metadata.sorted_tables
        ]


@contextmanager
def power_cuts(engine: sa.Engine) -> Iterator[None]:
    """Each transaction that has written something is cut off before its commit."""
    written: list[str] = []

    def remember(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        written.extend(word for word in _WRITES if word in sql)

    def cut(_connection: object) -> None:
        if written:
            raise RuntimeError("power cut")

    sa.event.listen(engine, "after_cursor_execute", remember)
    sa.event.listen(engine, "commit", cut)

    try:
        yield
    finally:
        sa.event.remove(engine, "after_cursor_execute", remember)
        sa.event.remove(engine, "commit", cut)


@pytest.fixture
def session(engine: sa.Engine) -> ServerSideSession:
    """It has a client and data; beside it is an anonymous one."""
    store, session = SqlSessionStore(engine), make_session()
    store.create(session)
    store.add_participant(make_participant(session.session_id))
    store.write_data(session.session_id, changed={"order": b"1"}, removed=())
    store.create(
        make_session(subject_id=None, ticket=b"", expires_at=START + timedelta(hours=1))
    )

    return session


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(
            lambda store, _: store.create(make_session(), limit=_ONE),
            id="create within a limit",
        ),
        pytest.param(
            lambda store, session: store.add_participant(
                make_participant(session.session_id, client_id="bank"), limit=_ONE
            ),
            id="join within a limit",
        ),
        pytest.param(
            lambda store, session: store.write_data(
                session.session_id, changed={"order": b"2"}, removed=()
            ),
            id="data",
        ),
        pytest.param(
            lambda store, session: store.set_attribute(
                session.session_id, "order", "42"
            ),
            id="attribute",
        ),
        pytest.param(
            lambda store, session: store.end(
                session.session_id, reason=LogoutReason.USER, ended_at=START
            ),
            id="end",
        ),
        pytest.param(
            lambda store, session: store.leave(
                session.session_id,
                client_ids=["shop"],
                reason=LogoutReason.USER,
                left_at=START,
            ),
            id="leave",
        ),
        pytest.param(
            lambda store, _: store.end_expired(START + timedelta(days=1), limit=9),
            id="sweep",
        ),
        pytest.param(_promote, id="promote"),
    ],
)
def test_a_write_of_the_store_that_fails(
    engine: sa.Engine, session: ServerSideSession, write: Write
) -> None:
    """All of its statements were executed, and none of them has happened."""
    store = SqlSessionStore(engine)
    before = rows(engine)

    with power_cuts(engine), pytest.raises(RuntimeError, match="power cut"):
        write(store, session)

    assert rows(engine) == before

    write(store, session)
    assert rows(engine) != before


def _settle(queue: SqlDeliveryQueue, session_id: str) -> None:
    done = DeliveryResult(state=DeliveryState.DELIVERED, at=START, status=200)
    queue.settle_all([(each, done) for each in queue.of_session(session_id)])


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(
            lambda queue, _: queue.claim(now=START, lease=_LEASE, limit=9), id="claim"
        ),
        pytest.param(_settle, id="settle"),
    ],
)
def test_a_write_of_the_queue_that_fails(
    engine: sa.Engine,
    session: ServerSideSession,
    write: Callable[[SqlDeliveryQueue, str], object],
) -> None:
    """All of its statements were executed, and none of them has happened."""
    queue = SqlDeliveryQueue(engine)
    SqlSessionStore(engine).end(
        session.session_id, reason=LogoutReason.USER, ended_at=START
    )
    before = rows(engine)

    with power_cuts(engine), pytest.raises(RuntimeError, match="power cut"):
        write(queue, session.session_id)

    assert rows(engine) == before
