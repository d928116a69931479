"""Word of sessions within one process."""

from __future__ import annotations

import threading

from ..models import SessionEvent
from ..ports import SessionListener
from .forks import forget_after_fork

__all__ = ["LocalBroadcast"]


class LocalBroadcast:
    """Tells the listeners of this process, at once and in the caller's thread."""

    def __init__(self) -> None:
        self.after_fork()
        forget_after_fork(self)

    def publish(self, event: SessionEvent) -> None:
        for listener in self.listeners():
            listener.heard(event)

    def subscribe(self, listener: SessionListener) -> None:
        with self._lock:
            if listener not in self._listeners:
                self._listeners.append(listener)

    def stop(self) -> None:
        with self._lock:
            self._listeners.clear()

    def listeners(self) -> tuple[SessionListener, ...]:
        """Who is told now."""
        with self._lock:
            return tuple(self._listeners)

    def after_fork(self) -> None:
        """Forget the listeners, which are the parent's."""
        self._lock = threading.Lock()
        self._listeners: list[SessionListener] = []
