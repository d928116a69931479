"""Threads that send what is owed."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Iterator
from collections.abc import Sequence
from datetime import timedelta

import pytest

from idp_session.models import Delivery

from ..freeing import is_freed
from ..freeing import without_collector
from .outbox import dispatchers
from .outbox import Make
from .outbox import Outbox
from .outbox import SOON


@pytest.fixture
def dispatcher() -> Iterator[Make]:
    with dispatchers() as make:
        yield make


def test_nothing_of_a_settled_delivery_is_left(dispatcher: Make) -> None:
    """It takes no memory until somebody looks for garbage."""
    outbox = Outbox(1)
    outbox.held = {1}

    with without_collector():
        dispatcher(outbox).kick()
        outbox.wait_until(lambda: 1 in outbox.running)
        outcome = weakref.ref(outbox.running[1])
        outbox.answer()

        assert is_freed(outcome, SOON)


def test_kick_delivers(dispatcher: Make) -> None:
    """After a kick everything that is owed is delivered, each once."""
    outbox = Outbox(*range(50))

    dispatcher(outbox).kick()

    assert outbox.wait_until(lambda: len(outbox.done) == 50)
    assert sorted(outbox.done) == list(range(50))


def test_nothing_happens_unasked(dispatcher: Make) -> None:
    """Making a dispatcher starts no thread."""
    before = set(threading.enumerate())
    outbox = Outbox(1)
    dispatcher(outbox)

    assert set(threading.enumerate()) <= before
    assert outbox.asked == []


def test_kick_returns_at_once(dispatcher: Make) -> None:
    """A kick waits neither for a claim nor for a delivery."""
    outbox = Outbox(1)
    outbox.claim_hold.clear()
    kicked = dispatcher(outbox)
    kicked.kick()
    outbox.wait_until(lambda: outbox.asked != [])

    waits = []

    for _ in range(5):
        started = time.monotonic()
        kicked.kick()
        waits.append(time.monotonic() - started)

    # A machine may stand still during one of them.
    assert min(waits) < 0.1
    assert max(waits) < SOON


def test_start_looks_at_once(dispatcher: Make) -> None:
    """What others left behind is found without a kick."""
    outbox = Outbox(1)

    dispatcher(outbox).start()

    assert outbox.wait_until(lambda: outbox.done == [1])


def test_starting_what_runs_claims_nothing(dispatcher: Make) -> None:
    """A server may start it before every request: that costs no look at the outbox."""
    outbox = Outbox()
    started = dispatcher(outbox)
    started.start()
    outbox.wait_until(lambda: outbox.asked != [])

    started.start()
    time.sleep(0.05)

    assert len(outbox.asked) == 1


def test_poll_finds_what_nobody_kicked_for(dispatcher: Make) -> None:
    """Deliveries that fall due later are found by looking now and then."""
    outbox = Outbox()
    dispatcher(outbox, poll=timedelta(milliseconds=20)).start()
    outbox.wait_until(lambda: outbox.asked != [])

    outbox.add(1)

    assert outbox.wait_until(lambda: outbox.done == [1])


def test_poll_goes_on_while_there_is_room(dispatcher: Make) -> None:
    """A delivery on its way does not keep others from being found."""
    outbox = Outbox(1)
    outbox.held = {1, 2}
    dispatcher(outbox, in_flight=2, poll=timedelta(milliseconds=20)).start()
    outbox.wait_until(lambda: 1 in outbox.running)

    outbox.add(2)

    assert outbox.wait_until(lambda: len(outbox.running) == 2)


def test_no_busy_waiting(dispatcher: Make) -> None:
    """Without work there is one claim, and then rest."""
    outbox = Outbox()
    dispatcher(outbox).kick()
    outbox.wait_until(lambda: outbox.asked != [])
    time.sleep(0.1)

    assert outbox.asked == [4]


def test_no_more_at_once_than_allowed(dispatcher: Make) -> None:
    """Claims ask for what there is room for only, and never more are on their way."""
    outbox = Outbox(*range(10))
    outbox.held = set(range(10))
    dispatcher(outbox, in_flight=3).kick()
    outbox.wait_until(lambda: len(outbox.running) == 3)
    time.sleep(0.05)
    claimed = list(outbox.asked)
    outbox.answer()

    assert outbox.wait_until(lambda: len(outbox.done) == 10)
    assert claimed == [3]
    assert max(outbox.asked) == outbox.most_running == 3


def test_many_are_claimed_bit_by_bit(dispatcher: Make) -> None:
    """The first of many are on their way before the tokens of the last are signed."""
    outbox = Outbox(*range(100))

    dispatcher(outbox, in_flight=1000).kick()

    assert outbox.wait_until(lambda: len(outbox.done) == 100)
    assert outbox.asked[:2] == [64, 64]


def test_stuck_delivery_does_not_block_others(dispatcher: Make) -> None:
    """One client that hangs costs one place."""  # BCL-OP-27
    outbox = Outbox(*range(20))
    outbox.held = {0}

    dispatcher(outbox, in_flight=2).kick()

    assert outbox.wait_until(lambda: len(outbox.done) == 19)
    assert 0 not in outbox.done


def test_what_is_done_together_is_settled_together(dispatcher: Make) -> None:
    """Results that are there are written down at once, not one by one."""
    outbox = Outbox(*range(50))
    outbox.held = set(range(50))
    kicked = dispatcher(outbox, in_flight=50)
    kicked.kick()
    outbox.wait_until(lambda: len(outbox.running) == 50)

    with kicked._changed:
        outbox.answer()

    assert outbox.wait_until(lambda: len(outbox.done) == 50)
    assert len(outbox.settled) <= 2


def test_one_too_many_for_a_host_is_given_back(dispatcher: Make) -> None:
    """What the claim did not know is noticed, and others may have the delivery."""
    outbox = Outbox(1, 2, 3)
    outbox.held = {1}
    outbox.per_host = 1

    dispatcher(outbox).kick()

    assert outbox.wait_until(lambda: outbox.given_back == [2, 3])
    assert list(outbox.running) == [1]


def test_behind_a_full_host_there_are_others(dispatcher: Make) -> None:
    """Where nothing of a claim could be begun, the next one is made at once."""
    outbox = Outbox(*range(12))
    outbox.held = {0}
    outbox.per_host = 1

    dispatcher(outbox).kick()

    assert outbox.wait_until(lambda: len(outbox.given_back) == 11)


def test_what_is_given_back_is_not_claimed_for_ever(dispatcher: Make) -> None:
    """Should claims lead nowhere, the next one is left to the next event."""

    class Circle(Outbox):
        def give_back(self, deliveries: Sequence[Delivery]) -> None:
            super().give_back(deliveries)
            self.add(*(each.id for each in deliveries))

    outbox = Circle(*range(4))
    outbox.per_host = 0
    dispatcher(outbox).kick()
    outbox.wait_until(lambda: len(outbox.asked) == 200)
    time.sleep(0.1)

    assert len(outbox.asked) == 200


@pytest.mark.parametrize("attempt", range(25))
def test_kick_during_a_claim_is_not_lost(dispatcher: Make, attempt: int) -> None:
    """What is owed by the time of a kick is delivered, although a claim was going on."""
    outbox = Outbox()
    outbox.claim_hold.clear()
    kicked = dispatcher(outbox)
    kicked.kick()
    outbox.wait_until(lambda: outbox.asked != [])

    outbox.add(attempt)
    kicked.kick()
    outbox.claim_hold.set()

    assert outbox.wait_until(lambda: outbox.done == [attempt])


@pytest.mark.parametrize("attempt", range(25))
def test_many_kicks_at_once(dispatcher: Make, attempt: int) -> None:
    """Kicks from many threads deliver each delivery once."""
    outbox = Outbox()
    kicked = dispatcher(outbox)

    def add_and_kick(number: int) -> None:
        outbox.add(number)
        kicked.kick()

    threads = [
        threading.Thread(target=add_and_kick, args=(number,)) for number in range(8)
    ]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    assert outbox.wait_until(lambda: len(outbox.done) == 8)
    assert sorted(outbox.done) == list(range(8))
