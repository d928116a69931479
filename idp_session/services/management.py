"""Sessions as administrators and users see them: found, listed and ended."""

from __future__ import annotations

import base64
from collections.abc import Collection
from collections.abc import Iterator
from datetime import datetime

from ..models import LogoutReason
from ..models import Participant
from ..models import Position
from ..models import ServerSideSession
from ..models import SessionFilter
from ..models import SessionPage
from ..ports import SessionStore
from .ending import EndingService

__all__ = ["SessionManagementService"]

_LARGEST_PAGE = 1000
_COUNT_AT_MOST = 1000
_BATCH = 200
_BACKWARDS = {"after": False, "before": True}


class SessionManagementService:
    """Finds sessions, and ends them with their clients told.

    Anonymous sessions are left out unless the filter says otherwise, with
    ``anonymous``. Sessions are found whether they have expired or not: until somebody
    has noticed and ended them, their clients have not been told.

    Where sessions are in cookies, every member raises :exc:`.NotInCookieModeError`.

    :param store: Where the sessions are.
    :param ending: Who ends them.
    """

    def __init__(self, *, store: SessionStore, ending: EndingService) -> None:
        self._store = store
        self._ending = ending

    def query(
        self,
        wanted: SessionFilter | None = None,
        *,
        limit: int = 50,
        cursor: str | None = None,
    ) -> SessionPage:
        """A page of the list of sessions, newest first.

        Pages stay where they are while sessions begin and end: none comes twice,
        and none is left out.

        :param wanted: Which sessions; ``None`` means all.
        :param limit: How many at the most, up to 1000.
        :param cursor: ``next`` or ``previous`` of another page of the same list;
            ``None`` means the first page.
        :returns: The page. It counts the whole list, but not beyond 1000. It is
            empty, and leads nowhere, if all that would be on it has ended.
        :raises ValueError: If the limit is out of bounds, or the cursor is not one.
        """
        if not 1 <= limit <= _LARGEST_PAGE:
            raise ValueError(f"limit must be between 1 and {_LARGEST_PAGE}")

        wanted = wanted or SessionFilter()
        place, backwards = (None, False) if cursor is None else _decoded(cursor)
        # One more than asked for tells whether the list goes on.
        found = self._store.query(
            wanted, limit=limit + 1, after=place, backwards=backwards
        )

        if backwards and not found:
            # What was newer has ended, and the first page begins here now.
            return self.query(wanted, limit=limit)

        goes_on = len(found) > limit
        sessions = found[-limit:] if backwards else found[:limit]
        has_older = goes_on or backwards
        has_newer = goes_on if backwards else bool(place and sessions)
        count = self._store.count(wanted, at_most=_COUNT_AT_MOST + 1)

        return SessionPage(
            sessions=sessions,
            next=_cursor("after", sessions[-1]) if has_older else None,
            previous=_cursor("before", sessions[0]) if has_newer else None,
            estimate=min(count, _COUNT_AT_MOST),
            estimate_is_lower_bound=count > _COUNT_AT_MOST,
        )

    def get(self, session_id: str) -> ServerSideSession | None:
        """The session of somebody with a public id, whatever that id looks like.

        :param session_id: As it came, from an address for example.
        """
        found = self._store.query(
            SessionFilter(session_id=session_id), limit=1, after=None
        )

        return found[0] if found else None

    def participants(self, session_id: str) -> tuple[Participant, ...]:
        """Who takes part in a session, in the order in which they joined.

        :param session_id: As it came; nobody takes part in what does not exist.
        """
        session = self.get(session_id)

        return () if session is None else self._store.participants(session.session_id)

    def end(
        self,
        wanted: SessionFilter,
        *,
        reason: LogoutReason,
        except_session_id: str | None = None,
        notify: bool = True,
    ) -> int:
        """End the sessions that a filter means; every client of them is told.

        Each is ended in a transaction of its own, newest first. One that begins
        after the call has begun may go on.

        :param wanted: Which sessions; must have a condition.
        :param reason: Why they end.
        :param except_session_id: One that goes on, such as the one of whoever asks.
        :param notify: Whether clients are told. Say ``False`` only if they know
            already, or if they are not to know: nobody tells them later.
        :returns: How many were ended here.
        :raises ValueError: If the filter is empty: nobody ends all by accident.
        """
        _refuse_empty(wanted)

        return sum(
            self._ending.end(session_id, reason=reason, notify=notify) is not None
            for session_id in self._meant(wanted, except_session_id)
        )

    def end_for_clients(
        self,
        wanted: SessionFilter,
        *,
        client_ids: Collection[str],
        reason: LogoutReason,
        except_session_id: str | None = None,
        notify: bool = True,
    ) -> int:
        """End the sessions that a filter means for some of their clients only.

        These clients are told, and take part no longer. The sessions and their other
        clients go on. A client that comes back joins again, without a sign-in, and
        is then told of the end once more. In each session all of it happens in one
        transaction.

        :param wanted: In which sessions; must have a condition.
        :param client_ids: For which clients.
        :param reason: Why.
        :param except_session_id: One that stays as it is.
        :param notify: As for :meth:`end`.
        :returns: How many participations were ended here: two clients that leave the
            same session are two.
        :raises ValueError: If the filter is empty, or there are no clients.
        """
        _refuse_empty(wanted)

        # A single text would be taken for the clients "s", "h", "o" and "p".
        if isinstance(client_ids, str) or not client_ids:
            raise ValueError("name the clients, in a collection of client ids")

        departures = [
            self._ending.leave(
                session_id, client_ids=client_ids, reason=reason, notify=notify
            )
            for session_id in self._meant(wanted, except_session_id)
        ]

        return sum(len(each.participants) for each in departures if each is not None)

    def end_all(
        self,
        *,
        subject_id: str,
        reason: LogoutReason,
        except_session_id: str | None = None,
        notify: bool = True,
    ) -> int:
        """End the sessions of a subject; every client of them is told.

        :param subject_id: Whose.
        :param reason: Why they end.
        :param except_session_id: One that goes on.
        :param notify: As for :meth:`end`.
        :returns: How many were ended here.
        """
        return self.end(
            SessionFilter(subject_id=subject_id),
            reason=reason,
            except_session_id=except_session_id,
            notify=notify,
        )

    def _meant(
        self, wanted: SessionFilter, except_session_id: str | None
    ) -> Iterator[str]:
        place: Position | None = None

        while batch := self._store.query(wanted, limit=_BATCH, after=place):
            for session in batch:
                if session.session_id != except_session_id:
                    yield session.session_id

            place = _position(batch[-1])


def _refuse_empty(wanted: SessionFilter) -> None:
    if wanted.is_empty:
        raise ValueError("an empty filter would end every session; name some")


def _position(session: ServerSideSession) -> Position:
    return Position(created_at=session.created_at, session_id=session.session_id)


def _cursor(side: str, session: ServerSideSession) -> str:
    words = f"{side} {session.created_at.isoformat()} {session.session_id}"

    return base64.urlsafe_b64encode(words.encode()).decode().rstrip("=")


def _decoded(cursor: str) -> tuple[Position, bool]:
    try:
        words = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        side, created_at, session_id = words.split(" ", 2)
        place = Position(
            created_at=datetime.fromisoformat(created_at), session_id=session_id
        )
        backwards = _BACKWARDS[side]
    except (ValueError, KeyError):
        raise _malformed() from None

    # Naive instants cannot be compared, and databases refuse some characters.
    if place.created_at.utcoffset() is None or not words.isprintable():
        raise _malformed()

    return place, backwards


def _malformed() -> ValueError:
    return ValueError("this is not the cursor of a page; begin with the first page")
