"""The values that everything else passes around; all of them frozen."""

from __future__ import annotations

import dataclasses
import enum
from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from datetime import timedelta
from types import MappingProxyType
from typing import Any
from typing import Literal

from .errors import SessionLimitError

__all__ = [
    "AuthenticationProperties",
    "Client",
    "Delivery",
    "DeliveryResult",
    "DeliveryState",
    "EndedSession",
    "FairShare",
    "Lifetime",
    "LimitPolicy",
    "LogoutReason",
    "Participant",
    "Position",
    "Principal",
    "SendFailure",
    "SendResult",
    "ServerSideSession",
    "SessionEvent",
    "SessionEventKind",
    "SessionFilter",
    "SessionLimit",
    "SessionPage",
    "SignedToken",
    "Ticket",
]

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_LONGEST = timedelta(days=36500)

#: What becomes of one session more than a limit allows.
LimitPolicy = Literal["refuse", "end_oldest", "end_least_recently_used"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """Who is signed in, and how they proved it."""

    #: The provider's own identifier of the user, never empty.
    subject_id: str
    #: A name that a person recognises, for the device and admin pages.
    display_name: str | None = None
    #: When the user proved who they are (``auth_time``, OpenID Connect Core §2);
    #: aware UTC. ``None`` means: at the moment of the sign-in.
    authenticated_at: datetime | None = None
    #: Where the user was authenticated; ``"local"`` is the provider itself.
    identity_provider: str = "local"
    #: Authentication methods (``amr``, RFC 8176), such as ``("pwd", "otp")``.
    amr: tuple[str, ...] = ()
    #: Authentication context class (``acr``, OpenID Connect Core §2).
    acr: str | None = None
    #: Anything else that the host wants to keep; JSON values only.
    claims: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    #: When each authentication method was last proved in this session; aware UTC. A
    #: sign-in adds its own ``amr``, at ``authenticated_at`` unless it is given here.
    factors: Mapping[str, datetime] = field(default_factory=lambda: _NOTHING)

    def __post_init__(self) -> None:
        if not self.subject_id:
            raise ValueError("a principal needs a subject_id")

        if any(at.utcoffset() is None for at in self.factors.values()):
            raise ValueError("the times of factors must be aware datetimes")


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

    def renewal_due(self, session: ServerSideSession, now: datetime) -> bool:
        """Whether a use is worth a write: half of the idle time has gone.

        :param session: The session as it is kept.
        :param now: The current instant.
        """
        if session.expires_at >= session.absolute_expires_at:
            return False

        return now - session.renewed_at >= self.idle / 2


@dataclass(frozen=True, kw_only=True, slots=True)
class AuthenticationProperties:
    """What belongs to one sign-in and not to the user."""

    #: Strings that the host keeps with the sign-in.
    items: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    #: Whether the browser keeps the session after it is closed ("remember me").
    persistent: bool = False
    #: How long the session lasts. ``None`` means: as the settings say.
    lifetime: Lifetime | None = None
    #: When the session was created; aware UTC, ``None`` before the sign-in.
    issued_at: datetime | None = None
    #: When the session ends unless it is used before; aware UTC.
    expires_at: datetime | None = None
    #: The public session id (``sid``, Back-Channel Logout 1.0 §2.1).
    session_id: str | None = None
    #: The clients that take part, in the order in which they joined: a view of
    #: the participants, which are kept as rows of their own.
    client_ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticket:
    """A principal and the properties of its sign-in: what a session record seals."""

    #: Who is signed in.
    principal: Principal
    #: What belongs to this sign-in.
    properties: AuthenticationProperties


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
    #: Where the sign-in came from, if the host wants that kept.
    ip_address: str | None = None
    #: The browser of the sign-in, if the host wants that kept.
    user_agent: str | None = None
    #: The sealed :class:`Ticket`.
    ticket: bytes = field(repr=False)

    def reason_of_expiry(self, now: datetime) -> LogoutReason:
        """Why it is over, once it has expired.

        :param now: The current instant; aware UTC.
        """
        if self.absolute_expires_at <= now:
            return LogoutReason.ABSOLUTE_TIMEOUT

        return LogoutReason.IDLE_TIMEOUT


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
    #: Who took part, in the order in which they joined. To each of them one
    #: delivery is durably owed.
    participants: tuple[Participant, ...] = ()
    #: The key that the session had, for whoever keeps copies of sessions.
    key: str = field(default="", repr=False, compare=False)

    @property
    def client_ids(self) -> tuple[str, ...]:
        """The participating clients, in the order in which they joined."""
        return tuple(participant.client_id for participant in self.participants)


class SessionEventKind(enum.StrEnum):
    """What happened to a session that a channel is bound to."""

    #: Its data changed.
    DATA_CHANGED = "data_changed"
    #: A client joined it.
    CLIENTS_CHANGED = "clients_changed"
    #: It is over; nothing follows.
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionEvent:
    """Word of one session, for the channels that are bound to it."""

    #: The public id of the session.
    session_id: str
    #: What happened.
    kind: SessionEventKind
    #: Why it ended; ``None`` if it has not, or if only its absence was noticed.
    reason: LogoutReason | None = None


class DeliveryState(enum.StrEnum):
    """How far a delivery is; every state but ``PENDING`` is final."""

    #: Owed: waiting, on its way, or to be tried again.
    PENDING = "pending"
    #: The client answered 200 or 204 (Back-Channel Logout 1.0 §2.8).
    DELIVERED = "delivered"
    #: The client answered that it does not accept the request.
    REFUSED = "refused"
    #: It can never succeed: a redirect, a forbidden address, no usable key.
    FAILED = "failed"
    #: It was tried for its whole time-to-live.
    EXPIRED = "expired"
    #: The client has no back-channel logout URI.
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One logout notification owed to one participant."""

    #: Identifies the delivery within its outbox; it grows with time.
    id: int
    #: The session that ended.
    session_id: str
    #: Whom to tell.
    client_id: str
    #: The issuer under which the client knows the session.
    issuer: str
    #: The ``sub`` that this client was given.
    subject: str
    #: Why the session ended.
    reason: LogoutReason
    #: When the session ended; aware UTC.
    created_at: datetime
    #: From when on it may be tried. A claim moves this to the end of its lease.
    due_at: datetime
    #: How often it was claimed. The number also tells one claim from another.
    attempts: int = 0
    #: How far it is.
    state: DeliveryState = DeliveryState.PENDING
    #: The HTTP status of the last answer.
    last_status: int | None = None
    #: What kind of failure the last attempt met.
    last_error: str | None = None
    #: How long the last attempt took.
    latency: timedelta | None = None
    #: When the state became final; aware UTC.
    finished_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FairShare:
    """How much of a sender one client may take, so that none keeps others waiting."""

    #: How many deliveries to one client may be under way at once.
    per_client: int
    #: How many are under way already, by client.
    under_way: Mapping[str, int] = field(default_factory=lambda: _NOTHING)

    def pick(self, due: Iterable[Delivery], *, limit: int) -> tuple[Delivery, ...]:
        """The first deliveries that fit.

        :param due: What is due, in the order in which it should be sent.
        :param limit: How many at the most.
        """
        counts = Counter(self.under_way)
        picked: list[Delivery] = []

        for delivery in due:
            if len(picked) == limit:
                break

            if counts[delivery.client_id] < self.per_client:
                counts[delivery.client_id] += 1
                picked.append(delivery)

        return tuple(picked)

    def after(self, picked: Iterable[Delivery]) -> FairShare:
        """The share that is left when some more are under way.

        :param picked: What was picked.
        """
        counts = Counter(self.under_way)
        counts.update(delivery.client_id for delivery in picked)

        return FairShare(per_client=self.per_client, under_way=counts)

    @property
    def crowded(self) -> tuple[str, ...]:
        """The clients to which no more may be sent for now."""
        return tuple(
            client_id
            for client_id, count in self.under_way.items()
            if count >= self.per_client
        )


class SendFailure(enum.StrEnum):
    """Why a request got no answer."""

    #: No address for the host name.
    DNS = "dns"
    #: The connection was refused, reset or cut off.
    CONNECTION = "connection"
    #: The certificate or the handshake was not acceptable.
    TLS = "tls"
    #: A deadline passed.
    TIMEOUT = "timeout"
    #: The policy forbids this scheme, address or port.
    ADDRESS_REFUSED = "address_refused"
    #: The URI is not one that can be requested.
    INVALID_URI = "invalid_uri"


@dataclass(frozen=True, kw_only=True, slots=True)
class SendResult:
    """What came of one HTTP request; either a status or a failure is set."""

    #: The HTTP status of the answer.
    status: int | None = None
    #: Why there was no answer.
    failure: SendFailure | None = None
    #: What the ``Retry-After`` header asked for (RFC 9110 §10.2.3).
    retry_after: timedelta | None = None
    #: How long the request took.
    latency: timedelta = timedelta(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryResult:
    """What to write down after one attempt."""

    #: The state after the attempt; ``PENDING`` means: again at ``due_at``.
    state: DeliveryState
    #: When the attempt was over; aware UTC.
    at: datetime
    #: When to try again; set if and only if the state is ``PENDING``.
    due_at: datetime | None = None
    #: The HTTP status of the answer.
    status: int | None = None
    #: What kind of failure it was, in one word.
    error: str | None = None
    #: How long the attempt took.
    latency: timedelta | None = None

    def applied_to(self, delivery: Delivery) -> Delivery:
        """The delivery as it is after this attempt."""
        return dataclasses.replace(
            delivery,
            state=self.state,
            due_at=self.due_at or delivery.due_at,
            last_status=self.status,
            last_error=self.error,
            latency=self.latency,
            finished_at=None if self.state is DeliveryState.PENDING else self.at,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """What the session component has to know about a relying party.

    The members are those of OpenID Connect Dynamic Client Registration and of
    the four logout specifications.
    """

    #: Identifies the client.
    client_id: str
    #: The name that people know it by.
    name: str | None = None
    #: Key for symmetric signatures; only needed with an HS algorithm.
    secret: str | None = field(default=None, repr=False)
    #: Where authorization responses may go.
    redirect_uris: tuple[str, ...] = ()
    #: Where the browser may go after a logout (RP-Initiated Logout 1.0 §3.1).
    post_logout_redirect_uris: tuple[str, ...] = ()
    #: What the browser loads in a frame (Front-Channel Logout 1.0 §2).
    front_channel_logout_uri: str | None = None
    #: Whether that address needs ``iss`` and ``sid``.
    front_channel_logout_session_required: bool = False
    #: Where logout tokens are posted (Back-Channel Logout 1.0 §2.2).
    back_channel_logout_uri: str | None = None
    #: Whether logout tokens need a ``sid``.
    back_channel_logout_session_required: bool = False
    #: How ID tokens and logout tokens are signed for it.
    id_token_signed_response_alg: str = "RS256"

    @property
    def label(self) -> str:
        """What to call the client when talking to a person."""
        # A page must not fail because of one client's half of a character.
        return (self.name or self.client_id).encode(errors="replace").decode()


@dataclass(frozen=True, kw_only=True, slots=True)
class SignedToken:
    """A token whose signature was verified; nothing else about it was."""

    #: The JOSE header.
    header: Mapping[str, Any]
    #: The claims.
    claims: Mapping[str, Any]


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
