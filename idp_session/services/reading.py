"""From a handle to the session behind it."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass

from ..models import Lifetime
from ..models import ServerSideSession
from ..models import Ticket
from ..options import SessionOptions
from ..ports import Clock
from ..ports import SessionStore
from .ending import EndingService
from .lifetimes import anonymous_lifetime
from .lifetimes import lifetime_of
from .tickets import TicketSealer

__all__ = ["AnonymousSession", "CurrentSession", "SessionReader"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CurrentSession:
    """A live session with its ticket open."""

    #: The record as it is kept.
    record: ServerSideSession
    #: What was sealed in it.
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class AnonymousSession:
    """A live session in which nobody is signed in."""

    #: The record as it is kept.
    record: ServerSideSession


class SessionReader:
    """Reads sessions; one that has expired is ended, one in use is renewed.

    :param store: Where the sessions are.
    :param ending: Who ends them.
    :param tickets: Who opens tickets.
    :param clock: Tells the time.
    :param options: The settings.
    """

    def __init__(
        self,
        *,
        store: SessionStore,
        ending: EndingService,
        tickets: TicketSealer,
        clock: Clock,
        options: SessionOptions,
    ) -> None:
        self._store = store
        self._ending = ending
        self._tickets = tickets
        self._clock = clock
        self._options = options

    def read(
        self, key: str, *, renew: bool = True
    ) -> CurrentSession | AnonymousSession | None:
        """The session under a key, if it lives and its ticket opens.

        :param key: The hash of a handle.
        :param renew: Whether this is a use of the session, which keeps it alive.
        """
        return self._opened(self._store.get(key), renew=renew)

    def touch(self, session_id: str) -> bool:
        """Count something else than a request of the browser as a use of a session.

        Renews only where ``client_activity_renews`` is set.

        :param session_id: The public id.
        :returns: Whether the session lives.
        """
        found = self._store.find(session_id)

        if self._options.client_activity_renews:
            self._opened(found, renew=True)

        return found is not None and found.expires_at > self._clock.now()

    def _opened(
        self, found: ServerSideSession | None, *, renew: bool
    ) -> CurrentSession | AnonymousSession | None:
        record = self.live(found)

        if record is None:
            return None

        if record.subject_id is None:
            lifetime = anonymous_lifetime(self._options)

            return AnonymousSession(self._renewed(record, lifetime))

        ticket = self._tickets.open(record)

        if ticket is None:
            _logger.warning(
                "no key opens the ticket of session %s: was SECRET_KEY changed "
                "without SECRET_KEY_FALLBACKS? The user has to sign in again.",
                record.session_id,
            )
            return None

        lifetime = lifetime_of(ticket.properties, self._options)

        return CurrentSession(
            self._renewed(record, lifetime) if renew else record, ticket
        )

    def live(self, record: ServerSideSession | None) -> ServerSideSession | None:
        """The record, unless its session has expired and is thereby ended.

        :param record: As it was found, if it was.
        """
        if record is None or record.expires_at > self._clock.now():
            return record

        if self._ending.end_expired(record) is not None:
            return None

        # Not ended by us: gone already, or another request renewed it just now.
        again = self._store.get(record.key)

        return again if again and again.expires_at > self._clock.now() else None

    def _renewed(
        self, record: ServerSideSession, lifetime: Lifetime
    ) -> ServerSideSession:
        now = self._clock.now()

        if not lifetime.renewal_due(record, now):
            return record

        expires_at = lifetime.expires_at(now, record.absolute_expires_at)

        # Not after the timeout was made shorter: nothing brings an end nearer.
        if expires_at <= record.expires_at:
            return record

        self._store.renew(record.key, renewed_at=now, expires_at=expires_at)

        return dataclasses.replace(record, renewed_at=now, expires_at=expires_at)
