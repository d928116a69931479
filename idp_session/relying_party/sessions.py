"""What a client keeps so that its own sessions can be ended from outside."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from ..adapters.forks import forget_after_fork
from .token import LogoutToken

__all__ = ["MemorySessionRegistry", "SessionRegistry"]


class SessionRegistry(Protocol):
    """Knows which of the client's sessions came from which session of a provider.

    An unknown session is no error: it is as signed out as it can be
    (Back-Channel Logout 1.0 §2.6).
    """

    def remember(
        self, local_id: str, *, issuer: str, subject: str, session_id: str | None
    ) -> None:
        """Note that the user has signed in; a known session is overwritten.

        If the provider's session has ended just now, because its logout was
        faster than the sign-in, the local session is not live.

        :param local_id: The client's own name of its session.
        :param issuer: ``iss`` of the ID token.
        :param subject: ``sub`` of the ID token.
        :param session_id: ``sid`` of the ID token, if it has one.
        """

    def forget(self, local_id: str) -> None:
        """Note that the user has signed out here; an unknown session is no error."""

    def end(self, token: LogoutToken) -> tuple[str, ...]:
        """End what a logout token speaks of (Back-Channel Logout 1.0 §2.7).

        :returns: The local sessions that this call has ended, maybe none.
        """

    def end_session(self, *, issuer: str, session_id: str) -> tuple[str, ...]:
        """End one session of a provider (Front-Channel Logout 1.0 §3).

        :returns: The local sessions that this call has ended, maybe none.
        """

    def is_live(self, local_id: str) -> bool:
        """Whether the session is remembered and has not been ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    issuer: str
    subject: str
    session_id: str | None


class MemorySessionRegistry:
    """A registry for one process, safe among threads.

    :param overtaking: How long a sign-in may be under way while its session is
        ended by a logout that is faster.
    :param capacity: How many sessions of the provider that ended within that time
        are remembered.
    :param clock: Gives seconds that never go back.
    """

    def __init__(
        self,
        *,
        overtaking: timedelta = timedelta(seconds=30),
        capacity: int = 1000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._overtaking = overtaking.total_seconds()
        self._capacity = capacity
        self._clock = clock
        self._live: dict[str, _Entry] = {}
        self._ended_at: dict[tuple[str, str | None], float] = {}
        self.after_fork()
        forget_after_fork(self)

    def after_fork(self) -> None:
        """Leave the lock to the parent, of which a thread may hold it."""
        self._lock = threading.Lock()

    def remember(
        self, local_id: str, *, issuer: str, subject: str, session_id: str | None
    ) -> None:
        """As :meth:`SessionRegistry.remember`."""
        entry = _Entry(issuer=issuer, subject=subject, session_id=session_id)

        with self._lock:
            self._live.pop(local_id, None)

            if not self._has_just_ended(issuer, session_id):
                self._live[local_id] = entry

    def forget(self, local_id: str) -> None:
        """As :meth:`SessionRegistry.forget`."""
        with self._lock:
            self._live.pop(local_id, None)

    def end(self, token: LogoutToken) -> tuple[str, ...]:
        """As :meth:`SessionRegistry.end`."""
        return self._end(token.issuer, token.subject, token.session_id)

    def end_session(self, *, issuer: str, session_id: str) -> tuple[str, ...]:
        """As :meth:`SessionRegistry.end_session`."""
        return self._end(issuer, None, session_id)

    def is_live(self, local_id: str) -> bool:
        """As :meth:`SessionRegistry.is_live`."""
        with self._lock:
            return local_id in self._live

    def _end(
        self, issuer: str, subject: str | None, session_id: str | None
    ) -> tuple[str, ...]:
        with self._lock:
            ended = tuple(
                local_id
                for local_id, entry in self._live.items()
                if entry.issuer == issuer and _concerned(entry, subject, session_id)
            )

            for local_id in ended:
                del self._live[local_id]

            if session_id is not None:
                self._note_ended((issuer, session_id))

        return ended

    def _has_just_ended(self, issuer: str, session_id: str | None) -> bool:
        ended_at = self._ended_at.get((issuer, session_id))

        # A provider may let a user sign in again in the same session, later.
        return ended_at is not None and self._clock() - ended_at < self._overtaking

    def _note_ended(self, session: tuple[str, str]) -> None:
        self._ended_at.pop(session, None)
        self._ended_at[session] = self._clock()

        if len(self._ended_at) > self._capacity:
            del self._ended_at[next(iter(self._ended_at))]


def _concerned(entry: _Entry, subject: str | None, session_id: str | None) -> bool:
    # backchannel §2.4: a sid means that session alone. A session whose ID token
    # had no sid can only be told by its subject.
    if session_id is not None and entry.session_id is not None:
        return entry.session_id == session_id

    return entry.subject == subject
