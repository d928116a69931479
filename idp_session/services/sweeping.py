"""The end of sessions that have expired without a request noticing."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..models import EndedSession
from ..ports import Clock
from ..ports import SessionStore
from .ending import EndingService
from .turns import Turns

__all__ = ["SweepService"]

_BATCH = 100


class SweepService:
    """Ends what has expired without a request noticing, so that clients hear of it.

    :param store: Where the sessions are.
    :param ending: Who ends them.
    :param clock: Tells what has expired.
    :param pause: Waits some seconds; need not where writers do not wait for others.
    """

    def __init__(
        self,
        *,
        store: SessionStore,
        ending: EndingService,
        clock: Clock,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._store = store
        self._ending = ending
        self._clock = clock
        self._pause = pause

    def run_once(self, *, limit: int = 500) -> int:
        """End expired sessions; any number of processes may do so at once.

        Each transaction ends 100 at the most, and between two of them others have
        their turn: on SQLite, where one writes at a time, those who wait do not queue.

        :param limit: How many at the most.
        :returns: How many were ended here. Fewer than ``limit`` means that there were
            no more, or that others have them in hand: they end them, or a client is
            just joining.
        """
        turns = Turns(self._pause)
        total = 0

        while True:
            batch = min(_BATCH, limit - total)
            ended = turns.take(self._end_some, batch)
            self._ending.announce(ended)
            total += len(ended)

            if len(ended) < batch or total >= limit:
                return total

            turns.give()

    def _end_some(self, limit: int) -> tuple[EndedSession, ...]:
        return self._store.end_expired(self._clock.now(), limit=limit)
