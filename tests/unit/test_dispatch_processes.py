"""Threads that send what is owed: in children, and at the end of a process."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time

import pytest

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
