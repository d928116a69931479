"""What a forked child needs of its parent."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from ..forks import FORKS_ARE_MEANT

_LOOKING_UP = """
    import os, socket, threading
    import idp_session.flask

    def look_up():
        socket.getaddrinfo("127.0.0.1", 1)

    looking = threading.Thread(target=look_up)
    looking.start()

    for _ in range(50):
        child = os.fork()

        if child == 0:
            look_up()
            os._exit(0)

        assert os.waitpid(child, 0)[1] == 0
"""


# What a library does, whose lock is held for as long as the work takes.
_WORKING = """
    import os, threading, time
    from idp_session.adapters.forks import NotForked

    work, library = NotForked(), threading.Lock()

    def working(seconds):
        with work.working(), library:
            time.sleep(seconds)

    def fork():
        child = os.fork()

        if child == 0:
            with work.working():
                os._exit(0 if library.acquire(timeout=1) else 1)

        return os.waitpid(child, 0)[1]
"""
_AGAIN_AND_AGAIN = """
    def go_on():
        while True:
            working(0.01)
            time.sleep(0.001)

    for _ in range(2):
        threading.Thread(target=go_on, daemon=True).start()

    print({fork() for _ in range(25)})
"""
_SEVERAL_FORKS = """
    def go_on():
        while True:
            working(0.01)
            time.sleep(0.001)

    def fork_on():
        found.append({fork() for _ in range(10)})

    found = []
    threading.Thread(target=go_on, daemon=True).start()
    forking = [threading.Thread(target=fork_on) for _ in range(4)]

    for each in forking:
        each.start()

    for each in forking:
        each.join()

    print(found)
"""
_HANGING = """
    threading.Thread(target=working, args=(999,), daemon=True).start()
    time.sleep(0.1)
    began = time.monotonic()
    child = os.fork()

    if child == 0:
        with work.working():
            os._exit(0)

    print(0.5 < time.monotonic() - began < 20, os.waitpid(child, 0)[1])
"""
_FORKING_ITSELF = """
    with work.working():
        child = os.fork()

    if child == 0:
        working(0)
        os._exit(0)

    working(0)
    print(os.waitpid(child, 0)[1])
"""


def run(*parts: str) -> str:
    """What a program prints; it may not fail, nor write of errors."""
    program = "".join(map(textwrap.dedent, parts))
    finished = subprocess.run(
        [sys.executable, "-W", FORKS_ARE_MEANT, "-c", program],
        timeout=60,
        check=False,
        capture_output=True,
        text=True,
    )

    assert finished.stderr == ""
    assert finished.returncode == 0

    return finished.stdout.strip()


@pytest.mark.process
def test_a_fork_while_a_name_is_looked_up() -> None:
    """A child can look up names, too, whatever a thread of its parent has begun."""
    assert not run(_LOOKING_UP)


@pytest.mark.process
def test_a_fork_in_the_middle_of_work() -> None:
    """No child finds a lock held that a thread of its parent held at its work."""
    assert run(_WORKING, _AGAIN_AND_AGAIN) == "{0}"


@pytest.mark.process
def test_several_forks_in_the_middle_of_work() -> None:
    """Threads that fork at the same time let go of what they have, and of no more."""
    assert run(_WORKING, _SEVERAL_FORKS) == str([{0}] * 4)


@pytest.mark.process
def test_a_fork_while_work_hangs() -> None:
    """Who forks is not kept by work that does not end, and the child can work."""
    assert run(_WORKING, _HANGING) == "True 0"


@pytest.mark.process
def test_work_that_forks() -> None:
    """Parent and child both go on, and can work again."""
    assert run(_WORKING, _FORKING_ITSELF) == "0"
