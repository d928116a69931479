"""Long work in short turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Turns"]

T = TypeVar("T")

#: Others have their turn for as long as they had to wait for a batch, and at the most
#: for so long.
_LONGEST_TURN_SECONDS = 0.25


class Turns:
    """Lets others have their turn between the batches of long work.

    On SQLite one writes at a time, and those who wait do not queue.

    :param pause: Waits some seconds; need not where writers do not wait for others.
    """

    def __init__(self, pause: Callable[[float], object]) -> None:
        self._pause = pause
        self._others_until = 0.0

    def take(self, batch: Callable[[int], T], size: int) -> T:
        """Do one batch, for which others have to wait.

        :param batch: A transaction.
        :param size: What it is called with.
        :returns: What it returned.
        """
        began_at = time.monotonic()
        done = batch(size)
        # Longer if this one had to wait: then others are waiting, too.
        ended_at = time.monotonic()
        self._others_until = ended_at + min(ended_at - began_at, _LONGEST_TURN_SECONDS)

        return done

    def give(self) -> None:
        """Let others have their turn, which began with the end of the batch."""
        self._pause(max(0.0, self._others_until - time.monotonic()))
