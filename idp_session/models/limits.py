"""How many sessions may live at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ..errors import SessionLimitError
from .sessions import ServerSideSession

__all__ = ["LimitPolicy", "SessionLimit"]

#: What becomes of one session more than a limit allows.
LimitPolicy = Literal["refuse", "end_oldest", "end_least_recently_used"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionLimit:
    """How many sessions may live at once, and what happens to one more.

    :raises ValueError: If not even one is allowed.
    """

    #: How many.
    at_most: int
    #: What happens when one more begins: it is refused, or another one ends.
    policy: LimitPolicy = "end_oldest"

    def __post_init__(self) -> None:
        if self.at_most < 1:
            raise ValueError("a limit allows one session at least")

    def making_room(
        self, live: Iterable[ServerSideSession]
    ) -> tuple[ServerSideSession, ...]:
        """Which of the sessions there are have to end, so that one more may begin.

        :param live: The sessions that count, in any order.
        :raises SessionLimitError: If the new one is to be refused instead.
        """
        found = sorted(live, key=self._precedence)
        surplus = max(0, len(found) + 1 - self.at_most)

        if surplus and self.policy == "refuse":
            raise SessionLimitError(at_most=self.at_most)

        return tuple(found[:surplus])

    def _precedence(self, session: ServerSideSession) -> tuple[datetime, datetime, str]:
        by_use = self.policy == "end_least_recently_used"
        used_at = session.renewed_at if by_use else session.created_at

        return used_at, session.created_at, session.session_id
