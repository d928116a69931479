"""A clock that goes only when it is told to."""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta

from .values import START

__all__ = ["ManualClock"]


class ManualClock:
    """A :class:`~idp_session.ports.Clock` for tests.

    :param start: The first instant; aware UTC.
    """

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def now(self) -> datetime:
        """The instant to which the clock was last moved."""
        return self._now

    def tick(self, by: timedelta | float = 1) -> datetime:
        """Move the clock.

        :param by: How far; a number is seconds.
        :returns: The new instant.
        """
        self._now += by if isinstance(by, timedelta) else timedelta(seconds=by)

        return self._now
