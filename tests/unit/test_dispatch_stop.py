"""Threads that send what is owed: how they stop, and start again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import timedelta

import pytest

from idp_session.models import Attempt
from idp_session.models import Delivery

from .outbox import dispatchers
from .outbox import Make
from .outbox import Outbox
from .outbox import SOON
from .outbox import under_way


@pytest.fixture
def dispatcher() -> Iterator[Make]:
    with dispatchers() as make:
        yield make


def test_stop_waits_for_what_is_on_its_way(dispatcher: Make) -> None:
    """Stopping lets deliveries finish, and claims no more."""
    outbox = Outbox(1, 2)
    outbox.held = {1}
    stopped = dispatcher(outbox, in_flight=1)
    stopped.kick()
    outbox.wait_until(lambda: 1 in outbox.running)

    def answer_once_it_is_stopping() -> None:
        while not stopped._stopped:
            time.sleep(0.001)

        outbox.answer()

    threading.Thread(target=answer_once_it_is_stopping).start()

    assert stopped.stop(timedelta(seconds=SOON))
    assert (outbox.done, outbox.owed) == ([1], [2])
    assert (outbox.given_back, outbox.stops) == ([], 1)


def test_stop_gives_back_what_takes_too_long(dispatcher: Make) -> None:
    """What is not done in time is given up, and there for others at once."""
    outbox = Outbox(1, 2)
    outbox.held = {1, 2}
    stopped = dispatcher(outbox)
    stopped.kick()
    assert under_way(stopped, 2)

    assert not stopped.stop(timedelta(milliseconds=50))
    assert sorted(outbox.given_back) == [1, 2]
    assert all(each.cancelled() for each in outbox.running.values())
    assert outbox.settled == []


def test_stop_while_a_delivery_is_being_begun(dispatcher: Make) -> None:
    """What was begun when the time was up is given back, too, and is not sent."""

    class Slow(Outbox):
        def begin(
            self, delivery: Delivery, *, under_way: Mapping[str, int]
        ) -> Attempt | None:
            beginning.set()
            go_on.wait(SOON)

            return super().begin(delivery, under_way=under_way)

    beginning, go_on = threading.Event(), threading.Event()
    outbox = Slow(1)
    outbox.held = {1}
    stopped = dispatcher(outbox)
    stopped.kick()
    beginning.wait(SOON)
    stopped.stop(timedelta(0))
    go_on.set()

    assert outbox.wait_until(lambda: outbox.given_back == [1])
    assert outbox.running[1].cancelled()


def test_stopping_twice_at_once(dispatcher: Make) -> None:
    """Whoever has heard that it is stopped may end the process: all is given back."""

    class Slow(Outbox):
        def give_back(self, deliveries: Sequence[Delivery]) -> None:
            begun.set()
            time.sleep(0.3)
            super().give_back(deliveries)

    begun = threading.Event()
    outbox = Slow(1)
    outbox.held = {1}
    stopped = dispatcher(outbox)
    stopped.kick()
    assert under_way(stopped, 1)
    first = threading.Thread(target=stopped.stop, args=(timedelta(0),))
    first.start()
    begun.wait(SOON)

    stopped.stop(timedelta(0))

    assert outbox.given_back == [1]
    first.join()


def test_stop_while_the_database_is_away(
    dispatcher: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """A process ends although it cannot give anything back."""

    class Away(Outbox):
        def give_back(self, deliveries: Sequence[Delivery]) -> None:
            raise ConnectionError("secret of the database")

    outbox = Away(1)
    outbox.held = {1}
    stopped = dispatcher(outbox)
    stopped.kick()
    assert under_way(stopped, 1)

    assert not stopped.stop(timedelta(0))
    assert caplog.messages == ["giving back failed: ConnectionError"]


def test_stop_during_a_claim(dispatcher: Make) -> None:
    """What a claim has taken when it is time to stop is given back."""
    outbox = Outbox(1)
    outbox.claim_hold.clear()
    stopped = dispatcher(outbox)
    stopped.kick()
    outbox.wait_until(lambda: outbox.asked != [])

    assert not stopped.stop(timedelta(0))

    outbox.claim_hold.set()
    assert stopped.stop(timedelta(seconds=SOON))
    assert (outbox.given_back, outbox.done) == ([1], [])


def test_stop_of_one_that_never_ran(dispatcher: Make) -> None:
    """There is nothing to wait for."""
    assert dispatcher(Outbox()).stop(timedelta(0))


def test_kick_after_stop(dispatcher: Make) -> None:
    """Once stopped, a kick is ignored until the next start."""
    outbox = Outbox(1)
    stopped = dispatcher(outbox)
    stopped.stop(timedelta(0))
    stopped.kick()
    time.sleep(0.05)
    asked_before = list(outbox.asked)

    stopped.start()

    assert asked_before == []
    assert outbox.wait_until(lambda: outbox.done == [1])


@pytest.mark.parametrize("attempt", range(25))
def test_start_right_after_stop(dispatcher: Make, attempt: int) -> None:
    """A stop that is taken back at once leaves one claiming thread."""
    outbox = Outbox()
    restarted = dispatcher(outbox)
    restarted.start()
    restarted.stop(timedelta(0))

    restarted.start()
    outbox.add(attempt)
    restarted.kick()

    assert outbox.wait_until(lambda: outbox.done == [attempt])
