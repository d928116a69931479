"""Which sessions are meant, and where in their list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .sessions import ServerSideSession

__all__ = ["Position", "SessionFilter", "SessionPage"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionFilter:
    """Which sessions are meant: those that meet every condition that is given.

    Text is compared exactly, as it is; what cannot be in a database, such as a NUL
    character, is in no session. Whether a session has expired makes no difference.

    :raises ValueError: If an instant is not aware.
    """

    #: Whose.
    subject_id: str | None = None
    #: Which one.
    session_id: str | None = None
    #: Who takes part in it.
    client_id: str | None = None
    #: How its display name begins; ``"Al"`` is the beginning of ``"Alice"`` and not
    #: of ``"alice"``, and no character stands for others.
    display_name: str | None = None
    #: It began at this instant or later; aware UTC.
    created_after: datetime | None = None
    #: It began before this instant; aware UTC.
    created_before: datetime | None = None
    #: It has the attribute of this name with this value.
    attribute: tuple[str, str] | None = None
    #: Whether nobody is signed in there: ``False`` leaves anonymous sessions out,
    #: ``True`` leaves all others out, and ``None`` leaves nobody out.
    anonymous: bool | None = False

    def __post_init__(self) -> None:
        for instant in (self.created_after, self.created_before):
            if instant is not None and instant.utcoffset() is None:
                raise ValueError("an instant must be an aware datetime")

    @property
    def is_empty(self) -> bool:
        """Whether it leaves nobody out: there is no condition in it.

        Every name begins with the empty string, so that one is no condition; nor
        is it one to mean only those who are signed in.
        """
        conditions = (
            self.subject_id,
            self.session_id,
            self.client_id,
            self.display_name or None,
            self.created_after,
            self.created_before,
            self.attribute,
            self.anonymous or None,
        )

        return all(condition is None for condition in conditions)


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Position:
    """A place in the list of sessions, which goes on from it whatever has ended.

    Of two positions the smaller one is the older one, and comes later in the list.
    """

    #: When the session at this place began; aware UTC.
    created_at: datetime
    #: Its public id, which tells sessions that began at once apart.
    session_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionPage:
    """A part of a list of sessions."""

    #: The sessions, newest first.
    sessions: tuple[ServerSideSession, ...]
    #: Leads to the older ones that follow; ``None`` at the end of the list.
    next: str | None
    #: Leads back to the newer ones; ``None`` at the beginning of the list.
    previous: str | None
    #: How many sessions the whole list has.
    estimate: int
    #: Whether nobody counted further than this: there are more.
    estimate_is_lower_bound: bool
