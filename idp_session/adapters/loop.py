"""Work that one thread of each process does again and again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from .forks import forget_after_fork

__all__ = ["BackgroundLoop"]


class BackgroundLoop:
    """Calls something in a daemon thread, waits, and calls it again.

    The end of the process does not wait for the thread. After a fork the child
    has none, until it is started there.

    :param turn: What to call; returns how many seconds to wait before the next
        time. What it raises is logged, and it is called again.
    :param name: The name of the thread.
    :param pause: How many seconds to wait after a turn that raised.
    :param logger: Hears of what fails.
    """

    _thread: threading.Thread | None

    def __init__(
        self,
        turn: Callable[[], float],
        *,
        name: str,
        pause: float,
        logger: logging.Logger,
    ) -> None:
        self._turn = turn
        self._name = name
        self._pause = pause
        self._logger = logger
        self._stopped = True
        self.after_fork()
        forget_after_fork(self)

    @property
    def running(self) -> bool:
        """Whether this process has the thread."""
        return self._thread is not None

    @property
    def stopped(self) -> bool:
        """Whether a turn that is under way should come to its end."""
        return self._stopped

    def start(self) -> None:
        """Begin, or begin again after :meth:`stop`; cheap if it runs already."""
        with self._changed:
            self._stopped = False

            if self._thread is None:
                thread = threading.Thread(
                    target=self._run, name=self._name, daemon=True
                )
                thread.start()
                self._thread = thread

    def hurry(self) -> None:
        """Have the next turn begin now; returns at once."""
        with self._changed:
            self._wanted = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Begin no further turn; does not wait for one that is under way."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def after_fork(self) -> None:
        """Forget the thread, which is the parent's."""
        self._changed = threading.Condition()
        self._thread = None
        self._wanted = False

    def _run(self) -> None:
        while self._wait(self._guarded_turn()):
            pass

    def _wait(self, seconds: float) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._wanted, seconds)
            # Before the turn: whoever hurries from now on asks for another one.
            self._wanted = False

            if self._stopped:
                self._thread = None

            return not self._stopped

    def _guarded_turn(self) -> float:
        try:
            return self._turn()
        except BaseException as error:
            # The border of a thread: whatever it is, such as gevent's timeout or a task
            # that asyncio has cancelled, nobody above would hear of it.
            self._logger.warning("%s failed: %s", self._name, type(error).__name__)

            return self._pause
