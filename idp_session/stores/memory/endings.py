"""How sessions go and clients leave them, with everything that is owed for it."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterable
from datetime import datetime

from ...models import Departure
from ...models import EndedSession
from ...models import LogoutReason
from ...models import ServerSideSession
from .deliveries import MemoryDeliveryQueue
from .tables import Tables

__all__ = ["MemoryEndings"]


class MemoryEndings:
    """The way out of the memory; whoever calls it holds the lock of the store.

    :param tables: What there is.
    :param queue: Where to leave what is owed.
    """

    def __init__(self, tables: Tables, queue: MemoryDeliveryQueue) -> None:
        self._tables = tables
        self._queue = queue

    def end(
        self,
        session: ServerSideSession,
        *,
        reason: LogoutReason,
        ended_at: datetime,
        notify: bool = True,
    ) -> EndedSession:
        """Remove a session and owe its clients word of it.

        :param session: The session, which is there.
        :param reason: Why it ends.
        :param ended_at: When.
        :param notify: Whether its clients are owed word.
        """
        ended = EndedSession(
            session_id=session.session_id,
            subject_id=session.subject_id,
            display_name=session.display_name,
            reason=reason,
            ended_at=ended_at,
            participants=self._tables.participants_of(session.session_id),
            notified=notify,
            key=session.key,
        )
        self._tables.remove(session)

        if notify:
            self._queue.add(ended)

        return ended

    def evict(
        self, surplus: Iterable[ServerSideSession], ended_at: datetime
    ) -> tuple[EndedSession, ...]:
        """End sessions that make room for another one.

        :param surplus: The sessions.
        :param ended_at: When.
        """
        return tuple(
            self.end(session, reason=LogoutReason.EVICTED, ended_at=ended_at)
            for session in surplus
        )

    def leave(
        self,
        session: ServerSideSession,
        *,
        client_ids: Collection[str],
        reason: LogoutReason,
        left_at: datetime,
        notify: bool,
    ) -> Departure | None:
        """Have clients leave a session that goes on.

        :param session: The session, which is there.
        :param client_ids: Who is to leave.
        :param reason: Why.
        :param left_at: When.
        :param notify: Whether they are owed word.
        :returns: Who left; ``None`` if none of them took part.
        """
        leaving = tuple(
            participant
            for participant in self._tables.participants_of(session.session_id)
            if participant.client_id in client_ids
        )

        if not leaving:
            return None

        for participant in leaving:
            del self._tables.participants[session.session_id][participant.client_id]

        departure = Departure(
            session_id=session.session_id,
            subject_id=session.subject_id,
            reason=reason,
            left_at=left_at,
            participants=leaving,
            notified=notify,
        )

        if notify:
            self._queue.add(departure.as_ended_session)

        return departure
