"""A request that waits in the middle, while others are answered."""

from __future__ import annotations

import threading

__all__ = ["PAUSE"]

_PATIENCE = 30


class _Pause:
    """Holds one request at a time."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._released = threading.Event()

    def wait_here(self) -> None:
        """Called by the request: it is there, and waits."""
        self._reached.set()

        if not self._released.wait(_PATIENCE):
            raise TimeoutError("nobody has released the request")

    def wait_until_reached(self) -> None:
        """Wait for the request to be there."""
        if not self._reached.wait(_PATIENCE):
            raise TimeoutError("no request has come")

    def release(self) -> None:
        """Let the request go on."""
        self._released.set()

    def reset(self) -> None:
        """Be ready for the next one."""
        self._reached.clear()
        self._released.clear()


#: The one of this process.
PAUSE = _Pause()
