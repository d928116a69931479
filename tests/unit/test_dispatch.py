"""Threads that send what is owed."""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from datetime import UTC

import pytest

from idp_session.adapters.dispatch import ThreadDispatcher
from idp_session.models import Delivery
from idp_session.models import LogoutReason

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LONG = timedelta(hours=1)
SOON = 5.0


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
        self.running = 0
        self.most_running = 0
        self.hold = threading.Event()
        self.hold.set()
        self.held: set[int] = set()
        self.claim_hold = threading.Event()
        self.claim_hold.set()
        self.claim_errors: list[Exception] = []

    def add(self, *numbers: int) -> None:
        with self.changed:
            self.owed.extend(numbers)

    def claim(self, limit: int) -> Sequence[Delivery]:
        with self.changed:
            self.asked.append(limit)
            taken, self.owed = self.owed[:limit], self.owed[limit:]
            self.changed.notify_all()

        self.claim_hold.wait()

        if self.claim_errors:
            raise self.claim_errors.pop()

        return [delivery(number) for number in taken]

    def deliver(self, delivery: Delivery) -> None:
        with self.changed:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
            self.changed.notify_all()

        if delivery.id in self.held or not self.held:
            self.hold.wait()

        with self.changed:
            self.running -= 1
            self.done.append(delivery.id)
            self.changed.notify_all()

        if delivery.id < 0:
            raise LookupError("the client is gone, with a secret")

    def wait_until(self, holds: Callable[[], bool]) -> bool:
        with self.changed:
            return self.changed.wait_for(holds, SOON)


Make = Callable[..., ThreadDispatcher]


@pytest.fixture
def dispatcher() -> Iterator[Make]:
    made: list[tuple[Outbox, ThreadDispatcher]] = []

    def make(
        outbox: Outbox, *, threads: int = 4, poll: timedelta = LONG
    ) -> ThreadDispatcher:
        dispatcher = ThreadDispatcher(
            claim=outbox.claim,
            deliver=outbox.deliver,
            threads=threads,
            poll_interval=poll,
            logger=logging.getLogger("test"),
        )
        made.append((outbox, dispatcher))
        return dispatcher

    yield make

    for outbox, each in made:
        outbox.hold.set()
        outbox.claim_hold.set()
        each.stop(timedelta(seconds=SOON))


def test_kick_delivers(dispatcher: Make) -> None:
    """After a kick everything that is owed is delivered, each once."""
    outbox = Outbox(*range(50))

    dispatcher(outbox).kick()

    assert outbox.wait_until(lambda: len(outbox.done) == 50)
    assert sorted(outbox.done) == list(range(50))


def test_nothing_happens_unasked(dispatcher: Make) -> None:
    """Making a dispatcher starts no thread."""
    before = threading.active_count()
    outbox = Outbox(1)
    dispatcher(outbox)

    assert threading.active_count() == before
    assert outbox.asked == []


def test_kick_returns_at_once(dispatcher: Make) -> None:
    """A kick waits neither for a claim nor for a delivery."""
    outbox = Outbox(1)
    outbox.claim_hold.clear()
    kicked = dispatcher(outbox)
    kicked.kick()
    outbox.wait_until(lambda: outbox.asked != [])

    started = time.monotonic()
    kicked.kick()

    assert time.monotonic() - started < 0.1


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


def test_poll_goes_on_while_slots_are_free(dispatcher: Make) -> None:
    """A delivery on its way does not keep others from being found."""
    outbox = Outbox(1)
    outbox.hold.clear()
    dispatcher(outbox, threads=2, poll=timedelta(milliseconds=20)).start()
    outbox.wait_until(lambda: outbox.running == 1)

    outbox.add(2)

    assert outbox.wait_until(lambda: outbox.running == 2)


def test_no_busy_waiting(dispatcher: Make) -> None:
    """Without work there is one claim, and then rest."""
    outbox = Outbox()
    dispatcher(outbox).kick()
    outbox.wait_until(lambda: outbox.asked != [])
    time.sleep(0.1)

    assert outbox.asked == [4]


def test_no_more_at_once_than_threads(dispatcher: Make) -> None:
    """Claims ask for the free slots only, and never more are on their way."""
    outbox = Outbox(*range(10))
    outbox.hold.clear()
    dispatcher(outbox, threads=3).kick()
    outbox.wait_until(lambda: outbox.running == 3)
    time.sleep(0.05)
    claimed = list(outbox.asked)
    outbox.hold.set()

    assert outbox.wait_until(lambda: len(outbox.done) == 10)
    assert claimed == [3]
    assert max(outbox.asked) == outbox.most_running == 3


