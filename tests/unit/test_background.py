"""What a process does besides answering requests."""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from typing import Any

import pytest

from idp_session.models import DeliveryState
from idp_session.models import LogoutReason
from idp_session.ports import DeliveryQueue
from idp_session.services.background import BackgroundWork
from idp_session.services.delivery_management import DeliveryManagementService
from tests.fakes import FakeProvider


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


def background(provider: FakeProvider, sweep_interval: timedelta) -> BackgroundWork:
    return BackgroundWork(
        delivery=provider.delivery,
        deliveries=DeliveryManagementService(
            queue=provider.queue,
            clients=provider.clients,
            clock=provider.clock,
            dispatcher=provider.dispatcher,
        ),
        sweep=provider.sweep,
        sweep_interval=sweep_interval,
        retention=timedelta(days=30),
    )


def test_what_has_expired_is_told_at_once(provider: FakeProvider) -> None:
    """The first look ends expired sessions, and has their deliveries already."""
    provider.browser(clients=["shop", "mail"])
    provider.clock.tick(timedelta(hours=2))

    claimed = background(provider, timedelta(hours=1)).claim(16)

    assert [each.client_id for each in claimed] == ["shop", "mail"]
    assert {each.reason for each in claimed} == {LogoutReason.IDLE_TIMEOUT}


@pytest.mark.parametrize(
    ("interval", "swept"),
    [
        pytest.param(timedelta(hours=1), 0, id="not yet"),
        pytest.param(timedelta(0), 1, id="time again"),
    ],
)
def test_sweeps_keep_their_interval(
    provider: FakeProvider, interval: timedelta, swept: int
) -> None:
    """Deliveries are looked for often, expired sessions now and then."""
    work = background(provider, interval)
    work.claim(16)
    provider.browser()
    provider.clock.tick(timedelta(hours=2))

    work.claim(16)

    assert len(provider.ended) == swept


@pytest.mark.parametrize(
    ("age", "kept"),
    [
        pytest.param(timedelta(days=29), 1, id="still looked at"),
        pytest.param(timedelta(days=31), 0, id="forgotten"),
    ],
)
def test_what_is_over_is_forgotten_in_time(
    provider: FakeProvider, age: timedelta, kept: int
) -> None:
    """The outbox does not grow for ever."""
    browser = provider.browser(clients=["shop"])
    ended = provider.request(browser.next_request()).end(LogoutReason.USER)
    assert ended is not None
    provider.delivery.run_once()
    provider.clock.tick(age)

    background(provider, timedelta(0)).claim(1)

    assert len(provider.queue.of_session(ended.session_id)) == kept


def test_many_expired_sessions_do_not_stall_deliveries(provider: FakeProvider) -> None:
    """A look ends some, hands out deliveries, and the next look goes on."""
    for _ in range(250):
        provider.browser(clients=["shop"])
    provider.clock.tick(timedelta(hours=2))
    work = background(provider, timedelta(hours=1))

    looks = []
    for _ in range(3):
        claimed = work.claim(8)
        looks.append((len(provider.ended), len(claimed)))

    assert looks == [(200, 8), (250, 8), (250, 8)]
    assert provider.dispatcher.kicks == 3


def test_no_more_is_claimed_than_asked_for(provider: FakeProvider) -> None:
    """A process takes only what it has threads for."""
    provider.browser(clients=["shop", "mail"])
    provider.clock.tick(timedelta(hours=2))

    claimed = background(provider, timedelta(hours=1)).claim(1)

    assert len(claimed) == 1


def test_what_was_claimed_is_delivered(provider: FakeProvider) -> None:
    """A claimed delivery is tried once."""
    provider.browser(clients=["shop"])
    provider.clock.tick(timedelta(hours=2))
    work = background(provider, timedelta(hours=1))
    (claimed,) = work.claim(16)

    attempt = work.begin(claimed)
    assert attempt is not None
    work.settle([attempt])
    work.stop()

    assert provider.attempted[0].state is DeliveryState.DELIVERED
    assert len(provider.sender.sent) == provider.sender.stops == 1


def test_what_was_claimed_is_given_back(provider: FakeProvider) -> None:
    """What cannot be sent after all is there for others at once."""
    provider.browser(clients=["shop"])
    provider.clock.tick(timedelta(hours=2))
    work = background(provider, timedelta(hours=1))

    work.give_back(work.claim(16))

    assert [each.attempts for each in work.claim(16)] == [2]
    assert provider.sender.sent == []


def test_ends_are_remembered_for_the_retention(provider: FakeProvider) -> None:
    """A process that looks after deliveries forgets the ends of long ago, too."""
    old = provider.ended_elsewhere()
    provider.clock.tick(timedelta(days=30, seconds=1))
    new = provider.ended_elsewhere()

    background(provider, timedelta(hours=1)).claim(16)

    assert not provider.queue.has_ended(old)
    assert provider.queue.has_ended(new)


def test_much_to_forget_does_not_stall_deliveries(provider: FakeProvider) -> None:
    """A look forgets some, hands out deliveries, and the next look goes on."""
    ends = [provider.ended_elsewhere() for _ in range(1500)]
    provider.clock.tick(timedelta(days=31))
    work = background(provider, timedelta(hours=1))

    left = []
    for _ in range(3):
        work.claim(8)
        left.append(len([each for each in ends if provider.queue.has_ended(each)]))

    assert left == [500, 0, 0]


def _work_without_ends(provider: FakeProvider) -> BackgroundWork:
    return BackgroundWork(
        delivery=provider.delivery,
        deliveries=DeliveryManagementService(
            queue=_WithoutEnds(provider.queue),
            clients=provider.clients,
            clock=provider.clock,
            dispatcher=provider.dispatcher,
        ),
        sweep=provider.sweep,
        sweep_interval=timedelta(hours=1),
        retention=timedelta(days=30),
    )


def test_what_cannot_be_forgotten_keeps_nobody_signed_in(
    provider: FakeProvider,
) -> None:
    """On a database of before, clients hear of sessions that expire all the same."""
    provider.browser(clients=["shop"])
    provider.clock.tick(timedelta(hours=2))
    work = _work_without_ends(provider)

    with pytest.raises(LookupError):
        work.claim(16)

    assert [each.client_id for each in work.claim(16)] == ["shop"]


def test_what_cannot_be_forgotten_stalls_no_deliveries(provider: FakeProvider) -> None:
    """However many sessions have expired, only one claim in a while fails."""
    for _ in range(450):
        provider.browser(clients=["shop"])
    provider.clock.tick(timedelta(hours=2))
    work = _work_without_ends(provider)

    with pytest.raises(LookupError):
        work.claim(16)

    assert len(work.claim(16)) == 16


class _WithoutEnds:
    """A queue in a database that has not been upgraded."""

    def __init__(self, queue: DeliveryQueue) -> None:
        self._queue = queue

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    def forget_ends(self, *, before: datetime, limit: int) -> int:
        raise LookupError("no such table")
