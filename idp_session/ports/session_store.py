"""Where sessions are kept."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from ..models import Departure
from ..models import EndedSession
from ..models import LogoutReason
from ..models import Participant
from ..models import Position
from ..models import ServerSideSession
from ..models import SessionFilter
from ..models import SessionLimit
from ..models import SessionOrigin

__all__ = ["SessionStore"]


class SessionStore(Protocol):
    """Keeps sessions, who takes part in them, and what they keep."""

    def create(
        self, session: ServerSideSession, *, limit: SessionLimit | None = None
    ) -> tuple[EndedSession, ...]:
        """Keep a new session.

        With a limit, its subject has no more live sessions afterwards than that,
        under any number of concurrent callers that give one. Those that have expired
        by the ``created_at`` of the new one do not count.

        :param session: The session.
        :param limit: How many sessions its subject may have, this one included.
        :returns: The sessions that were ended to make room, in the same transaction
            and as :meth:`end` does, with the reason ``EVICTED``.
        :raises SessionExistsError: If its key or its session id is taken.
        :raises SessionLimitError: If the limit refuses it; nothing has changed then.
        """

    def get(self, key: str) -> ServerSideSession | None:
        """The session under a key, expired or not."""

    def find(self, session_id: str) -> ServerSideSession | None:
        """The session with a public id, expired or not."""

    def is_live(
        self, session_id: str, *, now: datetime, client_id: str | None = None
    ) -> bool:
        """Whether somebody's session goes on, as far as the store can tell.

        A store that keeps its sessions knows. One whose sessions browsers keep
        believes it until the end of the session was written down.

        :param session_id: The public id, as it came.
        :param now: The current instant; aware UTC.
        :param client_id: If given, whether this client takes part in it, too.
        """

    def find_rotated(self, key: str) -> ServerSideSession | None:
        """The session that had this key until its handle was last replaced.

        Only for somebody who has just proved who they are: two sign-ins that
        race in one browser must end in one session. Never for reading.
        """

    def find_by_subject(self, subject_id: str) -> tuple[ServerSideSession, ...]:
        """All sessions of a subject, oldest first, expired or not."""

    def find_expired(
        self, now: datetime, *, limit: int
    ) -> tuple[ServerSideSession, ...]:
        """Sessions whose ``expires_at`` is not after ``now``, longest ago first.

        :param now: The instant to compare with; aware UTC.
        :param limit: How many at the most.
        """

    def query(
        self,
        wanted: SessionFilter,
        *,
        limit: int,
        after: Position | None,
        backwards: bool = False,
    ) -> tuple[ServerSideSession, ...]:
        """Some sessions that a filter means, newest first.

        Two that began at the same instant are ordered by their session ids.

        :param wanted: The filter; an empty one means all but the anonymous ones.
        :param limit: How many at the most.
        :param after: Where to go on: the sessions that follow this position in the
            list. ``None`` means: from the beginning.
        :param backwards: Go towards the newer ones: the sessions that stand
            directly before ``after``, or without one those at the end of the list.
        """

    def count(self, wanted: SessionFilter, *, at_most: int) -> int:
        """How many sessions a filter means.

        :param wanted: The filter; an empty one means all but the anonymous ones.
        :param at_most: Where to stop counting.
        :returns: The number, or ``at_most`` if there are as many or more.
        """

    def update(self, key: str, session: ServerSideSession) -> None:
        """Replace the session under a key.

        If ``session.key`` differs the handle is thereby replaced: the old key
        finds nothing any more. The session id must stay.

        :raises SessionGoneError: If no session has the key.
        """

    def promote(
        self,
        key: str,
        session: ServerSideSession,
        *,
        reseal: Callable[[str, bytes], bytes | None],
        limit: SessionLimit | None = None,
    ) -> tuple[EndedSession, ...]:
        """Replace an anonymous session by one of somebody, atomically.

        The new one has another key and another session id, and the data and
        attributes of the old one, whose key and session id find nothing any more;
        only ``find_rotated`` knows the key. Nothing that was written meanwhile is
        left behind: it came before, or finds no session.

        :param key: The key of the anonymous session.
        :param session: The new session.
        :param reseal: Called with the name and the bytes of each value, it returns
            the bytes to keep, or ``None`` to drop the value. It may be called again
            if the database asks for that.
        :param limit: As for :meth:`create`.
        :returns: As for :meth:`create`.
        :raises SessionGoneError: If no anonymous session has the key.
        :raises SessionExistsError: If the new key or session id is taken.
        """

    def renew(
        self,
        key: str,
        *,
        renewed_at: datetime,
        expires_at: datetime,
        origin: SessionOrigin | None = None,
    ) -> bool:
        """Move the end of a session away; never nearer.

        :param key: The key of the session.
        :param renewed_at: When it was used.
        :param expires_at: Its new end.
        :param origin: From where, written in the same step; ``None`` leaves what is
            there, if the use says nothing of a browser.
        :returns: Whether there was such a session to move.
        """

    def add_participant(
        self, participant: Participant, *, limit: SessionLimit | None = None
    ) -> tuple[EndedSession, ...]:
        """Record a participant; one that is known is left as it is.

        Safe under any number of concurrent callers: none of them is lost.

        :param participant: The participant.
        :param limit: In how many live sessions of the subject its client may take
            part, this one included; kept as :meth:`create` keeps its own.
        :returns: The other sessions that were ended to make room.
        :raises SessionGoneError: If the session has ended.
        :raises SessionLimitError: If the limit refuses it; nothing has changed then.
        """

    def participants(self, session_id: str) -> tuple[Participant, ...]:
        """Who takes part, in the order in which they joined."""

    def read_data(self, session_id: str) -> Mapping[str, bytes]:
        """All data of a session, by name; empty if there is no session."""

    def write_data(
        self,
        session_id: str,
        *,
        changed: Mapping[str, bytes],
        removed: Collection[str],
    ) -> None:
        """Change some data of a session, atomically; the rest stays as it is.

        Safe under any number of concurrent callers: of those that write the same
        name the last one wins, and no other name is lost.

        :param session_id: The session.
        :param changed: What to keep, by name.
        :param removed: The names to forget.
        :raises SessionGoneError: If the session has ended; nothing is written then.
        """

    def attributes(self, session_id: str) -> Mapping[str, str]:
        """All attributes of a session, by name; empty if there is no session."""

    def set_attribute(self, session_id: str, name: str, value: str) -> None:
        """Give a session an attribute, whatever it has under that name.

        :raises SessionGoneError: If the session has ended.
        """

    def unset_attribute(self, session_id: str, name: str) -> None:
        """Take an attribute from a session, if both are there."""

    def end(
        self,
        session_id: str,
        *,
        reason: LogoutReason,
        ended_at: datetime,
        expired_at: datetime | None = None,
        notify: bool = True,
    ) -> EndedSession | None:
        """Remove a session and owe one delivery to each participant, atomically.

        Its data and attributes go with it.

        Of two concurrent callers one gets the ended session and the other
        ``None``. Afterwards either all of it happened or nothing did.

        :param session_id: The session to end.
        :param reason: Why it ends.
        :param ended_at: The moment of its end, and when deliveries are due.
        :param expired_at: If given, end it only if its ``expires_at`` is not
            after this instant: a renewal that came first wins.
        :param notify: Whether deliveries are owed; if not, nobody is told.
        """

    def leave(
        self,
        session_id: str,
        *,
        client_ids: Collection[str],
        reason: LogoutReason,
        left_at: datetime,
        notify: bool = True,
    ) -> Departure | None:
        """Have clients leave a session that goes on, atomically.

        They take part no longer, and one delivery is owed to each. The others stay.
        A client may join again later, and is owed another delivery then. What is
        owed to it already stays so: whoever has its session there, and should lose
        it, could otherwise keep it by having the client join again.

        Of concurrent callers, and of :meth:`end`, each participant is given to one.
        Afterwards either all of it happened or nothing did.

        :param session_id: The session.
        :param client_ids: Who is to leave; those that do not take part are no error.
        :param reason: Why.
        :param left_at: When, and when deliveries are due.
        :param notify: Whether deliveries are owed.
        :returns: Who left here; ``None`` if nobody did.
        """

    def end_expired(self, now: datetime, *, limit: int) -> tuple[EndedSession, ...]:
        """End sessions that have expired, as :meth:`end` does, in one transaction.

        The reason of each is ``IDLE_TIMEOUT`` or ``ABSOLUTE_TIMEOUT``. Of concurrent
        callers each session is given to one; those that another caller is about to
        end or to join are not waited for.

        :param now: The instant to compare with; aware UTC.
        :param limit: How many at the most; the longest expired come first.
        :returns: Those that were ended here.
        """
