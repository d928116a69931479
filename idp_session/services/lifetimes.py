"""How long sessions last: arithmetic without a clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from typing import Self

from ..models import LogoutReason
from ..models import ServerSideSession
from ..options import SessionOptions

__all__ = ["Lifetime", "reason_of_expiry"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Lifetime:
    """How long a session may be unused, and how long it may last at all."""

    #: Until then it has to be used.
    idle: timedelta
    #: Then it is over, used or not.
    absolute: timedelta

    @classmethod
    def of(cls, options: SessionOptions, *, persistent: bool) -> Self:
        """The lifetime that the options give to a sign-in.

        :param options: The settings.
        :param persistent: Whether the sign-in is to be remembered.
        """
        if persistent:
            return cls(
                idle=options.remembered_idle_timeout,
                absolute=options.remembered_absolute_lifetime,
            )

        return cls(idle=options.idle_timeout, absolute=options.absolute_lifetime)

    @classmethod
    def of_anonymous(cls, options: SessionOptions) -> Self:
        """The lifetime that the options give to sessions in which nobody is signed in.

        :param options: The settings.
        """
        return cls(
            idle=options.anonymous_idle_timeout,
            absolute=options.anonymous_absolute_lifetime,
        )

    def expires_at(self, used_at: datetime, absolute_expires_at: datetime) -> datetime:
        """When a session that was used ends: sliding never passes absolute.

        :param used_at: When it was used; aware UTC.
        :param absolute_expires_at: When it is over in any case.
        """
        return min(used_at + self.idle, absolute_expires_at)

    def renewal_due(self, session: ServerSideSession, now: datetime) -> bool:
        """Whether a use is worth a write: half of the idle time has gone.

        :param session: The session as it is kept.
        :param now: The current instant.
        """
        if session.expires_at >= session.absolute_expires_at:
            return False

        return now - session.renewed_at >= self.idle / 2


def reason_of_expiry(session: ServerSideSession, now: datetime) -> LogoutReason:
    """Why a session that has expired is over.

    :param session: The session as it is kept.
    :param now: The current instant.
    """
    if session.absolute_expires_at <= now:
        return LogoutReason.ABSOLUTE_TIMEOUT

    return LogoutReason.IDLE_TIMEOUT
