"""The only way out of a session."""

from __future__ import annotations

import logging
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from datetime import datetime

from ..models import Departure
from ..models import EndedSession
from ..models import LogoutReason
from ..models import ServerSideSession
from ..ports import Clock
from ..ports import Dispatcher
from ..ports import SessionStore
from ..ports import SessionTokens

__all__ = ["EndingService"]

_logger = logging.getLogger(__name__)


class EndingService:
    """Ends sessions, for whatever reason, with their clients told.

    :param store: Where the sessions are.
    :param clock: Tells when a session ended.
    :param dispatcher: Who gets the notifications going.
    :param announce: Called once for each session of somebody that was ended here,
        after it has durably gone; must not raise.
    :param announce_departure: Called once for clients that left a session here; must
        not raise.
    :param tokens: Who takes back what was given out in the session.
    """

    def __init__(
        self,
        *,
        store: SessionStore,
        clock: Clock,
        dispatcher: Dispatcher,
        announce: Callable[[EndedSession], None],
        announce_departure: Callable[[Departure], None] | None = None,
        tokens: SessionTokens | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._dispatcher = dispatcher
        self._announce = announce
        self._announce_departure = announce_departure
        self._tokens = tokens

    def end(
        self,
        session_id: str,
        *,
        reason: LogoutReason,
        expired_at: datetime | None = None,
        notify: bool = True,
    ) -> EndedSession | None:
        """End a session: in one transaction it goes and its clients are owed word.

        Nobody hears of the end of an anonymous session: no client takes part in it,
        and nobody knew its session id.

        :param session_id: The session.
        :param reason: Why it ends.
        :param expired_at: If given, it ends only if it has not been renewed
            beyond this instant.
        :param notify: Whether its clients are told. They are not told later, either.
        :returns: The ended session, or ``None`` if there was none to end: it is
            gone already, or another caller was faster.
        """
        ended = self._store.end(
            session_id,
            reason=reason,
            ended_at=self._clock.now(),
            expired_at=expired_at,
            notify=notify,
        )

        if ended is not None:
            self.announce((ended,))

        return ended

    def leave(
        self,
        session_id: str,
        *,
        client_ids: Collection[str],
        reason: LogoutReason,
        notify: bool = True,
    ) -> Departure | None:
        """Have clients leave a session that goes on without them.

        In one transaction they take part no longer and are owed word.

        :param session_id: The session.
        :param client_ids: Who is to leave.
        :param reason: Why.
        :param notify: Whether they are told.
        :returns: Who left; ``None`` if nobody did: none of them takes part, the
            session is gone, or another caller was faster.
        """
        departure = self._store.leave(
            session_id,
            client_ids=client_ids,
            reason=reason,
            left_at=self._clock.now(),
            notify=notify,
        )

        if departure is None:
            return None

        self._revoke(session_id, departure.client_ids)

        if self._announce_departure is not None:
            self._announce_departure(departure)

        if departure.notified:
            self._dispatcher.kick()

        return departure

    def announce(self, ended: Iterable[EndedSession]) -> None:
        """Tell of sessions that a store has just ended, and get their deliveries going.

        :param ended: As the store returned them; nobody else has them.
        """
        known = [session for session in ended if session.subject_id is not None]

        for session in known:
            self._revoke(session.session_id, session.client_ids)
            self._announce(session)

        if any(session.notified for session in known):
            self._dispatcher.kick()

    def end_expired(self, session: ServerSideSession) -> EndedSession | None:
        """End a session that was found expired, unless it was renewed meanwhile.

        :param session: The session as it was found.
        """
        now = self._clock.now()

        return self.end(
            session.session_id, reason=session.reason_of_expiry(now), expired_at=now
        )

    def _revoke(self, session_id: str, client_ids: Collection[str]) -> None:
        if self._tokens is None or not client_ids:
            return

        try:
            self._tokens.revoke(session_id, client_ids=client_ids)
        except Exception as error:  # the host's port may raise anything
            # Its message may quote what it was about to revoke.
            _logger.error(  # noqa: TRY400
                "the tokens of session %s… may not be revoked: %s",
                session_id[:8],
                type(error).__name__,
            )
