"""The thread that drives all requests of libcurl."""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections import deque

import pycurl

from ...models import SendFailure
from ...models import SendResult
from .._answers import BODY_SECONDS
from ..address_policy import AddressPolicy
from ..outcomes import PendingOutcome
from .settings import CurlSettings
from .transfer import Job
from .transfer import Transfer

__all__ = ["CurlLoop"]

_logger = logging.getLogger(__name__)

_MOST_IDLE_CONNECTIONS = 256
_MOST_IDLE_HANDLES = 256
_STOP_SECONDS = 2.0

_MASKS = {
    pycurl.POLL_IN: selectors.EVENT_READ,
    pycurl.POLL_OUT: selectors.EVENT_WRITE,
    pycurl.POLL_INOUT: selectors.EVENT_READ | selectors.EVENT_WRITE,
}

_ACTIONS = {
    selectors.EVENT_READ: pycurl.CSELECT_IN,
    selectors.EVENT_WRITE: pycurl.CSELECT_OUT,
    selectors.EVENT_READ | selectors.EVENT_WRITE: pycurl.CSELECT_IN
    | pycurl.CSELECT_OUT,
}


class CurlLoop:
    """Runs any number of requests in one thread, on connections that it keeps.

    The thread is a daemon: the end of the process does not wait for it. A loop
    that has been stopped, or has failed, takes no more requests.

    :param settings: What holds for every request.
    :param policy: Which addresses are permitted.
    :param connections: How many there are at once; no limit without.
    """

    def __init__(
        self,
        settings: CurlSettings,
        *,
        policy: AddressPolicy,
        connections: int | None = None,
    ) -> None:
        self._settings = settings
        self._policy = policy
        self._lock = threading.Lock()
        self._jobs: deque[Job] = deque()
        self._cancelled: deque[PendingOutcome] = deque()
        self._closed = False
        self._active: dict[pycurl.Curl, Transfer] = {}
        self._idle: list[Transfer] = []
        self._bodies: deque[tuple[float, Job, Transfer]] = deque()
        self._watched: set[int] = set()
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken = socket.socketpair()
        self._waker.settimeout(0)
        self._woken.settimeout(0)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_MAXCONNECTS, _MOST_IDLE_CONNECTIONS)

        if connections is not None:
            # One that is kept makes room for one that is needed.
            self._multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, connections)

        self._thread = threading.Thread(
            target=self._run, name="idp_session-curl", daemon=True
        )

    def start(self) -> None:
        """Start the thread.

        :raises RuntimeError: If there is none to be had.
        """
        try:
            self._thread.start()
        except RuntimeError:
            self._close()
            raise

    def submit(self, job: Job) -> bool:
        """Have a request made.

        :param job: The request.
        :returns: ``False`` if it is too late for this loop.
        """
        with self._lock:
            if self._closed:
                return False

            self._jobs.append(job)
            is_first = len(self._jobs) == 1

        job.outcome.add_done_callback(self._notice)

        if is_first:
            self._wake()

        return True

    def stop(self) -> None:
        """Give up every request; returns when that is done, or after two seconds."""
        with self._lock:
            self._closed = True

        self._wake()

        if self._thread is not threading.current_thread():
            self._thread.join(_STOP_SECONDS)

    def _notice(self, outcome: PendingOutcome) -> None:
        if outcome.cancelled():
            self._cancelled.append(outcome)
            self._wake()

    def _wake(self) -> None:
        # Full means that it has been woken already; closed, that it is over.
        with contextlib.suppress(OSError):
            self._waker.send(b"\0")

    def _run(self) -> None:
        try:
            while not self._closed:
                self._turn()
        except Exception:
            # The border of a thread. The next request starts another one.
            _logger.exception("the thread that sends logout tokens has failed")
        finally:
            self._close()

    def _turn(self) -> None:
        for key, events in self._selector.select(self._patience()):
            if key.fileobj is self._woken:
                self._drain()
            else:
                self._multi.socket_action(key.fd, _ACTIONS[events])

        self._begin_jobs()

        # Asked once a turn: told of each change, as M_TIMERFUNCTION is, this thread
        # would have to wait for the interpreter several times for each request.
        if self._multi.timeout() == 0:
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)

        self._finish_done()
        self._cut_bodies()
        self._forget_cancelled()

    def _patience(self) -> float | None:
        milliseconds = self._multi.timeout()
        waits = [] if milliseconds < 0 else [milliseconds / 1000]

        if self._bodies:
            waits.append(max(0.0, self._bodies[0][0] - time.monotonic()))

        return min(waits, default=None)

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass

    def _begin_jobs(self) -> None:
        # Each stays there until it is begun: should that fail, nobody waits for ever.
        while self._jobs:
            if not self._jobs[0].outcome.cancelled():
                self._begin(self._jobs[0])

            self._jobs.popleft()

    def _begin(self, job: Job) -> None:
        transfer = self._idle.pop() if self._idle else self._new_transfer()

        try:
            transfer.begin(job)
        except pycurl.error:
            # Such as an address that is too long for libcurl.
            self._release(transfer)
            job.outcome.decide(SendResult(failure=SendFailure.INVALID_URI))
            return

        self._active[transfer.curl] = transfer
        self._multi.add_handle(transfer.curl)

    def _new_transfer(self) -> Transfer:
        return Transfer(
            self._settings, policy=self._policy, on_head=self._wait_for_body
        )

    def _wait_for_body(self, transfer: Transfer) -> None:
        until = time.monotonic() + BODY_SECONDS
        self._bodies.append((until, transfer.job, transfer))

    def _finish_done(self) -> None:
        left = 1

        while left:
            left, succeeded, failed = self._multi.info_read()

            for curl in succeeded:
                self._finish(self._active[curl], 0)

            for curl, code, _ in failed:
                self._finish(self._active[curl], code)

    def _cut_bodies(self) -> None:
        while self._bodies and self._bodies[0][0] <= time.monotonic():
            _, job, transfer = self._bodies.popleft()

            if transfer.job is job:
                self._finish(transfer, 0)

    def _forget_cancelled(self) -> None:
        while self._cancelled:
            outcome = self._cancelled.popleft()

            for transfer in tuple(self._active.values()):
                if transfer.job.outcome is outcome:
                    self._finish(transfer, 0)

    def _finish(self, transfer: Transfer, code: int) -> None:
        self._multi.remove_handle(transfer.curl)

        if not transfer.job.outcome.done() and transfer.begin_again(code):
            self._multi.add_handle(transfer.curl)
            return

        del self._active[transfer.curl]
        job, result = transfer.job, transfer.result(code)
        self._release(transfer)
        job.outcome.decide(result)

    def _release(self, transfer: Transfer) -> None:
        transfer.end()

        if len(self._idle) < _MOST_IDLE_HANDLES:
            self._idle.append(transfer)
        else:
            transfer.curl.close()

    def _watch(self, what: int, socket_number: int, *_: object) -> None:
        is_watched = socket_number in self._watched

        if what not in _MASKS:
            if is_watched:
                self._watched.remove(socket_number)
                self._selector.unregister(socket_number)
        elif is_watched:
            self._selector.modify(socket_number, _MASKS[what])
        else:
            self._selector.register(socket_number, _MASKS[what])
            self._watched.add(socket_number)

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            jobs = [*self._jobs, *(each.job for each in self._active.values())]
            self._jobs.clear()

        # After a failure the handles may be in any state.
        with contextlib.suppress(pycurl.error):
            self._close_handles()

        self._selector.close()
        self._waker.close()
        self._woken.close()

        for job in jobs:
            job.outcome.cancel()

    def _close_handles(self) -> None:
        for curl in self._active:
            self._multi.remove_handle(curl)

        for transfer in (*self._active.values(), *self._idle):
            transfer.curl.close()

        self._multi.close()
