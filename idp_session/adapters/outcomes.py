"""What comes of a request that is not even made yet."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from concurrent.futures import Future
from typing import Any
from typing import NoReturn
from typing import Protocol
from typing import TypeVar

from ..models import DeliveryResult
from ..models import SendResult
from ..ports import LogoutSender

__all__ = ["PendingOutcome", "future_of", "has_twin", "post"]

_logger = logging.getLogger(__name__)

_TWIN = "_idp_session_twin"

_Submit = TypeVar("_Submit", bound=Callable[..., object])


class _End(Protocol):
    """What an outcome has become: a request, or what there is without one."""

    def cancel(self) -> bool: ...

    def cancelled(self) -> bool: ...

    def done(self) -> bool: ...

    def result(self, timeout: float | None = None) -> SendResult | DeliveryResult: ...


class PendingOutcome:
    """The outcome of a request whose token is still to be signed.

    Until there is a request it can be cancelled. From then on it is what becomes of
    that request, which is asked whether it can be cancelled. It is no future of its
    own: each has a lock and a queue of those who wait, of more than a kilobyte. A
    sender that knows outcomes makes no future either, and decides this one.
    """

    __slots__ = ("__weakref__", "_callbacks", "_end", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._end: _End | None = None
        self._callbacks: tuple[Callable[[Any], object], ...] = ()

    def follow(self, request: Future[SendResult]) -> None:
        """Become what comes of a request; it is given up if this one was cancelled.

        :param request: The request, once it is made.
        """
        if self._become(request) is request:
            request.add_done_callback(self._call_back)
        else:
            request.cancel()

    def decide(self, result: SendResult | DeliveryResult) -> None:
        """Say what came of the delivery, unless it was cancelled.

        :param result: What came of its request, or what to write down without one.
        """
        self._come_to(_Decided(result))

    def fail(self, error: BaseException) -> None:
        """Say that there is no request, unless it was cancelled.

        :param error: Why there is none.
        """
        self._come_to(_Failed(error))

    def cancel(self) -> bool:
        """Give the request up, if that can still be done."""
        return self._come_to(_GIVEN_UP).cancel()

    def cancelled(self) -> bool:
        """Whether the request was given up."""
        return self._end is not None and self._end.cancelled()

    def done(self) -> bool:
        """Whether the outcome is there, or was given up."""
        return self._end is not None and self._end.done()

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

        if self._end is None:
            raise TimeoutError

        return self._end.result(0)

    def add_done_callback(self, callback: Callable[[Any], object], /) -> None:
        """Have something called once the outcome is there, or at once if it is.

        :param callback: What to call, with this outcome.
        """
        with self._lock:
            is_done = self.done()

            if not is_done:
                self._callbacks += (callback,)

        if is_done:
            self._call(callback)

    def _come_to(self, end: _End) -> _End:
        become = self._become(end)

        if become is end:
            self._call_back(self)

        return become

    def _become(self, end: _End) -> _End:
        with self._lock:
            if self._end is None:
                self._end = end

            return self._end

    def _call_back(self, _: object) -> None:
        with self._lock:
            callbacks, self._callbacks = self._callbacks, ()

        for callback in callbacks:
            self._call(callback)

    def _call(self, callback: Callable[[Any], object]) -> None:
        try:
            callback(self)
        except Exception:
            # As with futures: whoever is called is no fault of the sender's thread.
            _logger.exception("a callback of an outcome has failed")


class _Decided:
    """There is a result."""

    __slots__ = ("_result",)

    def __init__(self, result: SendResult | DeliveryResult) -> None:
        self._result = result

    def cancel(self) -> bool:
        return False

    def cancelled(self) -> bool:
        return False

    def done(self) -> bool:
        return True

    def result(self, timeout: float | None = None) -> SendResult | DeliveryResult:
        return self._result


class _Failed(_Decided):
    """There is none, because of an error."""

    __slots__ = ("_error",)

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def result(self, timeout: float | None = None) -> NoReturn:
        raise self._error


class _GivenUp:
    """There is none, because nobody wants it any more."""

    __slots__ = ()

    def cancel(self) -> bool:
        return True

    def cancelled(self) -> bool:
        return True

    def done(self) -> bool:
        return True

    def result(self, timeout: float | None = None) -> NoReturn:
        raise CancelledError


_GIVEN_UP = _GivenUp()


def future_of(outcome: PendingOutcome) -> Future[SendResult]:
    """A future that says the same, and cancels it when it is cancelled.

    :param outcome: That of a request.
    """
    future: Future[SendResult] = Future()

    def follow(_: object) -> None:
        if outcome.cancelled():
            future.cancel()
        elif future.set_running_or_notify_cancel():
            _settle(future, outcome)

    def give_up(done: Future[SendResult]) -> None:
        # Not the one above: what holds itself is freed late.
        if done.cancelled():
            outcome.cancel()

    outcome.add_done_callback(follow)
    future.add_done_callback(give_up)

    return future


def _settle(future: Future[Any], outcome: PendingOutcome) -> None:
    try:
        future.set_result(outcome.result(0))
    except BaseException as error:
        # Whoever waits for the future hears of it.
        future.set_exception(error)


def has_twin(name: str) -> Callable[[_Submit], _Submit]:
    """Mark the ``submit`` of a sender that can do without the future.

    Whoever overrides or replaces ``submit`` wants to be called: theirs has no mark.

    :param name: The method that takes an outcome beside the rest, and decides it.
    """

    def mark(submit: _Submit) -> _Submit:
        setattr(submit, _TWIN, name)
        return submit

    return mark


def post(
    sender: LogoutSender, uri: str, logout_token: str, *, outcome: PendingOutcome
) -> None:
    """Have a token posted.

    :param sender: Who posts it.
    :param uri: Where to.
    :param logout_token: The token.
    :param outcome: Becomes what comes of it; fails if the sender returns no future.
    """
    if twin := getattr(sender.submit, _TWIN, None):
        getattr(sender, twin)(uri, logout_token, outcome)
        return

    request = sender.submit(uri, logout_token)

    if hasattr(request, "add_done_callback"):
        outcome.follow(request)
        return

    # Nobody would ever hear of it.
    _logger.error("submit() of %s returned no future", type(sender).__name__)
    outcome.fail(TypeError("a sender has to return a future"))
