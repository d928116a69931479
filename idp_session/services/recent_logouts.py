"""Remembers for a while what browsers are just about to be told."""

from __future__ import annotations

import threading
from collections import OrderedDict

from ..adapters.forks import forget_after_fork

__all__ = ["RecentLogouts"]

_AT_MOST = 1000


class RecentLogouts:
    """Logouts whose answer may not have reached the browser, by session key.

    Who clicks twice sends a second request before the first is answered, and then
    sees the second answer only. It comes with the handle that the first one has
    ended: whoever has it is that browser. Only this process remembers, and only the
    latest thousand: what is forgotten is what frames would have told, while the
    back channel tells it all the same.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[str, str] = OrderedDict()
        self.after_fork()
        forget_after_fork(self)

    def after_fork(self) -> None:
        """Leave the lock to the parent, of which a thread may hold it."""
        self._lock = threading.Lock()

    def remember(self, session_key: str, sealed: str) -> None:
        """Keep what the answer to a logout is.

        :param session_key: The key of the session that ends.
        :param sealed: What the browser is given, which says itself when it expires.
        """
        with self._lock:
            self._kept[session_key] = sealed

            if len(self._kept) > _AT_MOST:
                self._kept.popitem(last=False)

    def find(self, session_key: str) -> str | None:
        """What was kept.

        :param session_key: The key of the session that the request came with.
        """
        with self._lock:
            return self._kept.get(session_key)
