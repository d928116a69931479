"""Processes that meet at one database."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from multiprocessing import get_context

import pytest
import sqlalchemy as sa

from idp_session.stores.sql import SqlDeliveryQueue
from idp_session.stores.sql import SqlSessionStore
from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing import START

from . import workers

pytestmark = [pytest.mark.process, pytest.mark.no_cover]

ROUNDS = 25
EXPIRED_AT = START + timedelta(hours=2)
CLIENTS = [f"client-{number:02}" for number in range(12)]


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    """Three processes that share nothing with this one."""
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        yield pool


@pytest.fixture
def url(engine: sa.Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


@pytest.fixture
def session_ids(engine: sa.Engine) -> list[str]:
    """Sessions that have begun, one for each round."""
    store = SqlSessionStore(engine)
    sessions = [make_session() for _ in range(ROUNDS)]
    for session in sessions:
        store.create(session)

    return [session.session_id for session in sessions]


def _add_clients(engine: sa.Engine, session_ids: list[str]) -> None:
    store = SqlSessionStore(engine)
    for session_id in session_ids:
        for client_id in CLIENTS[:4]:
            store.add_participant(make_participant(session_id, client_id=client_id))


def test_clients_join_from_several_processes(
    processes: ProcessPoolExecutor,
    engine: sa.Engine,
    url: str,
    session_ids: list[str],
) -> None:
    """No participant is lost, whichever process recorded it."""
    shares = [
        processes.submit(workers.join_all, url, session_ids, CLIENTS[start::3])
        for start in range(3)
    ]
    for share in shares:
        share.result()

    store = SqlSessionStore(engine)
    found = [
        sorted(each.client_id for each in store.participants(session_id))
        for session_id in session_ids
    ]
    assert found == [CLIENTS] * ROUNDS


def test_data_is_written_by_several_processes(
    processes: ProcessPoolExecutor,
    engine: sa.Engine,
    url: str,
    session_ids: list[str],
) -> None:
    """No value is lost, whichever process wrote it; all of them write one of them."""
    shares = [
        processes.submit(
            workers.write_all, url, session_ids, [*CLIENTS[start::3], "same"]
        )
        for start in range(3)
    ]
    for share in shares:
        share.result()

    store = SqlSessionStore(engine)
    expected = {name: name.encode() for name in [*CLIENTS, "same"]}
    assert [store.read_data(each) for each in session_ids] == [expected] * ROUNDS


def test_sessions_end_in_several_processes(
    processes: ProcessPoolExecutor,
    engine: sa.Engine,
    url: str,
    session_ids: list[str],
) -> None:
    """Each session is ended by one process, and each client is owed once."""
    _add_clients(engine, session_ids)

    shares = [processes.submit(workers.end_all, url, session_ids) for _ in range(3)]

    ended = [session_id for share in shares for session_id in share.result()]
    queue = SqlDeliveryQueue(engine)
    assert sorted(ended) == sorted(session_ids)
    assert {len(queue.of_session(each)) for each in session_ids} == {4}


def test_clients_join_while_other_processes_end_sessions(
    processes: ProcessPoolExecutor,
    engine: sa.Engine,
    url: str,
    session_ids: list[str],
) -> None:
    """Whoever was let in is told; whoever is not told was turned away."""
    joins = [
        processes.submit(workers.join_all, url, session_ids, CLIENTS[start::2])
        for start in range(2)
    ]
    end = processes.submit(workers.end_all, url, session_ids)

    joined = {pair for join in joins for pair in join.result()}
    queue = SqlDeliveryQueue(engine)
    assert sorted(end.result()) == sorted(session_ids)
    assert joined == {
        (each.session_id, each.client_id)
        for session_id in session_ids
        for each in queue.of_session(session_id)
    }


def test_deliveries_are_claimed_by_several_processes(
    processes: ProcessPoolExecutor,
    engine: sa.Engine,
    url: str,
    session_ids: list[str],
) -> None:
    """No delivery is handed to two processes, and none is left."""
    _add_clients(engine, session_ids)
    workers.end_all(url, session_ids)

    shares = [processes.submit(workers.claim_all, url) for _ in range(3)]

    taken = [number for share in shares for number in share.result()]
    assert len(taken) == len(set(taken)) == 4 * ROUNDS


def test_expired_sessions_are_used_and_swept_in_several_processes(
    processes: ProcessPoolExecutor, engine: sa.Engine, url: str, session_ids: list[str]
) -> None:
    """Each of them either goes on or has ended; none does both, and none neither."""
    store = SqlSessionStore(engine)
    keys = [each.key for each in map(store.find, session_ids) if each is not None]

    sweeps = [
        processes.submit(workers.sweep_all, url, EXPIRED_AT, at_once)
        for at_once in (1, 2)
    ]
    renewals = processes.submit(workers.renew_all, url, keys[::-1], EXPIRED_AT)

    renewed = renewals.result()
    ended = [key for sweep in sweeps for key in sweep.result()]
    assert sorted(renewed + ended) == sorted(keys)
    assert [key for key in keys if store.get(key)] == [
        key for key in keys if key in renewed
    ]


def test_sweeps_meet_in_several_processes(
    processes: ProcessPoolExecutor, engine: sa.Engine, url: str, session_ids: list[str]
) -> None:
    """Each session is ended by one of them, and each client is owed once."""
    _add_clients(engine, session_ids)

    sweeps = [
        processes.submit(workers.sweep_all, url, EXPIRED_AT, at_once)
        for at_once in (1, 2, 3)
    ]

    ended = [key for sweep in sweeps for key in sweep.result()]
    queue = SqlDeliveryQueue(engine)
    assert len(ended) == len(set(ended)) == ROUNDS
    assert {len(queue.of_session(each)) for each in session_ids} == {4}
