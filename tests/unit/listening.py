"""Who listens to session events, and what they have heard."""

from __future__ import annotations

import threading
from collections.abc import Callable

from idp_session.models import SessionEvent
from idp_session.models import SessionEventKind

__all__ = ["Ear", "changed", "ended"]


class Ear:
    """A callback, and a :class:`~idp_session.ports.SessionListener`, that remembers."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.events: list[SessionEvent] = []
        self.misses = 0

    def __call__(self, event: SessionEvent) -> None:
        self.heard(event)

    @property
    def kinds(self) -> list[SessionEventKind]:
        return [event.kind for event in self.events]

    def heard(self, event: SessionEvent) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def missed(self) -> None:
        with self._changed:
            self.misses += 1
            self._changed.notify_all()

    def wait_until(self, holds: Callable[[], bool], seconds: float = 30) -> bool:
        with self._changed:
            return self._changed.wait_for(holds, seconds)


def changed(session_id: str = "sid") -> SessionEvent:
    return SessionEvent(session_id=session_id, kind=SessionEventKind.DATA_CHANGED)


def ended(session_id: str = "sid") -> SessionEvent:
    return SessionEvent(session_id=session_id, kind=SessionEventKind.ENDED)
