"""Sending for a bounded time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import timedelta
from typing import NoReturn

import pytest

from idp_session.adapters.shift import Shift
from idp_session.models import Attempt
from idp_session.models import Delivery
from idp_session.models import SendResult

from .outbox import delivery

LONG = timedelta(seconds=20)
SOON = timedelta(milliseconds=100)
LOGGER = logging.getLogger("tests.shift")
ANSWER = SendResult(status=200)


class Outbox:
    """Deliveries that are owed, by number, and what happens to them."""

    def __init__(self, *numbers: int) -> None:
        self.owed = list(numbers)
        self.done: list[int] = []
        self.given_back: list[int] = []
        self.most_running = 0
        #: Those that are not answered before somebody does it by hand.
        self.held: dict[int, Future[SendResult]] = {}
        #: How often the database is away when something is to be settled or claimed.
        self.failing_settlements = 0
        self.failing_claims = 0
        #: Those whose host has its share already.
        self.crowded: set[int] = set()

    def claim(self, limit: int, *, under_way: Mapping[str, int]) -> Sequence[Delivery]:
        if under_way and self.failing_claims:
            self.failing_claims -= 1
            raise OSError

        taken, self.owed = self.owed[:limit], self.owed[limit:]

        return [delivery(number) for number in taken]

    def begin(
        self, delivery: Delivery, *, under_way: Mapping[str, int]
    ) -> Attempt | None:
        if delivery.id < 0:
            raise RuntimeError("the registry is gone")

        if delivery.id in self.crowded:
            self.crowded.remove(delivery.id)
            return None

        outcome = self.held.get(delivery.id) or Future()

        if delivery.id not in self.held:
            threading.Timer(0.01, outcome.set_result, [ANSWER]).start()

        self.most_running = max(self.most_running, sum(under_way.values()) + 1)

        return Attempt(delivery=delivery, host="shop.test", outcome=outcome)

    def settle(self, attempts: Sequence[Attempt]) -> None:
        if self.failing_settlements:
            self.failing_settlements -= 1
            raise OSError

        self.done += [attempt.delivery.id for attempt in attempts]

    def give_back(self, deliveries: Sequence[Delivery]) -> None:
        self.given_back += [delivery.id for delivery in deliveries]
        self.owed += [delivery.id for delivery in deliveries]

    def stop(self) -> None:
        raise AssertionError("others go on sending")


def shift(outbox: Outbox, in_flight: int = 4) -> Shift:
    return Shift(outbox, in_flight=in_flight, logger=LOGGER)


def test_nothing_is_due() -> None:
    """Whoever has nothing to do goes home at once."""
    waits = []

    for _ in range(3):
        began = time.monotonic()
        assert shift(Outbox()).work_off(LONG)
        waits.append(time.monotonic() - began)

    # A machine may stand still during one of them.
    assert min(waits) < 0.4


def test_all_is_delivered_by_so_many_at_once() -> None:
    """Every delivery is made once, and never more at once than there may be."""
    outbox = Outbox(*range(1, 21))

    is_done = shift(outbox, in_flight=4).work_off(LONG)

    assert is_done
    assert sorted(outbox.done) == [*range(1, 21)]
    assert outbox.most_running == 4


def test_what_becomes_due_does_not_wait_for_a_slow_client() -> None:
    """While one client hangs, others are told."""
    outbox = Outbox(1)
    outbox.held = {1: Future()}

    def owe_another() -> None:
        time.sleep(0.1)
        outbox.owed.append(2)
        deadline = time.monotonic() + 15
        while outbox.done != [2] and time.monotonic() < deadline:
            time.sleep(0.01)
        outbox.held[1].set_result(ANSWER)

    other = threading.Thread(target=owe_another)
    other.start()
    shift(outbox).work_off(LONG)
    other.join()

    assert outbox.done == [2, 1]


def test_time_is_up() -> None:
    """What is on its way then comes to its end, if there is time for it."""
    outbox = Outbox(1)
    outbox.held = {1: Future()}
    hands = shift(outbox)

    is_done = hands.work_off(SOON)
    done_before = list(outbox.done)
    threading.Timer(0.1, outbox.held[1].set_result, [ANSWER]).start()
    hands.finish(LONG)

    assert not is_done
    assert done_before == []
    assert outbox.done == [1]
    assert outbox.given_back == []


def test_what_does_not_finish_is_given_back() -> None:
    """Others may have it at once, and its request is given up."""
    outbox = Outbox(1)
    outbox.held = {1: Future()}
    hands = shift(outbox)
    hands.work_off(SOON)

    hands.finish(SOON)

    assert outbox.given_back == [1]
    assert outbox.held[1].cancelled()
    assert outbox.done == []


def test_a_request_that_cannot_be_given_up_keeps_its_lease() -> None:
    """Nobody else sends what may still arrive."""
    outbox = Outbox(1)
    outbox.held = {1: Future()}
    outbox.held[1].set_running_or_notify_cancel()
    hands = shift(outbox)
    hands.work_off(SOON)

    hands.finish(SOON)

    assert outbox.given_back == []


def test_a_host_that_has_its_share() -> None:
    """What is one too many is given back, and has its turn later."""
    outbox = Outbox(1, 2)
    outbox.crowded = {2}

    is_done = shift(outbox).work_off(LONG)

    assert is_done
    assert outbox.given_back == [2]
    assert sorted(outbox.done) == [1, 2]


def test_one_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A delivery that cannot be begun is logged, and keeps no other one."""
    outbox = Outbox(-1, 1, 2)

    is_done = shift(outbox, in_flight=3).work_off(LONG)

    assert is_done
    assert sorted(outbox.done) == [1, 2]
    assert caplog.messages == ["delivery -1 failed: RuntimeError"]


def test_results_outlive_an_outage_of_the_database(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whoever has answered is not asked again because that could not be written down."""
    outbox = Outbox(1, 2)
    outbox.failing_settlements = outbox.failing_claims = 1

    is_done = shift(outbox).work_off(LONG)

    assert is_done
    assert sorted(outbox.done) == [1, 2]
    assert sorted(caplog.messages) == [
        "claiming failed: OSError",
        "settling failed: OSError",
    ]


def test_results_are_written_down_at_the_end() -> None:
    """Also after the time for new work, a database that was away is asked again."""
    outbox = Outbox(1)
    outbox.held = {1: Future()}
    hands = shift(outbox)
    hands.work_off(SOON)
    outbox.failing_settlements = 2

    outbox.held[1].set_result(ANSWER)
    hands.finish(LONG)

    assert outbox.done == [1]
    assert outbox.given_back == []


def test_no_database_at_all() -> None:
    """Whoever has nothing under way hears that nothing could be claimed."""

    class Away(Outbox):
        def claim(self, limit: int, *, under_way: Mapping[str, int]) -> NoReturn:
            raise LookupError

    with pytest.raises(LookupError):
        shift(Away()).work_off(LONG)