def test_stuck_delivery_does_not_block_others(dispatcher: Make) -> None:
    """One client that hangs costs one slot."""  # BCL-OP-27
    outbox = Outbox(*range(20))
    outbox.hold.clear()
    outbox.held = {0}

    dispatcher(outbox, threads=2).kick()

    assert outbox.wait_until(lambda: len(outbox.done) == 19)
    assert 0 not in outbox.done


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
    outbox.wait_until(lambda: len(outbox.asked) == 2)

    outbox.add(1)

    assert outbox.wait_until(lambda: outbox.done == [1])
    assert caplog.messages == ["Outbox.claim failed: ConnectionError"]


def test_failing_claim_is_not_repeated_at_once(dispatcher: Make) -> None:
    """A database that is away is left in peace until the next poll."""
    outbox = Outbox()
    outbox.claim_errors.append(ConnectionError())
    dispatcher(outbox).start()
    outbox.wait_until(lambda: outbox.asked != [])
    time.sleep(0.1)

    assert len(outbox.asked) == 1


def test_failing_delivery(dispatcher: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A delivery that fails in an unforeseen way gives its slot back."""
    outbox = Outbox(-1, -2, -3)
    one_by_one = dispatcher(outbox, threads=1)
    one_by_one.kick()
    outbox.wait_until(lambda: len(outbox.done) == 3)
    one_by_one.stop(timedelta(seconds=SOON))

    assert outbox.done == [-1, -2, -3]
    assert caplog.messages == ["Outbox.deliver failed: LookupError"] * 3


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
    assert caplog.messages == ["ThreadDispatcher._started failed: RuntimeError"]


def test_no_thread_for_a_delivery(
    dispatcher: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delivery without a thread is left to its lease, and its slot is free again."""
    outbox = Outbox(1, 2, 3)
    real_start = threading.Thread.start
    failures = iter([False, True])

    def start(thread: threading.Thread) -> None:
        if next(failures, False):
            raise RuntimeError("can't start new thread")

        real_start(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    dispatcher(outbox, threads=1).kick()

    assert outbox.wait_until(lambda: outbox.done == [2, 3])


def test_stop_waits_for_what_is_on_its_way(dispatcher: Make) -> None:
    """Stopping lets deliveries finish, and claims no more."""
    outbox = Outbox(1, 2)
    outbox.hold.clear()
    stopped = dispatcher(outbox, threads=1)
    stopped.kick()
    outbox.wait_until(lambda: outbox.running == 1)

    assert not stopped.stop(timedelta(milliseconds=50))

    outbox.hold.set()
    assert stopped.stop(timedelta(seconds=SOON))
    assert outbox.done == [1]
    assert outbox.owed == [2]


def test_stop_waits_for_a_claim(dispatcher: Make) -> None:
    """What a claim has taken when it is time to stop is delivered still."""
    outbox = Outbox(1)
    outbox.claim_hold.clear()
    stopped = dispatcher(outbox)
    stopped.kick()
    outbox.wait_until(lambda: outbox.asked != [])

    assert not stopped.stop(timedelta(0))

    outbox.claim_hold.set()
    assert stopped.stop(timedelta(seconds=SOON))
    assert outbox.done == [1]


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
    from datetime import datetime, timedelta, UTC
    from idp_session.adapters.dispatch import ThreadDispatcher
    from idp_session.models import Delivery, LogoutReason

    NOW = datetime(2026, 1, 2, tzinfo=UTC)
    owed = []
    done = threading.Event()

    def delivery():
        return Delivery(
            id=1, session_id="s", client_id="c", issuer="i", subject="u",
            reason=LogoutReason.USER, created_at=NOW, due_at=NOW,
        )

    def claim(limit):
        return [owed.pop() for _ in range(min(limit, len(owed)))]

    def make(deliver, claim=claim, threads=4):
        return ThreadDispatcher(
            claim=claim, deliver=deliver, threads=threads,
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
        dispatcher = make(lambda _: done.set())
        stuck = make(lambda _: time.sleep(60), lambda limit: [delivery()] * limit)
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
        pytest.param("make(print).start()", id="idle"),
        pytest.param(
            "make(lambda _: time.sleep(60), lambda limit: [delivery()] * limit).start()",
            id="busy",
        ),
        pytest.param("make(print, lambda limit: time.sleep(60)).start()", id="claim"),
    ],
)
def test_end_of_the_process_is_not_delayed(situation: str) -> None:
    """Whatever the threads do, the process ends when its main thread does."""
    output, seconds = run(f"{situation}\ntime.sleep(0.2)\nprint('end')\n")

    assert output == "end\n"
    assert seconds < 10
