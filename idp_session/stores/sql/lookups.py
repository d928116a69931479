"""How the sessions in a database are found."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from ...models import Position
from ...models import ServerSideSession
from ...models import SessionFilter
from . import rows
from .prepared import DirectReader
from .prepared import PreparedQuery
from .schema import sessions
from .searching import AT_MOST
from .searching import can_be_met
from .searching import counting
from .searching import MANY_MAY_MEET
from .searching import matching
from .searching import meeting
from .searching import page
from .searching import parameters_of

__all__ = ["SqlLookups"]

#: Of so many rows it is known what was made of them.
_MOST_KNOWN = 1024
#: So many kinds of filters and pages have their statements prepared.
_MOST_KINDS = 64
#: So many sessions are sorted in about the time in which a page is found among a
#: million of which so many are meant.
_MANY = 4000
_SELECT = sa.select(*rows.SESSION_COLUMNS)
_WANTED = sa.bindparam("wanted", type_=sa.String())
_NOW = sa.bindparam("now", type_=sessions.c.expires_at.type)


class SqlLookups:
    """The part of a :class:`~idp_session.ports.SessionStore` that looks for sessions.

    :param engine: The database.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._reader = DirectReader(engine)
        self._by_key = self._query(
            _SELECT.where(sessions.c.key == _WANTED), remembered=_MOST_KNOWN
        )
        self._by_session_id = self._query(
            _SELECT.where(sessions.c.session_id == _WANTED)
        )
        self._by_previous_key = self._query(
            _SELECT.where(sessions.c.previous_key == _WANTED)
        )
        self._by_subject_id = self._query(
            _SELECT.where(sessions.c.subject_id == _WANTED).order_by(
                sessions.c.created_at, sessions.c.session_id
            )
        )
        self._expired = self._query(
            _SELECT.where(sessions.c.expires_at <= _NOW)
            .order_by(sessions.c.expires_at, sessions.c.session_id)
            .limit(AT_MOST)
        )
        # Filters differ in what they name more often than in what they compare.
        prepared = lru_cache(maxsize=_MOST_KINDS)
        self._live_ones = prepared(self._prepare_live_ones)
        self._page = prepared(self._prepare_page)
        self._count = prepared(self._prepare_count)
        self._meeting = prepared(self._prepare_meeting)

    def get(self, key: str) -> ServerSideSession | None:
        """The session under a key."""
        return self._by_key.first(wanted=key)

    def find(self, session_id: str) -> ServerSideSession | None:
        """The session with a session id."""
        return self._by_session_id.first(wanted=session_id)

    def is_live(
        self, session_id: str, *, now: datetime, client_id: str | None = None
    ) -> bool:
        """Whether it is somebody's and has not expired."""
        values = parameters_of(
            SessionFilter(session_id=session_id, client_id=client_id)
        )

        if not can_be_met(values):
            return False

        return self._live_ones(tuple(values)).first(now=now, **values) is not None

    def find_rotated(self, key: str) -> ServerSideSession | None:
        """The session whose handle had a key before this one."""
        return self._by_previous_key.first(wanted=key)

    def find_by_subject(self, subject_id: str) -> tuple[ServerSideSession, ...]:
        """All sessions of a subject, the oldest first."""
        return self._by_subject_id.all(wanted=subject_id)

    def find_expired(
        self, now: datetime, *, limit: int
    ) -> tuple[ServerSideSession, ...]:
        """Sessions that have expired, the longest expired first."""
        return self._expired.all(now=now, at_most=limit)

    def query(
        self,
        wanted: SessionFilter,
        *,
        limit: int,
        after: Position | None,
        backwards: bool = False,
    ) -> tuple[ServerSideSession, ...]:
        """A page of the sessions that a filter means."""
        values = parameters_of(wanted)

        if not can_be_met(values):
            return ()

        is_common = self._is_common(values)
        page_of = self._page(
            tuple(values),
            anonymous=wanted.anonymous,
            common=frozenset(name for name, many in is_common.items() if many),
            goes_on=after is not None,
            backwards=backwards,
            few=not all(is_common.values()),
        )

        if after is not None:
            values |= {
                "from_created_at": after.created_at,
                "from_session_id": after.session_id,
            }

        found = page_of.all(at_most=limit, **values)

        return found[::-1] if backwards else found

    def count(self, wanted: SessionFilter, *, at_most: int) -> int:
        """How many sessions a filter means, up to a number."""
        values = parameters_of(wanted)

        if not can_be_met(values):
            return 0

        (number,) = self._count(tuple(values), anonymous=wanted.anonymous).all(
            at_most=at_most, **values
        )

        return number

    def _is_common(self, values: Mapping[str, Any]) -> dict[str, bool]:
        # Planners guess how many there are, and where in the list; SQLite does not
        # even guess.
        return {
            condition: self._number_meeting(names, values) == _MANY
            for condition, names in MANY_MAY_MEET.items()
            if condition in values
        }

    def _number_meeting(self, names: Iterable[str], values: Mapping[str, Any]) -> int:
        given = {name: values[name] for name in names if name in values}
        (number,) = self._meeting(tuple(given)).all(at_most=_MANY, **given)

        return number

    def _prepare_live_ones(
        self, names: tuple[str, ...]
    ) -> PreparedQuery[ServerSideSession]:
        meant = matching(names, anonymous=False)

        return self._query(meant.where(sessions.c.expires_at > _NOW))

    def _prepare_page(
        self,
        names: tuple[str, ...],
        *,
        anonymous: bool | None,
        common: frozenset[str],
        goes_on: bool,
        backwards: bool,
        few: bool,
    ) -> PreparedQuery[ServerSideSession]:
        meant = matching(names, anonymous=anonymous, common=common)

        return self._query(page(meant, goes_on=goes_on, backwards=backwards, few=few))

    def _prepare_count(
        self, names: tuple[str, ...], *, anonymous: bool | None
    ) -> PreparedQuery[int]:
        return PreparedQuery(self._reader, counting(names, anonymous=anonymous), _int)

    def _prepare_meeting(self, names: tuple[str, ...]) -> PreparedQuery[int]:
        return PreparedQuery(self._reader, meeting(names), _int)

    def _query(
        self, query: sa.Select[*tuple[object, ...]], *, remembered: int = 0
    ) -> PreparedQuery[ServerSideSession]:
        return PreparedQuery(
            self._reader, query, rows.session_of, remembered=remembered
        )


def _int(number: int) -> int:
    return number
