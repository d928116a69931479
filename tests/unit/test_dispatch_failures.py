"""Threads that send what is owed, and all that goes wrong."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from .outbox import dispatchers
from .outbox import Make
from .outbox import Outbox


@pytest.fixture
def dispatcher() -> Iterator[Make]:
    with dispatchers() as make:
        yield make


def test_failing_claim(dispatcher: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A database that is away for a while is asked again at the next poll."""
    outbox = Outbox()
    outbox.claim_errors.append(ConnectionError("secret of the database"))
    dispatcher(outbox, poll=timedelta(milliseconds=50)).start()
    outbox.wait_until(lambda: len(outbox.asked) >= 2)

    outbox.add(1)

    assert outbox.wait_until(lambda: outbox.done == [1])
    assert caplog.messages == ["idp_session-claiming failed: ConnectionError"]


def test_a_claim_that_is_given_up(
    dispatcher: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """What is no error, such as a cancelled task, does not end all deliveries."""
    outbox = Outbox()
    outbox.claim_errors.append(asyncio.CancelledError())
    dispatcher(outbox, poll=timedelta(milliseconds=50)).start()
    outbox.wait_until(lambda: len(outbox.asked) >= 2)

    outbox.add(1)

    assert outbox.wait_until(lambda: outbox.done == [1])
    assert caplog.messages == ["idp_session-claiming failed: CancelledError"]


def test_failing_claim_is_not_repeated_at_once(dispatcher: Make) -> None:
    """A database that is away is left in peace until the next poll."""
    outbox = Outbox()
    outbox.claim_errors.append(ConnectionError())
    dispatcher(outbox).start()
    outbox.wait_until(lambda: outbox.asked != [])
    time.sleep(0.1)

    assert len(outbox.asked) == 1


def test_failing_beginning(dispatcher: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A delivery that fails before it is sent takes nobody's place."""
    outbox = Outbox(1, 2, 3)
    outbox.unsignable = {1, 2}

    dispatcher(outbox, in_flight=3).kick()

    assert outbox.wait_until(lambda: outbox.done == [3])
    assert caplog.messages == [
        "delivery 1 failed: LookupError",
        "delivery 2 failed: LookupError",
    ]


def test_failing_settlement(dispatcher: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Results that cannot be written down at first are written down a moment later."""
    outbox = Outbox(1)
    outbox.settle_errors.append(ConnectionError("secret of the database"))
    one_by_one = dispatcher(outbox, in_flight=1)
    one_by_one.kick()
    outbox.wait_until(lambda: outbox.settle_errors == [])

    outbox.add(2)
    one_by_one.kick()

    assert outbox.wait_until(lambda: outbox.done == [1, 2])
    assert caplog.messages == ["idp_session-settling failed: ConnectionError"]
    assert outbox.given_back == []


def test_settlement_that_goes_on_failing(dispatcher: Make) -> None:
    """What cannot be written down for long is left to its lease; others go on."""
    outbox = Outbox(1, 2)
    outbox.settle_errors = [ConnectionError("still away")] * 99
    one_by_one = dispatcher(outbox, in_flight=1, patience=timedelta(seconds=0.3))
    one_by_one.kick()

    given_up = outbox.wait_until(lambda: len(outbox.asked) > 2)
    outbox.settle_errors.clear()
    outbox.add(3)
    one_by_one.kick()

    assert given_up
    assert outbox.wait_until(lambda: outbox.done == [3])


def test_no_more_is_sent_than_can_be_written_down(dispatcher: Make) -> None:
    """While nothing can be settled, as many as may be under way wait for that."""
    outbox = Outbox(*range(20))
    outbox.settle_errors = [ConnectionError("still away")] * 99
    stuck = dispatcher(outbox, in_flight=3, poll=timedelta(seconds=0.05))

    stuck.kick()

    assert outbox.wait_until(lambda: len(outbox.running) == 6)
    time.sleep(0.2)
    assert len(outbox.running) == 6
    outbox.settle_errors.clear()
    assert outbox.wait_until(lambda: len(outbox.done) == 20)


def test_a_client_that_answers_makes_room_before_it_is_written_down(
    dispatcher: Make,
) -> None:
    """What is sent next does not wait until the database has what came back."""
    outbox = Outbox(1, 2)
    outbox.settle_errors = [ConnectionError("still away")] * 99

    dispatcher(outbox, in_flight=1).kick()

    assert outbox.wait_until(lambda: set(outbox.running) == {1, 2})
    assert outbox.done == []
    outbox.settle_errors.clear()


def test_results_in_a_row_are_settled_together(dispatcher: Make) -> None:
    """Clients that answer one after the other do not cost a transaction each."""
    outbox = Outbox(*range(50))
    outbox.held = set(range(50))
    dispatcher(outbox, in_flight=50).kick()
    outbox.wait_until(lambda: len(outbox.running) == 50)
    began = time.monotonic()

    for number in range(50):
        outbox.answer(number)
        time.sleep(0.001)

    assert outbox.wait_until(lambda: len(outbox.done) == 50)
    # However slow the machine is: one of them at once, and then one in 25 ms.
    assert len(outbox.settled) <= 1 + (time.monotonic() - began) / 0.025


def test_no_thread_to_be_had(
    dispatcher: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where no thread can be started a kick is no error, and the next one works."""

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    outbox = Outbox(1)
    kicked = dispatcher(outbox)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        kicked.kick()

    kicked.kick()

    assert outbox.wait_until(lambda: outbox.done == [1])
    assert caplog.messages == ["no thread to deliver with: can't start new thread"]
