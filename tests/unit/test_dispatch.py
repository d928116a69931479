"""Threads that send what is owed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import InvalidStateError
from datetime import datetime
from datetime import timedelta
from datetime import UTC

import pytest

from idp_session.adapters.dispatch import ThreadDispatcher
from idp_session.models import Attempt
from idp_session.models import Delivery
from idp_session.models import LogoutReason
from idp_session.models import SendResult

from ..freeing import is_freed
from ..freeing import without_collector

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LONG = timedelta(hours=1)
SOON = 20.0


def delivery(number: int) -> Delivery:
    return Delivery(
        id=number,
        session_id="sid",
        client_id="shop",
        issuer="https://op.test",
        subject="alice",
        reason=LogoutReason.USER,
        created_at=NOW,
        due_at=NOW,
    )


class Outbox:
    """Deliveries that are owed, and what happens to them."""

    def __init__(self, *numbers: int) -> None:
        self.changed = threading.Condition()
        self.owed = list(numbers)
        self.asked: list[int] = []
        self.done: list[int] = []
        self.running: dict[int, Future[SendResult]] = {}
        self.most_running = 0
        #: Those whose clients do not answer.
        self.held: set[int] = set()
        #: Those with which something is wrong before anything is sent.
        self.unsignable: set[int] = set()
        self.per_host = 1000
        #: What was settled together.
        self.settled: list[list[int]] = []
        self.settle_errors: list[Exception] = []
        self.given_back: list[int] = []
        self.stops = 0
        self.claim_hold = threading.Event()
        self.claim_hold.set()
        self.claim_errors: list[BaseException] = []

    def add(self, *numbers: int) -> None:
        with self.changed:
            self.owed.extend(numbers)

    def claim(self, limit: int, *, under_way: Mapping[str, int]) -> Sequence[Delivery]:
        with self.changed:
            self.asked.append(limit)
            taken, self.owed = self.owed[:limit], self.owed[limit:]
            self.changed.notify_all()

        self.claim_hold.wait()

        if self.claim_errors:
            raise self.claim_errors.pop()

        return [delivery(number) for number in taken]

    def begin(
        self, delivery: Delivery, *, under_way: Mapping[str, int]
    ) -> Attempt | None:
        if delivery.id in self.unsignable:
            raise LookupError("the key is gone, with a secret")

        if under_way.get("shop.test", 0) >= self.per_host:
            return None

        outcome: Future[SendResult] = Future()

        with self.changed:
            self.running[delivery.id] = outcome
            on_their_way = [each for each in self.running.values() if not each.done()]
            self.most_running = max(self.most_running, len(on_their_way))
            self.changed.notify_all()

        if delivery.id not in self.held:
            _answer(outcome)

        return Attempt(delivery=delivery, host="shop.test", outcome=outcome)

    def settle(self, attempts: Sequence[Attempt]) -> None:
        if self.settle_errors:
            raise self.settle_errors.pop()

        with self.changed:
            self.settled.append([each.delivery.id for each in attempts])

            for each in attempts:
                self.running.pop(each.delivery.id)
                self.done.append(each.delivery.id)

            self.changed.notify_all()

    def give_back(self, deliveries: Sequence[Delivery]) -> None:
        with self.changed:
            self.given_back.extend(each.id for each in deliveries)
            self.changed.notify_all()

    def stop(self) -> None:
        self.stops += 1

    def answer(self, *numbers: int) -> None:
        """Have the held clients answer, or some of them."""
        self.held.difference_update(numbers or tuple(self.held))

        for number, outcome in tuple(self.running.items()):
            if number not in self.held:
                _answer(outcome)

    def wait_until(self, holds: Callable[[], bool]) -> bool:
        with self.changed:
            return self.changed.wait_for(holds, SOON)


def _answer(outcome: Future[SendResult]) -> None:
    # Who was held until this very moment may be answered by two threads.
    with contextlib.suppress(InvalidStateError):
        outcome.set_result(SendResult(status=200))


def under_way(dispatcher: ThreadDispatcher, count: int) -> bool:
    """Whether so many are on their way soon, and nothing else is just beginning."""
    with dispatcher._changed:
        return dispatcher._changed.wait_for(
            lambda: len(dispatcher._attempts) == count and not dispatcher._busy, SOON
        )


Make = Callable[..., ThreadDispatcher]


@pytest.fixture
def dispatcher() -> Iterator[Make]:
    made: list[tuple[Outbox, ThreadDispatcher]] = []

    def make(
        outbox: Outbox,
        *,
        in_flight: int = 4,
        poll: timedelta = LONG,
        patience: timedelta = LONG,
    ) -> ThreadDispatcher:
        dispatcher = ThreadDispatcher(
            work=lambda: outbox,
            in_flight=in_flight,
            poll_interval=poll,
            logger=logging.getLogger("test"),
            patience=patience,
        )
        made.append((outbox, dispatcher))
        return dispatcher

    yield make

    for outbox, each in made:
        outbox.claim_hold.set()
        outbox.answer()
        each.stop(timedelta(seconds=SOON))


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


SCRIPT = """
    import logging
    import os
    import sys
    import threading
    import time
    from concurrent.futures import Future
    from datetime import datetime, timedelta, UTC
    from idp_session.adapters.dispatch import ThreadDispatcher
    from idp_session.models import Attempt, Delivery, LogoutReason, SendResult

    NOW = datetime(2026, 1, 2, tzinfo=UTC)
    owed = []
    done = threading.Event()

    def delivery():
        return Delivery(
            id=1, session_id="s", client_id="c", issuer="i", subject="u",
            reason=LogoutReason.USER, created_at=NOW, due_at=NOW,
        )

    class Work:
        def __init__(self, claim, answers):
            self.take, self.answers = claim, answers

        def claim(self, limit, *, under_way):
            return self.take(limit)

        def begin(self, delivery, *, under_way):
            outcome = Future()
            if self.answers:
                outcome.set_result(SendResult(status=200))
            return Attempt(delivery=delivery, host="h", outcome=outcome)

        def settle(self, attempts):
            done.set()

        def give_back(self, deliveries):
            pass

        def stop(self):
            pass

    def claim(limit):
        return [owed.pop() for _ in range(min(limit, len(owed)))]

    def endless(limit):
        return [delivery()] * limit

    def make(claim=claim, answers=True):
        work = Work(claim, answers)
        return ThreadDispatcher(
            work=lambda: work, in_flight=4,
            poll_interval=timedelta(hours=1), logger=logging.getLogger(),
        )
