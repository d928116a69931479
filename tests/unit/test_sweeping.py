"""What has expired ends without a request."""

from __future__ import annotations

import time
from functools import partial

import pytest

from idp_session.models import EndedSession
from idp_session.models import LogoutReason
from idp_session.services.ending import EndingService
from idp_session.services.sweeping import SweepService
from idp_session.testing import make_session
from idp_session.testing import START
from idp_session.testing import together
from tests.fakes import FakeProvider

from .sessions_to_end import begin
from .sessions_to_end import every_time
from .sessions_to_end import HOUR
from .sessions_to_end import renew


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


def test_a_sweep_goes_on_in_bounded_transactions(provider: FakeProvider) -> None:
    """Many expired sessions never end in one transaction."""
    for _ in range(220):
        begin(provider)
    provider.clock.tick(2 * HOUR)
    provider.spy.calls.clear()

    assert provider.sweep.run_once() == 220
    assert provider.spy.calls == ["end_expired"] * 3
    assert provider.dispatcher.kicks == 3


# BCL-OP-33
def test_a_sweep_ends_what_has_expired(provider: FakeProvider) -> None:
    """Clients hear of an expiry that no request has noticed."""
    idle = begin(provider, clients=["shop"])
    live = begin(provider, expires_at=START + 3 * HOUR)
    provider.clock.tick(2 * HOUR)

    count = provider.sweep.run_once()

    assert count == 1
    assert [each.session_id for each in provider.ended] == [idle.session_id]
    assert provider.ended[0].reason is LogoutReason.IDLE_TIMEOUT
    assert len(provider.queue.of_session(idle.session_id)) == 1
    assert provider.store.get(live.key) == live


def test_a_sweep_has_a_limit(provider: FakeProvider) -> None:
    """What is left over waits for the next sweep, the longest expired comes first."""
    late = begin(provider, expires_at=START + HOUR)
    early = begin(provider, expires_at=START)
    provider.clock.tick(2 * HOUR)

    assert provider.sweep.run_once(limit=1) == 1
    assert provider.sweep.run_once(limit=1) == 1
    assert provider.sweep.run_once(limit=1) == 0
    assert [each.session_id for each in provider.ended] == [
        early.session_id,
        late.session_id,
    ]


def test_a_sweep_spares_what_is_renewed_meanwhile(provider: FakeProvider) -> None:
    """Between the look and the end a request may still come."""
    session = begin(provider)
    provider.clock.tick(2 * HOUR)
    provider.spy.before["end_expired"] = partial(renew, provider, session)

    assert provider.sweep.run_once() == 0
    assert provider.store.get(session.key) is not None


@every_time
def test_two_sweeps_at_once(provider: FakeProvider, attempt: int) -> None:
    """Any number of processes may sweep; together they end each session once."""
    sessions = [begin(provider) for _ in range(4)]
    provider.clock.tick(2 * HOUR)

    counts = together([provider.sweep.run_once] * 2)

    assert sum(counts) == 4
    assert sorted(each.session_id for each in provider.ended) == sorted(
        each.session_id for each in sessions
    )


def test_a_sweep_gives_others_their_turn(provider: FakeProvider) -> None:
    """It pauses between two transactions, and neither before nor after them."""
    for _ in range(220):
        provider.store.create(make_session())
    provider.clock.tick(3 * HOUR)
    provider.spy.calls.clear()
    sweep = SweepService(
        store=provider.store,
        ending=provider.ending,
        clock=provider.clock,
        pause=lambda _: provider.spy.calls.append("pause"),
    )

    sweep.run_once()

    step, pause = "end_expired", "pause"
    assert provider.spy.calls == [step, pause, step, pause, step]


@pytest.mark.parametrize(
    ("ending_takes", "telling_takes", "is_left"),
    [(0.5, 0, True), (0, 0.003, False)],
    ids=["ends slowly", "tells slowly"],
)
def test_a_turn_begins_with_the_end_of_a_transaction(
    provider: FakeProvider, ending_takes: float, telling_takes: float, is_left: bool
) -> None:
    """It is as long as the transaction; to tell of its sessions is part of it."""
    for _ in range(120):
        provider.store.create(make_session())
    provider.clock.tick(3 * HOUR)
    provider.spy.before["end_expired"] = partial(time.sleep, ending_takes)
    pauses: list[float] = []

    def tell(_: EndedSession) -> None:
        if telling_takes:
            time.sleep(telling_takes)

    sweep = SweepService(
        store=provider.store,
        ending=EndingService(
            store=provider.store,
            clock=provider.clock,
            dispatcher=provider.dispatcher,
            announce=tell,
        ),
        clock=provider.clock,
        pause=pauses.append,
    )

    sweep.run_once()

    assert len(pauses) == 1
    assert (pauses[0] > 0) is is_left
    assert pauses[0] <= 0.25
