"""How long a session lasts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta

__all__ = ["Lifetime"]

_LONGEST = timedelta(days=36500)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lifetime:
    """How long a session may be unused, and how long it may last at all.

    :raises ValueError: If a duration is not positive, or longer than 100 years.
    """

    #: Until then it has to be used.
    idle: timedelta
    #: Then it is over, used or not.
    absolute: timedelta

    def __post_init__(self) -> None:
        for duration in (self.idle, self.absolute):
            if not timedelta(0) < duration <= _LONGEST:
                raise ValueError("a lifetime is positive and at most 100 years")

    def expires_at(self, used_at: datetime, absolute_expires_at: datetime) -> datetime:
        """When a session that was used ends: sliding never passes absolute.

        :param used_at: When it was used; aware UTC.
        :param absolute_expires_at: When it is over in any case.
        """
        return min(used_at + self.idle, absolute_expires_at)
