"""What is freed when nobody has it any more, and not when garbage is looked for."""

from __future__ import annotations

import contextlib
import gc
import time
import weakref
from collections.abc import Iterator
from typing import Any

__all__ = ["is_freed", "without_collector"]


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    """Inside, what holds itself stays."""
    gc.disable()

    try:
        yield
    finally:
        gc.enable()


def is_freed(gone: weakref.ref[Any], seconds: float) -> bool:
    """Whether something goes, once other threads are done with it.

    :param gone: What should go.
    :param seconds: How long to wait for that at the most.
    """
    until = time.monotonic() + seconds

    while gone() is not None and time.monotonic() < until:
        time.sleep(0.01)

    return gone() is None
