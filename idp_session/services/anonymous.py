"""Begins sessions in which nobody is signed in yet."""

from __future__ import annotations

from ..adapters.crypto import handle_key
from ..adapters.crypto import new_handle
from ..adapters.crypto import new_session_id
from ..models import ServerSideSession
from ..options import SessionOptions
from ..ports import Clock
from ..ports import SessionStore
from .lifetimes import anonymous_lifetime

__all__ = ["AnonymousSessionService"]


class AnonymousSessionService:
    """Begins anonymous sessions, which keep data until somebody signs in.

    Their session ids are known to nobody, and no client takes part in them.

    :param store: Where the sessions are.
    :param clock: Tells the time.
    :param options: The settings.
    """

    def __init__(
        self, *, store: SessionStore, clock: Clock, options: SessionOptions
    ) -> None:
        self._store = store
        self._clock = clock
        self._options = options

    def begin(self) -> tuple[str, ServerSideSession]:
        """A new session and the handle that opens it."""
        handle = new_handle()
        now = self._clock.now()
        lifetime = anonymous_lifetime(self._options)
        absolute_expires_at = now + lifetime.absolute
        session = ServerSideSession(
            key=handle_key(handle),
            session_id=new_session_id(),
            subject_id=None,
            created_at=now,
            authenticated_at=now,
            renewed_at=now,
            expires_at=lifetime.expires_at(now, absolute_expires_at),
            absolute_expires_at=absolute_expires_at,
            ticket=b"",
        )
        self._store.create(session)

        return handle, session
