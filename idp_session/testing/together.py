"""Calls that start at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["together"]

T = TypeVar("T")


def together(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Call everything at once, each in a thread of its own.

    :param calls: What to call.
    :returns: What they returned, in the same order. If some raised, the first of
        these errors is raised when all are through.
    """
    barrier = threading.Barrier(len(calls))

    def start(call: Callable[[], T]) -> T:
        barrier.wait()

        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(start, c) for c in calls]]
