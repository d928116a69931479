"""Sends what is owed, by threads of this process."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from collections.abc import Sequence
from datetime import timedelta
from typing import ParamSpec
from typing import TypeVar

from ..models import Delivery

__all__ = ["ThreadDispatcher"]

_P = ParamSpec("_P")
_T = TypeVar("_T")


class ThreadDispatcher:
    """Claims deliveries that are due and delivers each in a thread of its own.

    One thread claims: when it is kicked, as soon as there is a free slot again if
    the last claim filled all of them, and at every poll. All threads are daemons,
    so the end of the process does not wait for them; what was claimed then is
    owed still and falls due again. After a fork the child starts threads of its
    own when it is kicked or started.

    :param claim: Gives at most so many deliveries that are due.
    :param deliver: Sends one of them and writes down what came of it.
    :param threads: How many are on their way at once.
    :param poll_interval: How often to look without being kicked.
    :param logger: Hears of what fails; the threads live on.
    """

    _coordinator: threading.Thread | None

    def __init__(
        self,
        *,
        claim: Callable[[int], Sequence[Delivery]],
        deliver: Callable[[Delivery], object],
        threads: int,
        poll_interval: timedelta,
        logger: logging.Logger,
    ) -> None:
        self._claim = claim
        self._deliver = deliver
        self._threads = threads
        self._poll_seconds = poll_interval.total_seconds()
        self._logger = logger
        self._stopped = False
        self._forget_threads()
        _dispatchers.add(self)

    def kick(self) -> None:
        """Have due deliveries sent now; does nothing after :meth:`stop`."""
        with self._changed:
            if self._stopped:
                return

            self._wanted = True
            self._changed.notify_all()

            if self._coordinator is None:
                self._coordinator = self._guarded(self._started, self._coordinate)

    def start(self) -> None:
        """Begin, or begin again after :meth:`stop`; cheap if it runs already."""
        with self._changed:
            if self._coordinator is None or self._stopped:
                self._stopped = False
                self.kick()

    def stop(self, timeout: timedelta) -> bool:
        """Claim no more, and wait for the deliveries that are on their way.

        :param timeout: How long to wait for them.
        :returns: Whether none is on its way any more.
        """
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

            return self._changed.wait_for(
                lambda: not self._claiming and self._running == 0,
                timeout.total_seconds(),
            )

    def _forget_threads(self) -> None:
        self._changed = threading.Condition()
        self._coordinator = None
        self._wanted = False
        self._claiming = False
        self._running = 0

    def _coordinate(self) -> None:
        while free := self._next_turn():
            deliveries = self._guarded(self._claim, free) or ()
            self._take_slots(len(deliveries), full=len(deliveries) >= free)

            for delivery in deliveries:
                if self._guarded(self._started, self._work, delivery) is None:
                    self._free_slot()

    def _next_turn(self) -> int:
        poll_at = time.monotonic() + self._poll_seconds

        with self._changed:
            while not self._stopped:
                free = self._threads - self._running
                wait = poll_at - time.monotonic()

                if free > 0 and (self._wanted or wait <= 0):
                    # Before the claim: a kick from now on asks for another one.
                    self._wanted = False
                    self._claiming = True
                    return free

                self._changed.wait(wait if free > 0 else None)

            self._coordinator = None
            return 0

    def _take_slots(self, count: int, *, full: bool) -> None:
        with self._changed:
            self._claiming = False
            self._running += count
            self._wanted = self._wanted or full
            self._changed.notify_all()

    def _free_slot(self) -> None:
        with self._changed:
            self._running -= 1
            # The claim may have left something out while this one was under way.
            self._wanted = True
            self._changed.notify_all()

    def _work(self, delivery: Delivery) -> None:
        try:
            self._guarded(self._deliver, delivery)
        finally:
            self._free_slot()

    def _started(
        self, work: Callable[_P, None], *args: _P.args, **_: _P.kwargs
    ) -> threading.Thread:
        thread = threading.Thread(
            target=work, args=args, name="idp_session-delivery", daemon=True
        )
        thread.start()

        return thread

    def _guarded(
        self, call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T | None:
        try:
            return call(*args, **kwargs)
        except Exception as error:
            # The border of a thread: whatever it is, nobody above would hear of it.
            self._logger.warning(
                "%s failed: %s",
                getattr(call, "__qualname__", "a call"),
                type(error).__name__,
            )
            return None


_dispatchers: weakref.WeakSet[ThreadDispatcher] = weakref.WeakSet()


def _forget_threads_of_the_parent() -> None:
    for dispatcher in tuple(_dispatchers):
        dispatcher._forget_threads()  # noqa: SLF001


os.register_at_fork(after_in_child=_forget_threads_of_the_parent)
