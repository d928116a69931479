"""The sessions of one request: the one that its cookie brought, and what became of it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ...errors import SessionTooLargeError
from .contents import CarriedSession

__all__ = ["SessionJar"]


class SessionJar:
    """Holds sessions for as long as a request takes.

    There is one, or none; two while one user is switched for another.

    :param session: What came with the request.
    :param size_of: How large a session is as a cookie.
    :param at_most: How large it may become.
    """

    def __init__(
        self,
        session: CarriedSession | None = None,
        *,
        size_of: Callable[[CarriedSession], int],
        at_most: int,
    ) -> None:
        #: Held from a look to the change that depends on it.
        self.lock = threading.RLock()
        self._size_of = size_of
        self._at_most = at_most
        self._sessions: dict[str, CarriedSession] = {}
        self._previous_keys: dict[str, str] = {}

        if session is not None:
            self._sessions[session.record.key] = session

    def get(self, key: str) -> CarriedSession | None:
        """The session under a key."""
        return self._sessions.get(key)

    def find(self, session_id: str) -> CarriedSession | None:
        """The session with a public id."""
        with self.lock:
            return next(
                (
                    each
                    for each in self._sessions.values()
                    if each.record.session_id == session_id
                ),
                None,
            )

    def find_rotated(self, key: str) -> CarriedSession | None:
        """The session that had this key until it got another one in this request."""
        with self.lock:
            session_id = next(
                (each for each, old in self._previous_keys.items() if old == key), ""
            )

            return self.find(session_id)

    def put(self, session: CarriedSession, *, instead_of: str | None = None) -> None:
        """Keep a session that fits.

        :param session: The session.
        :param instead_of: The key of the one that it replaces.
        :raises SessionTooLargeError: If it does not fit; nothing has changed then.
        """
        size = self._size_of(session)

        if size > self._at_most:
            raise SessionTooLargeError(size=size, at_most=self._at_most)

        with self.lock:
            if instead_of is not None:
                self.remove(instead_of)
                self._previous_keys[session.record.session_id] = instead_of

            self.replace(session)

    def replace(self, session: CarriedSession) -> None:
        """Keep a session that has not become larger, under the same key."""
        with self.lock:
            self._sessions[session.record.key] = session

    def remove(self, key: str) -> None:
        """Forget a session."""
        with self.lock:
            removed = self._sessions.pop(key, None)

            if removed is not None:
                self._previous_keys.pop(removed.record.session_id, None)
