"""A function that waits for an answer, as a sender."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from idp_session.adapters.blocking import BlockingLogoutSender
from idp_session.models import SendResult

OK = SendResult(status=200)
SOON = 20.0


class Clients:
    """Answer when they are told to."""

    def __init__(self) -> None:
        self.answering = threading.Event()
        self.asked = threading.Semaphore(0)
        self.count = 0

    def post(self, uri: str, logout_token: str) -> SendResult:
        self.count += 1
        self.asked.release()
        self.answering.wait(SOON)

        return SendResult(status=200, failure=None)


@pytest.fixture
def clients() -> Iterator[Clients]:
    clients = Clients()
    yield clients
    clients.answering.set()


def submit(sender: BlockingLogoutSender, count: int) -> list[Future[SendResult]]:
    return [sender.submit(f"https://{each}.test/", "token") for each in range(count)]


def is_idle(sender: BlockingLogoutSender) -> bool:
    """Whether a thread has come back soon, and waits for the next request."""
    until = time.monotonic() + SOON

    while not sender._threads._idle and time.monotonic() < until:
        time.sleep(0.001)

    return sender._threads._idle == 1


def test_submitting_does_not_wait(clients: Clients) -> None:
    """Whoever submits goes on at once, and hears of the answer when it is there."""
    sender = BlockingLogoutSender(clients.post)

    (future,) = submit(sender, 1)

    assert not future.done()
    clients.answering.set()
    assert future.result(SOON) == OK


def test_each_has_a_thread_up_to_the_limit(clients: Clients) -> None:
    """Requests run side by side, and no more of them than allowed."""
    sender = BlockingLogoutSender(clients.post, threads=3)

    futures = submit(sender, 5)
    started = [clients.asked.acquire(timeout=SOON) for _ in range(3)]
    one_more = clients.asked.acquire(timeout=0.05)

    assert (started, one_more) == ([True] * 3, False)
    clients.answering.set()
    assert [each.result(SOON) for each in futures] == [OK] * 5


def test_threads_are_used_again(clients: Clients) -> None:
    """One request after the other needs one thread."""
    clients.answering.set()
    sender = BlockingLogoutSender(clients.post)
    before = set(threading.enumerate())

    for _ in range(20):
        submit(sender, 1)[0].result(SOON)
        assert is_idle(sender)

    assert len(set(threading.enumerate()) - before) == 1


def test_no_threads_before_they_are_needed(clients: Clients) -> None:
    """Making a sender costs nothing."""
    before = set(threading.enumerate())
    BlockingLogoutSender(clients.post)

    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("fault", [LookupError, SystemExit])
def test_a_fault_is_passed_on(fault: type[BaseException]) -> None:
    """What the function raises is for whoever waits, and the thread goes on."""

    def post(uri: str, logout_token: str) -> SendResult:
        if "0.test" in uri:
            raise fault("a fault")

        return OK

    sender = BlockingLogoutSender(post, threads=1)

    bad, good = submit(sender, 2)

    assert isinstance(bad.exception(SOON), fault)
    assert good.result(SOON) == OK


def test_what_waits_can_be_cancelled(clients: Clients) -> None:
    """A request that has not begun is not made any more."""
    sender = BlockingLogoutSender(clients.post, threads=1)
    first, second = submit(sender, 2)
    clients.asked.acquire(timeout=SOON)

    cancelled = (first.cancel(), second.cancel())
    clients.answering.set()

    assert cancelled == (False, True)
    assert first.result(SOON) == OK
    assert clients.count == 1


def test_stop_and_begin_anew(clients: Clients) -> None:
    """Stopping waits for nobody; the next request has threads again."""
    sender = BlockingLogoutSender(clients.post, threads=1)
    first, second = submit(sender, 2)
    clients.asked.acquire(timeout=SOON)

    sender.stop()
    (third,) = submit(sender, 1)
    began = clients.asked.acquire(timeout=SOON)
    clients.answering.set()

    assert second.cancelled()
    assert began
    assert [each.result(SOON) for each in (first, third)] == [OK, OK]


def test_no_thread_to_be_had(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread can be started that is an outcome, and no wait for ever."""

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    sender = BlockingLogoutSender(clients.post)
    monkeypatch.setattr(threading.Thread, "start", start)

    assert isinstance(submit(sender, 1)[0].exception(SOON), RuntimeError)


@pytest.mark.process
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_has_threads_of_its_own(clients: Clients) -> None:
    """What its parent was doing is not the child's affair."""
    sender = BlockingLogoutSender(clients.post, threads=1)
    submit(sender, 2)
    clients.asked.acquire(timeout=SOON)

    if (child := os.fork()) == 0:
        # That of the parent may have been locked at this very moment.
        clients.answering = threading.Event()
        clients.answering.set()
        result = submit(sender, 1)[0].result(SOON)
        os._exit(0 if result == OK else 1)

    assert os.waitpid(child, 0)[1] == 0
