"""Signals end the work of a process, whenever they come."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from idp_session.adapters.signals import ended_by_signals

# Signals meet every moment between the beginning of the wait and its end.
_ROUNDS = """
import os, random, signal, threading, time
from idp_session.adapters.signals import ended_by_signals

def kill(after):
    time.sleep(after)
    os.kill(os.getpid(), random.choice((signal.SIGTERM, signal.SIGINT)))

for _ in range(500):
    with ended_by_signals() as stop:
        killer = threading.Thread(target=kill, args=(random.uniform(0, 0.002),))
        killer.start()
        while not stop.is_set():
            stop.wait()
        killer.join()

print("ended 500 times")
"""


@pytest.mark.process
def test_no_signal_is_missed() -> None:
    """A signal ends the wait, however close it comes to the wait's beginning."""
    done = subprocess.run(
        [sys.executable, "-c", _ROUNDS],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("ended 500 times\n", "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_everything_is_as_it_was_before(number: signal.Signals) -> None:
    """Whoever ends the wait has its own handlers again, and no thread is left."""
    handler = signal.getsignal(number)

    with ended_by_signals() as stop:
        os.kill(os.getpid(), number)
        assert stop.wait(10)

    assert signal.getsignal(number) is handler
    assert signal.set_wakeup_fd(-1) == -1
    assert "idp_session-signals" not in {each.name for each in threading.enumerate()}


def test_other_signals_end_nothing() -> None:
    """A signal with a handler of the host's own is the host's."""
    heard: list[int] = []
    handler = signal.signal(signal.SIGUSR1, lambda number, _: heard.append(number))

    try:
        with ended_by_signals() as stop:
            os.kill(os.getpid(), signal.SIGUSR1)
            assert not stop.wait(0.2)
    finally:
        signal.signal(signal.SIGUSR1, handler)

    assert heard == [signal.SIGUSR1]
