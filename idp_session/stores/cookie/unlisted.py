"""What no store can do whose sessions only browsers have."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NoReturn

from ...errors import NotInCookieModeError
from ...models import Departure
from ...models import EndedSession
from ...models import LogoutReason
from ...models import Position
from ...models import ServerSideSession
from ...models import SessionFilter
from ...models import SessionLimit

__all__ = ["UnlistedSessions", "cannot", "refuse_limit"]


class UnlistedSessions:
    """The part of a :class:`~idp_session.ports.SessionStore` that looks for sessions."""

    def find_by_subject(self, subject_id: str) -> tuple[ServerSideSession, ...]:
        """Refused, as everything that needs a list."""
        cannot("find or end the sessions of a subject")

    def find_expired(
        self, now: datetime, *, limit: int
    ) -> tuple[ServerSideSession, ...]:
        """Refused: nobody knows them until a request shows one."""
        cannot("find expired sessions")

    def query(
        self,
        wanted: SessionFilter,
        *,
        limit: int,
        after: Position | None,
        backwards: bool = False,
    ) -> tuple[ServerSideSession, ...]:
        """Refused."""
        cannot("find, list or end sessions")

    def count(self, wanted: SessionFilter, *, at_most: int) -> int:
        """Refused."""
        cannot("count sessions")

    def leave(
        self,
        session_id: str,
        *,
        client_ids: Collection[str],
        reason: LogoutReason,
        left_at: datetime,
        notify: bool = True,
    ) -> Departure | None:
        """Refused: what is owed is written down once, at the end of the session."""
        cannot("sign a user out of some clients only")

    def end_expired(self, now: datetime, *, limit: int) -> tuple[EndedSession, ...]:
        """Ends none: each ends when its browser shows it."""
        return ()


def refuse_limit(limit: SessionLimit | None) -> None:
    """Refuse a limit, for which sessions would have to be counted.

    :param limit: As it was given.
    :raises NotInCookieModeError: If there is one.
    """
    if limit is not None:
        cannot("limit sessions")


def cannot(what: str) -> NoReturn:
    """Refuse what needs more than the session of the current request.

    :param what: What cannot be done.
    :raises NotInCookieModeError: Always.
    """
    raise NotInCookieModeError(what)
