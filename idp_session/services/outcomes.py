"""What comes of a request that is not even made yet."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ..models import DeliveryResult
from ..models import SendResult

__all__ = ["PendingOutcome"]

_Future = Future[SendResult] | Future[DeliveryResult]


class PendingOutcome:
    """The outcome of a request whose token is still to be signed.

    Until there is a request it can be cancelled. From then on it is what becomes of
    that request, which is asked whether it can be cancelled. It is no future of its
    own: each has a lock and a queue of those who wait, of more than a kilobyte.
    """

    __slots__ = ("_callbacks", "_future", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._future: _Future | None = None
        self._callbacks: tuple[Callable[[Any], object], ...] = ()

    def follow(self, request: Future[SendResult]) -> None:
        """Become what comes of a request; it is given up if this one was cancelled.

        :param request: The request, once it is made.
        """
        if self._become(request) is not request:
            request.cancel()

    def decide(self, result: DeliveryResult) -> None:
        """Say what came of the delivery without a request, unless it was cancelled.

        :param result: What to write down.
        """
        decided: Future[DeliveryResult] = Future()
        decided.set_result(result)
        self._become(decided)

    def fail(self, error: BaseException) -> None:
        """Say that there is no request, unless it was cancelled.

        :param error: Why there is none.
        """
        failed: Future[SendResult] = Future()
        failed.set_exception(error)
        self._become(failed)

    def cancel(self) -> bool:
        """Give the request up, if that can still be done."""
        given_up: Future[SendResult] = Future()
        given_up.cancel()

        return self._become(given_up).cancel()

    def cancelled(self) -> bool:
        """Whether the request was given up."""
        return self._future is not None and self._future.cancelled()

    def done(self) -> bool:
        """Whether the outcome is there, or was given up."""
        return self._future is not None and self._future.done()

    def result(self, timeout: float | None = None) -> SendResult | DeliveryResult:
        """What came of it; waits for that.

        :param timeout: For how many seconds; as long as it takes without.
        :raises TimeoutError: If it took longer.
        :raises CancelledError: If it was given up.
        """
        if not self.done():
            done = threading.Event()
            self.add_done_callback(lambda _: done.set())
            done.wait(timeout)

        if self._future is None:
            raise TimeoutError

        return self._future.result(0)

    def add_done_callback(self, callback: Callable[[Any], object], /) -> None:
        """Have something called once the outcome is there, or at once if it is.

        :param callback: What to call, with a future that is done.
        """
        with self._lock:
            future = self._future

            if future is None:
                self._callbacks += (callback,)

        if future is not None:
            future.add_done_callback(callback)

    def _become(self, future: _Future) -> _Future:
        with self._lock:
            if self._future is not None:
                return self._future

            self._future = future
            callbacks, self._callbacks = self._callbacks, ()

        for callback in callbacks:
            future.add_done_callback(callback)

        return future
