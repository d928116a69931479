"""Remembers which logout tokens have been used."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Protocol

from ..adapters.forks import forget_after_fork
from .token import LogoutToken

__all__ = ["MemoryReplayGuard", "ReplayGuard"]


class ReplayGuard(Protocol):
    """Tells whether a logout token is used for the first time.

    Back-Channel Logout 1.0 §2.6 leaves it to the client whether it minds. A
    client with several processes needs a guard that they share.
    """

    def first_use(self, token: LogoutToken, *, until: datetime, now: datetime) -> bool:
        """Remember a token; of several callers with the same one, one gets ``True``.

        :param token: A token that passed all other checks.
        :param until: From when on the token is refused for its age; aware UTC.
        :param now: The current instant; aware UTC.
        """

    def forget(self, token: LogoutToken) -> None:
        """Let a token be used again, since what it asked for was not done."""


class MemoryReplayGuard:
    """A replay guard for one process, safe among threads.

    :param capacity: How many tokens it remembers; beyond that, the oldest is
        forgotten, and only tokens that the provider signed are counted.
    """

    def __init__(self, *, capacity: int = 10_000) -> None:
        if capacity < 1:
            raise ValueError("capacity must be at least 1")

        self._capacity = capacity
        self._until: dict[tuple[str, str], datetime] = {}
        self.after_fork()
        forget_after_fork(self)

    def after_fork(self) -> None:
        """Leave the lock to the parent, of which a thread may hold it."""
        self._lock = threading.Lock()

    def first_use(self, token: LogoutToken, *, until: datetime, now: datetime) -> bool:
        """As :meth:`ReplayGuard.first_use`."""
        key = (token.issuer, token.token_id)

        with self._lock:
            if key in self._until:
                return False

            self._make_room(now)
            self._until[key] = until

        return True

    def forget(self, token: LogoutToken) -> None:
        """As :meth:`ReplayGuard.forget`."""
        with self._lock:
            self._until.pop((token.issuer, token.token_id), None)

    def _make_room(self, now: datetime) -> None:
        # Tokens live equally long, so the oldest entry is the next to expire.
        while self._until:
            oldest = next(iter(self._until))

            if self._until[oldest] > now and len(self._until) < self._capacity:
                return

            del self._until[oldest]
