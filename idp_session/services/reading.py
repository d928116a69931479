"""From a handle to the session behind it."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from datetime import datetime

from ..models import Lifetime
from ..models import ServerSideSession
from ..models import Ticket
from ..options import SessionOptions
from ..ports import Clock
from ..ports import SessionStore
from .ending import EndingService
from .lifetimes import anonymous_lifetime
from .lifetimes import lifetime_of
from .origins import FindOrigin
from .origins import unknown_origin
from .tickets import OpenedTicket
from .tickets import TicketSealer

__all__ = ["AnonymousSession", "CurrentSession", "SessionReader"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CurrentSession:
    """A live session with its ticket open."""

    #: The record as it is kept.
    record: ServerSideSession
    #: What was sealed in it.
    ticket: Ticket | OpenedTicket


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
        self,
        key: str,
        *,
        renew: bool = True,
        find_origin: FindOrigin = unknown_origin,
    ) -> CurrentSession | AnonymousSession | None:
        """The session under a key, if it lives and its ticket opens.

        :param key: The hash of a handle.
        :param renew: Whether this is a use of the session, which keeps it alive.
        :param find_origin: Tells from where; asked for a renewal only.
        """
        return self._opened(self._store.get(key), renew=renew, find_origin=find_origin)

    def touch(self, session_id: str) -> bool:
        """Count something else than a request of the browser as a use of a session.

        Renews only where ``client_activity_renews`` is set.

        :param session_id: The public id.
        :returns: Whether the session lives.
        """
        if self._options.client_activity_renews:
            self._opened(self._store.find(session_id), renew=True)

        return self._store.is_live(session_id, now=self._clock.now())

    def is_live(self, session_id: str, *, client_id: str | None = None) -> bool:
        """Whether somebody's session exists and has not expired; changes nothing.

        :param session_id: The public id.
        :param client_id: If given, whether this client takes part in it, too.
        """
        return self._store.is_live(
            session_id, now=self._clock.now(), client_id=client_id
        )

    def _opened(
        self,
        found: ServerSideSession | None,
        *,
        renew: bool,
        find_origin: FindOrigin = unknown_origin,
    ) -> CurrentSession | AnonymousSession | None:
        now = self._clock.now()
        record = self._live(found, now)
        current = None if record is None else self._with_ticket(record)

        if current is None or not renew or not current.record.renewal_due(now):
            return current

        return self._renewed(current, now, find_origin)

    def _with_ticket(
        self, record: ServerSideSession
    ) -> CurrentSession | AnonymousSession | None:
        if record.subject_id is None:
            return AnonymousSession(record)

        ticket = self._tickets.open(record)

        if ticket is None:
            _logger.warning(
                "no key opens the ticket of session %s: was SECRET_KEY changed "
                "without SECRET_KEY_FALLBACKS? The user has to sign in again.",
                record.session_id,
            )
            return None

        return CurrentSession(record, ticket)

    def live(self, record: ServerSideSession | None) -> ServerSideSession | None:
        """The record, unless its session has expired and is thereby ended.

        :param record: As it was found, if it was.
        """
        return self._live(record, self._clock.now())

    def _live(
        self, record: ServerSideSession | None, now: datetime
    ) -> ServerSideSession | None:
        if record is None or record.expires_at > now:
            return record

        if self._ending.end_expired(record) is not None:
            return None

        # Not ended by us: gone already, or another request renewed it just now.
        again = self._store.get(record.key)

        return again if again and again.expires_at > self._clock.now() else None

    def _renewed(
        self,
        current: CurrentSession | AnonymousSession,
        now: datetime,
        find_origin: FindOrigin,
    ) -> CurrentSession | AnonymousSession | None:
        record = current.record
        lifetime = self._lifetime(current)
        expires_at = lifetime.expires_at(now, record.absolute_expires_at)

        # Not after the timeout was made shorter: nothing brings an end nearer.
        if expires_at <= record.expires_at:
            return current

        origin = find_origin()

        if self._store.renew(
            record.key, renewed_at=now, expires_at=expires_at, origin=origin
        ):
            renewed = record.renewed(now, expires_at=expires_at, origin=origin)

            return dataclasses.replace(current, record=renewed)

        # Another request renewed it first, or it has ended meanwhile.
        again = self._store.get(record.key)

        return None if again is None else dataclasses.replace(current, record=again)

    def _lifetime(self, current: CurrentSession | AnonymousSession) -> Lifetime:
        if isinstance(current, AnonymousSession):
            return anonymous_lifetime(self._options)

        return lifetime_of(current.ticket.properties, self._options)
