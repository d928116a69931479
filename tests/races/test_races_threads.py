"""Threads that meet at one session, on every database."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from idp_session.errors import SessionGoneError
from idp_session.models import Delivery
from idp_session.models import Departure
from idp_session.models import EndedSession
from idp_session.models import LogoutReason
from idp_session.models import Participant
from idp_session.models import ServerSideSession
from idp_session.stores.sql import SqlDeliveryQueue
from idp_session.stores.sql import SqlSessionStore
from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing import START
from idp_session.testing import together

pytestmark = pytest.mark.no_cover

every_time = pytest.mark.parametrize("attempt", range(25))

LEASE = timedelta(seconds=20)


@pytest.fixture
def queue(engine: sa.Engine) -> SqlDeliveryQueue:
    return SqlDeliveryQueue(engine)


@pytest.fixture
def store(engine: sa.Engine) -> SqlSessionStore:
    return SqlSessionStore(engine)


@pytest.fixture
def session(store: SqlSessionStore) -> ServerSideSession:
    """A session that has begun."""
    session = make_session()
    store.create(session)

    return session


def _clients(session: ServerSideSession, count: int) -> list[Participant]:
    return [
        make_participant(session.session_id, client_id=f"client-{number:02}")
        for number in range(count)
    ]


def _end(store: SqlSessionStore, session: ServerSideSession) -> EndedSession | None:
    return store.end(session.session_id, reason=LogoutReason.USER, ended_at=START)


def _leave(
    store: SqlSessionStore, session: ServerSideSession, client_ids: list[str]
) -> Departure | None:
    return store.leave(
        session.session_id,
        client_ids=client_ids,
        reason=LogoutReason.ADMIN,
        left_at=START,
    )


def _join(store: SqlSessionStore, participant: Participant) -> str | None:
    try:
        store.add_participant(participant)
    except SessionGoneError:
        return None

    return participant.client_id


def _told(queue: SqlDeliveryQueue, session: ServerSideSession) -> list[str]:
    return sorted(each.client_id for each in queue.of_session(session.session_id))


@every_time
def test_fifty_clients_join(
    store: SqlSessionStore, session: ServerSideSession, attempt: int
) -> None:
    """Fifty parallel authorizations of one session leave fifty participants."""
    clients = _clients(session, 50)

    together([partial(store.add_participant, each) for each in clients])

    found = store.participants(session.session_id)
    assert sorted(found, key=lambda each: each.client_id) == clients


@every_time
def test_one_client_joins_many_times(
    store: SqlSessionStore, session: ServerSideSession, attempt: int
) -> None:
    """A client that comes several times at once takes part once."""
    (client,) = _clients(session, 1)

    together([partial(store.add_participant, client)] * 8)

    assert store.participants(session.session_id) == (client,)


@every_time
def test_many_end_one_session(
    store: SqlSessionStore,
    queue: SqlDeliveryQueue,
    session: ServerSideSession,
    attempt: int,
) -> None:
    """One of them gets the session, and each client is owed one delivery."""
    clients = _clients(session, 5)
    for client in clients:
        store.add_participant(client)

    results = together([partial(_end, store, session)] * 8)

    (ended,) = [each for each in results if each is not None]
    assert ended.participants == tuple(clients)
    assert _told(queue, session) == [each.client_id for each in clients]


@every_time
def test_clients_join_while_the_session_ends(
    store: SqlSessionStore,
    queue: SqlDeliveryQueue,
    session: ServerSideSession,
    attempt: int,
) -> None:
    """Whoever was let in is told; whoever is not told was turned away."""
    clients = _clients(session, 12)
    joins: list[Callable[[], EndedSession | str | None]] = [
        partial(_join, store, each) for each in clients
    ]

    joins.insert(6, partial(_end, store, session))

    results = together(joins)

    joined = sorted(each for each in results if isinstance(each, str))
    (ended,) = [each for each in results if isinstance(each, EndedSession)]
    assert sorted(ended.client_ids) == joined
    assert _told(queue, session) == joined
    assert store.participants(session.session_id) == ()


@every_time
def test_clients_leave_while_the_session_ends(
    store: SqlSessionStore,
    queue: SqlDeliveryQueue,
    session: ServerSideSession,
    attempt: int,
) -> None:
    """Each client is given to the leaver or to the end, and is owed one delivery."""
    clients = _clients(session, 6)
    ids = [each.client_id for each in clients]
    for client in clients:
        store.add_participant(client)
    calls: list[Callable[[], EndedSession | Departure | None]] = [
        partial(_leave, store, session, ids[:4]),
        partial(_end, store, session),
        partial(_leave, store, session, ids[2:5]),
    ]

    results = together(calls)

    given = [client for each in results if each for client in each.client_ids]
    assert sorted(given) == _told(queue, session) == ids
    assert sum(isinstance(each, EndedSession) for each in results) == 1
    assert store.participants(session.session_id) == ()


@every_time
def test_many_have_the_same_clients_leave(
    store: SqlSessionStore,
    queue: SqlDeliveryQueue,
    session: ServerSideSession,
    attempt: int,
) -> None:
    """One of them gets each client, and those that stay do not notice."""
    clients = _clients(session, 6)
    ids = [each.client_id for each in clients]
    for client in clients:
        store.add_participant(client)

    results = together([partial(_leave, store, session, ids[:5])] * 6)

    (departure,) = [each for each in results if each is not None]
    assert departure.participants == tuple(clients[:5])
    assert _told(queue, session) == ids[:5]
    assert store.participants(session.session_id) == (clients[5],)


@every_time
def test_a_client_joins_while_it_leaves(
    store: SqlSessionStore,
    queue: SqlDeliveryQueue,
    session: ServerSideSession,
    attempt: int,
) -> None:
    """Whoever comes first, each time that it took part is owed one delivery."""
    (client,) = _clients(session, 1)
    store.add_participant(client)

    def leave() -> int:
        return sum(
            _leave(store, session, [client.client_id]) is not None for _ in range(3)
        )

    def join() -> int:
        for _ in range(3):
            store.add_participant(client)

        return 0

    left = sum(together([leave, join, leave, join]))

    stays = len(store.participants(session.session_id))
    assert left == len(_told(queue, session)) >= 1
    assert _end(store, session) is not None
    assert len(_told(queue, session)) == left + stays


@every_time
def test_late_writes_while_the_session_ends(
    store: SqlSessionStore, session: ServerSideSession, attempt: int
) -> None:
    """Neither a renewal nor an update nor a rotation brings the session back."""
    rotated = dataclasses.replace(session, key=make_session().key)

    def rewrite(changed: ServerSideSession) -> None:
        with contextlib.suppress(SessionGoneError):
            store.update(session.key, changed)

    def renew() -> None:
        later = START + timedelta(hours=5)
        store.renew(session.key, renewed_at=START, expires_at=later)

    def end() -> None:
        assert _end(store, session) is not None

    calls: list[Callable[[], None]] = [
        partial(rewrite, session),
        renew,
        end,
        partial(rewrite, rotated),
        renew,
    ]
    together(calls)

    assert store.find_by_subject("alice") == ()


@every_time
def test_a_renewal_meets_the_sweep(
    store: SqlSessionStore, session: ServerSideSession, attempt: int
) -> None:
    """Either the session was renewed and goes on, or it ended and is gone."""
    now = session.expires_at

    def renew() -> bool:
        return store.renew(
            session.key, renewed_at=now, expires_at=now + timedelta(hours=1)
        )

    def sweep() -> bool:
        ended = store.end(
            session.session_id,
            reason=LogoutReason.IDLE_TIMEOUT,
            ended_at=now,
            expired_at=now,
        )

        return ended is not None

    renewed, swept = together([renew, sweep])

    assert renewed is not swept
    assert (store.get(session.key) is not None) is renewed


@every_time
def test_one_of_many_replaces_the_handle(
    store: SqlSessionStore, session: ServerSideSession, attempt: int
) -> None:
    """Of concurrent sign-ins one rotates the session; the others learn of it."""
    rotations = [dataclasses.replace(session, key=make_session().key) for _ in range(4)]

    def rotate(rotated: ServerSideSession) -> ServerSideSession | None:
        try:
            store.update(session.key, rotated)
        except SessionGoneError:
            return None

        return rotated

    results = together([partial(rotate, each) for each in rotations])

    (winner,) = [each for each in results if each is not None]
    assert store.find_by_subject("alice") == (winner,)
    assert store.find_rotated(session.key) == winner


@every_time
def test_many_write_data(
    store: SqlSessionStore, session: ServerSideSession, attempt: int
) -> None:
    """No name is lost, and a name that all of them write has one of the values."""

    def write(number: int) -> None:
        text = str(number).encode()
        store.write_data(
            session.session_id,
            changed={f"mine-{number}": text, "same": text},
            removed=["old"],
        )

    store.write_data(session.session_id, changed={"old": b"", "kept": b""}, removed=())

    together([partial(write, number) for number in range(12)])

    data = dict(store.read_data(session.session_id))
    assert int(data.pop("same")) in range(12)
    assert data == {"kept": b"", **{f"mine-{n}": str(n).encode() for n in range(12)}}


@every_time
def test_data_is_written_while_the_session_ends(
    store: SqlSessionStore, session: ServerSideSession, attempt: int
) -> None:
    """A late save is refused, and leaves nothing of the session."""

    def write(number: int) -> None:
        with contextlib.suppress(SessionGoneError):
            store.write_data(
                session.session_id, changed={f"{number}": b""}, removed=["0"]
            )
            store.set_attribute(session.session_id, "tenant", f"{number}")

    def end() -> None:
        assert _end(store, session) is not None

    writes: list[Callable[[], None]] = [partial(write, n) for n in range(6)]

    together([*writes, end])

    assert store.find(session.session_id) is None
    assert store.read_data(session.session_id) == {}
    assert store.attributes(session.session_id) == {}


@every_time
def test_many_claim_the_same_deliveries(
    store: SqlSessionStore,
    queue: SqlDeliveryQueue,
    session: ServerSideSession,
    attempt: int,
) -> None:
    """No delivery is handed to two, and together they get all of them."""
    clients = _clients(session, 10)
    for client in clients:
        store.add_participant(client)
    _end(store, session)

    def claim_all() -> list[Delivery]:
        taken: list[Delivery] = []
        while claimed := queue.claim(now=START, lease=LEASE, limit=3):
            taken.extend(claimed)

        return taken

    taken = [each for some in together([claim_all] * 4) for each in some]

    assert len({each.id for each in taken}) == len(taken)
    assert {each.attempts for each in taken} == {1}
    assert queue.next_due_at() == START + LEASE


@every_time
def test_many_end_one_session_of_a_cookie(
    queue: SqlDeliveryQueue, attempt: int
) -> None:
    """One of them writes the end down, and each client is owed one delivery."""
    session = make_session()
    ended = EndedSession(
        session_id=session.session_id,
        subject_id="alice",
        reason=LogoutReason.USER,
        ended_at=START,
        participants=tuple(_clients(session, 5)),
    )

    results = together([partial(queue.owe, ended)] * 8)

    assert sorted(results) == [False] * 7 + [True]
    assert _told(queue, session) == list(ended.client_ids)
