"""The only way out of a session."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from datetime import datetime

from ..models import EndedSession
from ..models import LogoutReason
from ..models import ServerSideSession
from ..ports import Clock
from ..ports import Dispatcher
from ..ports import SessionStore

__all__ = ["EndingService", "SweepService"]

_BATCH = 50


class EndingService:
    """Ends sessions, for whatever reason, always with their clients told.

    :param store: Where the sessions are.
    :param clock: Tells when a session ended.
    :param dispatcher: Who gets the notifications going.
    :param announce: Called once for each session of somebody that was ended here,
        after it has durably gone; must not raise.
    """

    def __init__(
        self,
        *,
        store: SessionStore,
        clock: Clock,
        dispatcher: Dispatcher,
        announce: Callable[[EndedSession], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._dispatcher = dispatcher
        self._announce = announce

    def end(
        self,
        session_id: str,
        *,
        reason: LogoutReason,
        expired_at: datetime | None = None,
    ) -> EndedSession | None:
        """End a session: in one transaction it goes and its clients are owed word.

        Nobody hears of the end of an anonymous session: no client takes part in it,
        and nobody knew its session id.

        :param session_id: The session.
        :param reason: Why it ends.
        :param expired_at: If given, it ends only if it has not been renewed
            beyond this instant.
        :returns: The ended session, or ``None`` if there was none to end: it is
            gone already, or another caller was faster.
        """
        ended = self._store.end(
            session_id,
            reason=reason,
            ended_at=self._clock.now(),
            expired_at=expired_at,
        )

        if ended is not None:
            self.announce((ended,))

        return ended

    def announce(self, ended: Iterable[EndedSession]) -> None:
        """Tell of sessions that a store has just ended, and get their deliveries going.

        :param ended: As the store returned them; nobody else has them.
        """
        known = [session for session in ended if session.subject_id is not None]

        for session in known:
            self._announce(session)

        if known:
            self._dispatcher.kick()

    def end_expired(self, session: ServerSideSession) -> EndedSession | None:
        """End a session that was found expired, unless it was renewed meanwhile.

        :param session: The session as it was found.
        """
        now = self._clock.now()

        return self.end(
            session.session_id, reason=session.reason_of_expiry(now), expired_at=now
        )

    def end_all(self, *, subject_id: str, reason: LogoutReason) -> int:
        """End every session of a subject.

        :param subject_id: Whose sessions.
        :param reason: Why they end.
        :returns: How many were ended here.
        """
        sessions = self._store.find_by_subject(subject_id)
        ended = [self.end(session.session_id, reason=reason) for session in sessions]

        return len(ended) - ended.count(None)


class SweepService:
    """Ends what has expired without a request noticing, so that clients hear of it.

    :param store: Where the sessions are.
    :param ending: Who ends them.
    :param clock: Tells what has expired.
    """

    def __init__(
        self, *, store: SessionStore, ending: EndingService, clock: Clock
    ) -> None:
        self._store = store
        self._ending = ending
        self._clock = clock

    def run_once(self, *, limit: int = 500) -> int:
        """End expired sessions; any number of processes may do so at once.

        Each transaction ends 50 at the most, so that nobody waits for it for long.

        :param limit: How many at the most.
        :returns: How many were ended here. Fewer than ``limit`` means that there were
            no more, or that other processes are about to end them.
        """
        total = 0

        while total < limit:
            batch = min(_BATCH, limit - total)
            ended = self._store.end_expired(self._clock.now(), limit=batch)
            self._ending.announce(ended)
            total += len(ended)

            if len(ended) < batch:
                break

        return total