"""


def run(script: str) -> tuple[str, float]:
    """What a script prints, and how long it runs."""
    started = time.monotonic()
    finished = subprocess.run(
        [
            sys.executable,
            "-Wignore::DeprecationWarning",
            "-c",
            textwrap.dedent(SCRIPT) + textwrap.dedent(script),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert finished.stderr == ""
    return finished.stdout, time.monotonic() - started


@pytest.mark.process
def test_child_has_threads_of_its_own() -> None:
    """A child of a busy process delivers, whatever its parent's threads were doing."""
    output, _ = run("""
        dispatcher = make()
        stuck = make(endless, answers=False)
        stuck.start()

        def kick_on():
            while True:
                dispatcher.kick()
                stuck.kick()

        for _ in range(3):
            threading.Thread(target=kick_on, daemon=True).start()

        codes = []

        for _ in range(25):
            child = os.fork()

            if child == 0:
                done.clear()
                owed.append(delivery())
                dispatcher.kick()
                delivered = done.wait(10)
                quiet = dispatcher.stop(timedelta(seconds=10))
                os._exit(0 if delivered and quiet and stuck.stop(timedelta(0)) else 1)

            codes.append(os.waitpid(child, 0)[1])

        print(codes)
    """)

    assert output == f"{[0] * 25}\n"


@pytest.mark.process
@pytest.mark.parametrize(
    "situation",
    [
        pytest.param("make().start()", id="idle"),
        pytest.param(
            "make(endless, answers=False).start()",
            id="busy",
        ),
        pytest.param("make(lambda limit: time.sleep(60)).start()", id="claim"),
    ],
)
def test_end_of_the_process_is_not_delayed(situation: str) -> None:
    """Whatever the threads do, the process ends when its main thread does."""
    output, seconds = run(f"{situation}\ntime.sleep(0.2)\nprint('end')\n")

    assert output == "end\n"
    assert seconds < 40
