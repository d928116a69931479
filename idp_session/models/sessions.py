"""Sessions, who takes part in them, and how they end."""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from typing import Self

from .making import maker_of
from .origins import SessionOrigin

__all__ = [
    "Departure",
    "EndedSession",
    "LogoutReason",
    "Participant",
    "ServerSideSession",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerSideSession:
    """One session record as a store keeps it.

    It holds no secret: the key is a hash of the handle and the ticket is sealed.
    """

    #: SHA-256 of the handle, as 64 hexadecimal digits.
    key: str
    #: The public session id: 128 random bits as 32 hexadecimal digits.
    session_id: str
    #: Who is signed in; ``None`` in an anonymous session, which only keeps data
    #: until somebody signs in.
    subject_id: str | None
    #: A name for lists, not for decisions.
    display_name: str | None = None
    #: When the session began; aware UTC, like every instant here.
    created_at: datetime
    #: When the user last proved who they are (``auth_time``).
    authenticated_at: datetime
    #: When the session was last renewed.
    renewed_at: datetime
    #: When it ends unless it is renewed; never after ``absolute_expires_at``.
    expires_at: datetime
    #: When it ends, used or not.
    absolute_expires_at: datetime
    #: Where it was used when it was last renewed, if the host wants that kept: an
    #: address, or the network that it is in.
    ip_address: str | None = None
    #: The browser or app that used it then, if the host wants that kept.
    user_agent: str | None = None
    #: The sealed :class:`Ticket`.
    ticket: bytes = field(repr=False)

    def renewed(
        self, at: datetime, *, expires_at: datetime, origin: SessionOrigin | None
    ) -> Self:
        """It, once it has been used again.

        :param at: When; aware UTC.
        :param expires_at: Its new end.
        :param origin: From where; ``None`` leaves what is known.
        """
        origin = origin or self.origin

        return dataclasses.replace(
            self,
            renewed_at=at,
            expires_at=expires_at,
            ip_address=origin.ip_address,
            user_agent=origin.user_agent,
        )

    def with_ticket(self, ticket: bytes) -> ServerSideSession:
        """The same record with another ticket.

        :param ticket: As it is sealed for this record.
        """
        # Every sign-in comes by here: ``replace`` takes ten times as long.
        return _session_of(
            self.key,
            self.session_id,
            self.subject_id,
            self.display_name,
            self.created_at,
            self.authenticated_at,
            self.renewed_at,
            self.expires_at,
            self.absolute_expires_at,
            self.ip_address,
            self.user_agent,
            ticket,
        )

    def renewal_due(self, now: datetime) -> bool:
        """Whether a use is worth a write: half of the idle time has gone.

        :param now: The current instant; aware UTC.
        """
        if self.expires_at >= self.absolute_expires_at:
            return False

        return now - self.renewed_at >= self.expires_at - now

    @property
    def origin(self) -> SessionOrigin:
        """Where it was used when it was last renewed."""
        return SessionOrigin(ip_address=self.ip_address, user_agent=self.user_agent)

    def reason_of_expiry(self, now: datetime) -> LogoutReason:
        """Why it is over, once it has expired.

        :param now: The current instant; aware UTC.
        """
        if self.absolute_expires_at <= now:
            return LogoutReason.ABSOLUTE_TIMEOUT

        return LogoutReason.IDLE_TIMEOUT


_session_of = maker_of(ServerSideSession)


@dataclass(frozen=True, kw_only=True, slots=True)
class Participant:
    """One client that takes part in one session; written once, never changed."""

    #: The public id of the session.
    session_id: str
    #: The client.
    client_id: str
    #: The issuer under which the client knows the session.
    issuer: str
    #: The ``sub`` that this client was given, which may be pairwise.
    subject: str
    #: When the client joined; aware UTC.
    joined_at: datetime


class LogoutReason(enum.StrEnum):
    """Why a session ended."""

    #: The user signed out at the provider.
    USER = "user"
    #: A client asked for it (RP-Initiated Logout 1.0).
    RP_INITIATED = "rp_initiated"
    #: An administrator ended this session.
    ADMIN = "admin"
    #: All sessions of the subject were ended.
    SUBJECT = "subject"
    #: All sessions with the client were ended.
    CLIENT = "client"
    #: It was not used for too long.
    IDLE_TIMEOUT = "idle_timeout"
    #: It reached the end of its life.
    ABSOLUTE_TIMEOUT = "absolute_timeout"
    #: It made room for a newer session under a limit.
    EVICTED = "evicted"
    #: Another user signed in in the same browser.
    USER_SWITCH = "user_switch"
    #: The user's password changed.
    PASSWORD_CHANGE = "password_change"
    #: The user's account was disabled.
    ACCOUNT_DISABLED = "account_disabled"
    #: The provider at which the user signed in has signed them out.
    UPSTREAM_LOGOUT = "upstream_logout"


@dataclass(frozen=True, kw_only=True, slots=True)
class EndedSession:
    """A session that is over; whoever holds this value is the one who ended it."""

    #: The public id that the session had.
    session_id: str
    #: Who was signed in; ``None`` if nobody was, and no signal tells of that.
    subject_id: str | None
    #: The name shown in lists.
    display_name: str | None = None
    #: Why it ended.
    reason: LogoutReason
    #: When it ended; aware UTC.
    ended_at: datetime
    #: Who took part, in the order in which they joined.
    participants: tuple[Participant, ...] = ()
    #: Whether one delivery is durably owed to each of the participants; it is not if
    #: the session was ended without notification.
    notified: bool = True
    #: The key that the session had, for whoever keeps copies of sessions.
    key: str = field(default="", repr=False, compare=False)

    @property
    def client_ids(self) -> tuple[str, ...]:
        """The participating clients, in the order in which they joined."""
        return tuple(participant.client_id for participant in self.participants)


@dataclass(frozen=True, kw_only=True, slots=True)
class Departure:
    """Clients that have left a session which goes on without them.

    Whoever holds this value is the one who made them leave.
    """

    #: The public id of the session.
    session_id: str
    #: Who is signed in there.
    subject_id: str | None
    #: Why they left.
    reason: LogoutReason
    #: When they left; aware UTC.
    left_at: datetime
    #: Who took part until then, in the order in which they had joined.
    participants: tuple[Participant, ...]
    #: Whether one delivery is durably owed to each of them.
    notified: bool = True

    @property
    def client_ids(self) -> tuple[str, ...]:
        """The clients that left, in the order in which they had joined."""
        return tuple(participant.client_id for participant in self.participants)

    @property
    def as_ended_session(self) -> EndedSession:
        """What this is for those who left: the end of the session."""
        return EndedSession(
            session_id=self.session_id,
            subject_id=self.subject_id,
            reason=self.reason,
            ended_at=self.left_at,
            participants=self.participants,
            notified=self.notified,
        )
