"""Sign-ins that meet at a limit, and sweeps that meet, on every database."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from functools import partial
from multiprocessing import get_context

import pytest
import sqlalchemy as sa

from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.models import AuthenticationProperties
from idp_session.models import EndedSession
from idp_session.models import LogoutReason
from idp_session.models import Principal
from idp_session.services.data import DataService
from idp_session.services.ending import EndingService
from idp_session.services.reading import SessionReader
from idp_session.services.sign_in import SignInService
from idp_session.services.sweeping import SweepService
from idp_session.services.tickets import TicketSealer
from idp_session.stores.sql import SqlDeliveryQueue
from idp_session.stores.sql import SqlSessionStore
from idp_session.stores.sql.schema import participants
from idp_session.stores.sql.schema import sessions
from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing import ManualClock
from idp_session.testing import START
from idp_session.testing import together
from tests.fakes import make_options
from tests.fakes import RecordingDispatcher
from tests.fakes import SECRET_KEY

from . import workers

pytestmark = pytest.mark.no_cover

every_time = pytest.mark.parametrize("attempt", range(25))

LATE = START + timedelta(hours=3)


class _Node:
    """One process of a provider."""

    def __init__(self, engine: sa.Engine, *, at_most: int) -> None:
        self.store = SqlSessionStore(engine)
        self.clock = ManualClock()
        self.announced: list[EndedSession] = []
        self.ending = EndingService(
            store=self.store,
            clock=self.clock,
            dispatcher=RecordingDispatcher(),
            announce=self.announced.append,
        )
        services = {
            "store": self.store,
            "ending": self.ending,
            "clock": self.clock,
            "tickets": TicketSealer(AesGcmTicketProtector(SECRET_KEY)),
            "options": make_options(max_sessions_per_subject=at_most),
        }
        reader = SessionReader(**services)  # type: ignore[arg-type]  # in that order
        data = DataService(
            store=self.store, protector=AesGcmTicketProtector(SECRET_KEY)
        )
        self.service = SignInService(reader=reader, data=data, **services)  # type: ignore[arg-type]
        self.sweep = SweepService(
            store=self.store,
            ending=self.ending,
            clock=self.clock,
            pause=lambda _: None,
        )

    def sign_in(self) -> str:
        issued = self.service.sign_in(
            Principal(subject_id="alice"), AuthenticationProperties(), key=None
        )

        return issued.current.record.session_id


def _parallel_sign_ins(engine: sa.Engine, count: int, *, at_most: int) -> None:
    node = _Node(engine, at_most=at_most)

    begun = together([node.sign_in] * count)

    left = [each.session_id for each in node.store.find_by_subject("alice")]
    ended = [each.session_id for each in node.announced]
    assert len(left) == at_most
    assert sorted(left + ended) == sorted(begun)
    assert {each.reason for each in node.announced} == {LogoutReason.EVICTED}


@every_time
def test_twenty_sign_ins_under_a_limit_of_three(
    engine: sa.Engine, attempt: int
) -> None:
    """Three are left, and each of the others was announced once."""
    _parallel_sign_ins(engine, 20, at_most=3)


def test_a_hundred_sign_ins_under_a_limit_of_five(engine: sa.Engine) -> None:
    """Five are left."""
    _parallel_sign_ins(engine, 100, at_most=5)


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    """Three processes that share nothing with this one."""
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        yield pool


@pytest.mark.process
def test_processes_meet_at_a_limit(
    processes: ProcessPoolExecutor, engine: sa.Engine
) -> None:
    """After every round of sign-ins three sessions are left, whoever let them in."""
    url = engine.url.render_as_string(hide_password=False)
    subjects = [f"subject-{number}" for number in range(25)]

    shares = [
        processes.submit(workers.begin_all, url, subjects, 7, 3) for _ in range(3)
    ]

    results = [share.result() for share in shares]
    begun = sum((each[0] for each in results), Counter[str]())
    ended = sum((each[1] for each in results), Counter[str]())
    store = SqlSessionStore(engine)
    assert {len(store.find_by_subject(each)) for each in subjects} == {3}
    assert {begun[each] - ended[each] for each in subjects} == {3}
    assert {begun[each] for each in subjects} == {21}


def _expired(engine: sa.Engine, count: int) -> None:
    begun = [make_session() for _ in range(count)]

    with engine.begin() as connection:
        connection.execute(
            sa.insert(sessions), [dataclasses.asdict(each) for each in begun]
        )
        connection.execute(
            sa.insert(participants),
            [dataclasses.asdict(make_participant(each.session_id)) for each in begun],
        )


@every_time
def test_two_sweeps_meet(engine: sa.Engine, attempt: int) -> None:
    """Each session is ended and announced once, whichever sweep comes first."""
    _expired(engine, 30)
    nodes = [_Node(engine, at_most=1) for _ in range(2)]
    for node in nodes:
        node.clock.tick(LATE - START)

    together([partial(node.sweep.run_once, limit=20) for node in nodes])
    nodes[0].sweep.run_once()

    announced = [each.session_id for node in nodes for each in node.announced]
    assert len(announced) == len(set(announced)) == 30
    assert SqlDeliveryQueue(engine).next_due_at() == LATE


def test_many_expired_sessions(sqlite_engine: sa.Engine) -> None:
    """Twenty thousand of them end in bounded transactions, with their clients owed."""
    _expired(sqlite_engine, 20_000)
    node = _Node(sqlite_engine, at_most=1)
    node.clock.tick(LATE - START)
    began_at = time.perf_counter()

    while node.sweep.run_once(limit=200):
        pass

    took = time.perf_counter() - began_at
    print(f"\n20,000 expired sessions: {took:.1f} s, {20_000 / took:.0f} per second")  # noqa: T201
    assert len(node.announced) == 20_000
    assert node.store.find_expired(LATE, limit=1) == ()
