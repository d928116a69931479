"""What the services need from the outside, as protocols whose docstrings bind."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from datetime import datetime
from datetime import timedelta
from typing import Any
from typing import Protocol

from .models import AuthenticationProperties
from .models import Client
from .models import Delivery
from .models import DeliveryResult
from .models import DeliveryState
from .models import EndedSession
from .models import FairShare
from .models import LogoutReason
from .models import Participant
from .models import Position
from .models import Principal
from .models import SendResult
from .models import ServerSideSession
from .models import SessionEvent
from .models import SessionFilter
from .models import SessionLimit
from .models import SignedToken

__all__ = [
    "ClientStore",
    "Clock",
    "DeliveryQueue",
    "Dispatcher",
    "LogoutSender",
    "SessionBroadcast",
    "SessionData",
    "SessionListener",
    "SessionStore",
    "SessionTransport",
    "SubjectIdentifiers",
    "TicketProtector",
    "TokenSigner",
    "UserSession",
]


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The current instant; aware UTC."""


class SessionData(Protocol):
    """Named JSON values that a session keeps; read when first asked for.

    Changes are kept once, at the end of the request, and only what has changed: two
    requests that change different names both have their way, and of two that change
    the same name the later one. What is given out are copies; to change a value, set
    it.
    """

    @property
    def changed(self) -> bool:
        """Whether there is anything to keep: some value differs from what is kept."""

    def get(self, name: str, default: Any = None) -> Any:
        """A copy of a value.

        :param name: Its name.
        :param default: What to return if there is none.
        """

    def set(self, name: str, value: Any) -> None:
        """Give a value to a name.

        :param name: At most 255 characters.
        :param value: A ``str``, ``int``, finite ``float``, ``bool`` or ``None``, or
            a ``list`` or ``dict`` of such; the names in a ``dict`` are strings.
        :raises TypeError: If the name is not a string, or the value is anything
            else; the message says where.
        :raises ValueError: If the name is empty, too long, or cannot be kept.
        """

    def update(self, values: Mapping[str, Any]) -> None:
        """Give values to several names, and leave the others as they are.

        :param values: What :meth:`set` takes; all of it is set, or nothing.
        :raises TypeError: As for :meth:`set`.
        :raises ValueError: As for :meth:`set`.
        """

    def remove(self, name: str) -> None:
        """Forget a value; nothing happens if there is none.

        :param name: Its name.
        """

    def clear(self) -> None:
        """Forget all values that this request knows of."""

    def __contains__(self, name: object) -> bool:
        """Whether there is a value of this name."""

    def __iter__(self) -> Iterator[str]:
        """The names."""

    def __len__(self) -> int:
        """How many values there are."""


class UserSession(Protocol):
    """The session of the user in the current request.

    As long as nobody is signed in ``user`` and ``session_id`` are ``None``,
    ``client_ids`` is empty and ``add_client_id`` does nothing. Data and attributes
    can be kept even then: the first of them begins an anonymous session, and the
    sign-in takes them over.
    """

    @property
    def user(self) -> Principal | None:
        """Who is signed in; a sign-in of the same request shows at once."""

    @property
    def properties(self) -> AuthenticationProperties | None:
        """What belongs to the sign-in, with the current client list."""

    @property
    def authentication_is_fresh(self) -> bool:
        """Whether the user has proved who they are within ``authentication_lifetime``.

        ``False`` for an anonymous request.
        """

    @property
    def session_id(self) -> str | None:
        """The public session id (``sid``, Back-Channel Logout 1.0 §2.1)."""

    @property
    def client_ids(self) -> tuple[str, ...]:
        """The clients of the session, in the order in which they joined."""

    @property
    def data(self) -> SessionData:
        """The values that the session keeps."""

    @property
    def attributes(self) -> Mapping[str, str]:
        """The names and values by which the session is found and ended."""

    def set_attribute(self, name: str, value: str) -> None:
        """Give the session an attribute, at once; the same value causes no write.

        :param name: At most 64 characters.
        :param value: At most 255 characters.
        :raises TypeError: If either is not a string.
        :raises ValueError: If the name is empty, or either is too long or cannot
            be kept.
        :raises SessionGoneError: If the session has ended since this request began.
        """

    def unset_attribute(self, name: str) -> None:
        """Take an attribute from the session, at once, if it has it.

        :param name: The name of the attribute.
        """

    def create_session_id(
        self, principal: Principal, properties: AuthenticationProperties
    ) -> str:
        """Sign the principal in and return the session id.

        The same subject keeps session id, clients, data and attributes and gets a
        new handle. An anonymous session becomes one with a new session id and a new
        handle, and data and attributes are kept. For another subject the old
        session is ended, with its clients told, and a new one begins, empty. A session id in the properties is kept only if it is
        the one of this subject's current session.

        :param principal: Who has just proved who they are.
        :param properties: What belongs to this sign-in.
        :raises SessionLimitError: If the subject has too many sessions already.
        """

    def ensure_session_id_cookie(self) -> None:
        """Make the check-session cookie say what the session says.

        Written when it is missing or different, removed when nobody is signed
        in, untouched otherwise (Session Management 1.0 §3.2).
        """

    def remove_session_id_cookie(self) -> None:
        """Remove the check-session cookie if the browser has one."""

    def add_client_id(self, client_id: str) -> None:
        """Record that a client takes part; a known client causes no write.

        :raises SessionGoneError: If the session has ended since this request
            began: the client must not be given a code for it.
        :raises SessionLimitError: If the client takes part in too many sessions of
            the subject already.
        """

    def end(self, reason: LogoutReason) -> EndedSession | None:
        """End the session of this request, if there is one and nobody was faster.

        :param reason: Why; clients and signals hear of it.
        """


class SessionStore(Protocol):
    """Keeps sessions, who takes part in them, and what they keep."""

    def create(
        self, session: ServerSideSession, *, limit: SessionLimit | None = None
    ) -> tuple[EndedSession, ...]:
        """Keep a new session.

        With a limit, its subject has no more live sessions afterwards than that,
        under any number of concurrent callers that give one. Those that have expired
        by the ``created_at`` of the new one do not count.

        :param session: The session.
        :param limit: How many sessions its subject may have, this one included.
        :returns: The sessions that were ended to make room, in the same transaction
            and as :meth:`end` does, with the reason ``EVICTED``.
        :raises SessionExistsError: If its key or its session id is taken.
        :raises SessionLimitError: If the limit refuses it; nothing has changed then.
        """

    def get(self, key: str) -> ServerSideSession | None:
        """The session under a key, expired or not."""

    def find(self, session_id: str) -> ServerSideSession | None:
        """The session with a public id, expired or not."""

    def find_rotated(self, key: str) -> ServerSideSession | None:
        """The session that had this key until its handle was last replaced.

        Only for somebody who has just proved who they are: two sign-ins that
        race in one browser must end in one session. Never for reading.
        """

    def find_by_subject(self, subject_id: str) -> tuple[ServerSideSession, ...]:
        """All sessions of a subject, oldest first, expired or not."""

    def find_expired(
        self, now: datetime, *, limit: int
    ) -> tuple[ServerSideSession, ...]:
        """Sessions whose ``expires_at`` is not after ``now``, longest ago first.

        :param now: The instant to compare with; aware UTC.
        :param limit: How many at the most.
        """

    def query(
        self,
        wanted: SessionFilter,
        *,
        limit: int,
        after: Position | None,
        backwards: bool = False,
    ) -> tuple[ServerSideSession, ...]:
        """Some sessions that a filter means, newest first.

        Two that began at the same instant are ordered by their session ids.

        :param wanted: The filter; an empty one means all but the anonymous ones.
        :param limit: How many at the most.
        :param after: Where to go on: the sessions that follow this position in the
            list. ``None`` means: from the beginning.
        :param backwards: Go towards the newer ones: the sessions that stand
            directly before ``after``, or without one those at the end of the list.
        """

    def count(self, wanted: SessionFilter, *, at_most: int) -> int:
        """How many sessions a filter means.

        :param wanted: The filter; an empty one means all but the anonymous ones.
        :param at_most: Where to stop counting.
        :returns: The number, or ``at_most`` if there are as many or more.
        """

    def update(self, key: str, session: ServerSideSession) -> None:
        """Replace the session under a key.

        If ``session.key`` differs the handle is thereby replaced: the old key
        finds nothing any more. The session id must stay.

        :raises SessionGoneError: If no session has the key.
        """

    def promote(
        self,
        key: str,
        session: ServerSideSession,
        *,
        reseal: Callable[[str, bytes], bytes | None],
        limit: SessionLimit | None = None,
    ) -> tuple[EndedSession, ...]:
        """Replace an anonymous session by one of somebody, atomically.

        The new one has another key and another session id, and the data and
        attributes of the old one, whose key and session id find nothing any more;
        only ``find_rotated`` knows the key. Nothing that was written meanwhile is
        left behind: it came before, or finds no session.

        :param key: The key of the anonymous session.
        :param session: The new session.
        :param reseal: Called with the name and the bytes of each value, it returns
            the bytes to keep, or ``None`` to drop the value. It may be called again
            if the database asks for that.
        :param limit: As for :meth:`create`.
        :returns: As for :meth:`create`.
        :raises SessionGoneError: If no anonymous session has the key.
        :raises SessionExistsError: If the new key or session id is taken.
        """

    def renew(self, key: str, *, renewed_at: datetime, expires_at: datetime) -> bool:
        """Move the end of a session away; never nearer.

        :param key: The key of the session.
        :param renewed_at: When it was used.
        :param expires_at: Its new end.
        :returns: Whether there was such a session to move.
        """

    def add_participant(
        self, participant: Participant, *, limit: SessionLimit | None = None
    ) -> tuple[EndedSession, ...]:
        """Record a participant; one that is known is left as it is.

        Safe under any number of concurrent callers: none of them is lost.

        :param participant: The participant.
        :param limit: In how many live sessions of the subject its client may take
            part, this one included; kept as :meth:`create` keeps its own.
        :returns: The other sessions that were ended to make room.
        :raises SessionGoneError: If the session has ended.
        :raises SessionLimitError: If the limit refuses it; nothing has changed then.
        """

    def participants(self, session_id: str) -> tuple[Participant, ...]:
        """Who takes part, in the order in which they joined."""

    def read_data(self, session_id: str) -> Mapping[str, bytes]:
        """All data of a session, by name; empty if there is no session."""

    def write_data(
        self,
        session_id: str,
        *,
        changed: Mapping[str, bytes],
        removed: Collection[str],
    ) -> None:
        """Change some data of a session, atomically; the rest stays as it is.

        Safe under any number of concurrent callers: of those that write the same
        name the last one wins, and no other name is lost.

        :param session_id: The session.
        :param changed: What to keep, by name.
        :param removed: The names to forget.
        :raises SessionGoneError: If the session has ended; nothing is written then.
        """

    def attributes(self, session_id: str) -> Mapping[str, str]:
        """All attributes of a session, by name; empty if there is no session."""

    def set_attribute(self, session_id: str, name: str, value: str) -> None:
        """Give a session an attribute, whatever it has under that name.

        :raises SessionGoneError: If the session has ended.
        """

    def unset_attribute(self, session_id: str, name: str) -> None:
        """Take an attribute from a session, if both are there."""

    def end(
        self,
        session_id: str,
        *,
        reason: LogoutReason,
        ended_at: datetime,
        expired_at: datetime | None = None,
    ) -> EndedSession | None:
        """Remove a session and owe one delivery to each participant, atomically.

        Its data and attributes go with it.

        Of two concurrent callers one gets the ended session and the other
        ``None``. Afterwards either all of it happened or nothing did.

        :param session_id: The session to end.
        :param reason: Why it ends.
        :param ended_at: The moment of its end, and when deliveries are due.
        :param expired_at: If given, end it only if its ``expires_at`` is not
            after this instant: a renewal that came first wins.
        """

    def end_expired(self, now: datetime, *, limit: int) -> tuple[EndedSession, ...]:
        """End sessions that have expired, as :meth:`end` does, in one transaction.

        The reason of each is ``IDLE_TIMEOUT`` or ``ABSOLUTE_TIMEOUT``. Of concurrent
        callers each session is given to one; those that another caller is about to
        end are not waited for.

        :param now: The instant to compare with; aware UTC.
        :param limit: How many at the most; the longest expired come first.
        :returns: Those that were ended here.
        """


class DeliveryQueue(Protocol):
    """The outbox: what is owed to clients, until each has a final state."""

    def claim(
        self,
        *,
        now: datetime,
        lease: timedelta,
        limit: int,
        share: FairShare | None = None,
    ) -> tuple[Delivery, ...]:
        """Take pending deliveries that are due, the longest due first.

        Until the lease is over nobody else is given them. Their ``attempts``
        are already counted up.

        :param now: The current instant; aware UTC.
        :param lease: For how long the caller owns them.
        :param limit: How many at the most.
        :param share: How many of them may be for one client; ``None`` means all.
            What it leaves out stands in nobody's way.
        """

    def settle(self, delivery: Delivery, result: DeliveryResult) -> bool:
        """Write down what came of an attempt.

        :param delivery: As it was claimed.
        :param result: What to write.
        :returns: ``False`` if the claim is no longer the newest one; nothing is
            written then.
        """

    def of_session(self, session_id: str) -> tuple[Delivery, ...]:
        """All deliveries of an ended session, in the order of their ids."""

    def next_due_at(self) -> datetime | None:
        """When the next pending delivery is due, ``None`` if none is pending."""

    def query(
        self,
        *,
        state: DeliveryState | None,
        client_id: str | None,
        limit: int,
        before_id: int | None,
    ) -> tuple[Delivery, ...]:
        """Some deliveries, newest first.

        :param state: Only those in this state.
        :param client_id: Only those to this client.
        :param limit: How many at the most.
        :param before_id: Only those with smaller ids, to go on in the list.
        """

    def retry(self, delivery_id: int, *, now: datetime) -> bool:
        """Have a delivery that was given up tried again.

        It is pending and due then, as if it had not been tried, but its attempts
        go on counting and its age is that of the end of the session.

        :param delivery_id: Which.
        :param now: The current instant; aware UTC.
        :returns: Whether there was such a delivery, expired, failed or refused.
        """

    def purge(self, *, finished_before: datetime, limit: int) -> int:
        """Forget deliveries that are over, those that were over first before others.

        What is pending is never forgotten, however old it is.

        :param finished_before: Those that were over before this instant; aware UTC.
        :param limit: How many at the most.
        :returns: How many were forgotten.
        """


class ClientStore(Protocol):
    """Knows the relying parties."""

    def get(self, client_id: str) -> Client | None:
        """The client as it is registered now."""


class SubjectIdentifiers(Protocol):
    """Decides which ``sub`` a client is given (OpenID Connect Core §8)."""

    def subject_for(self, subject_id: str, client_id: str) -> str:
        """The ``sub`` of this subject at this client; the same at every call."""


class TokenSigner(Protocol):
    """Signs with the keys that the provider publishes, and knows its own tokens."""

    def sign(
        self, claims: Mapping[str, Any], *, client: Client, token_type: str
    ) -> str:
        """A compact JWS over the claims, by the client's registered algorithm.

        :param claims: The claims, ready to be sent.
        :param client: Whom the token is for.
        :param token_type: The ``typ`` of the JOSE header.
        :raises LogoutTokenError: If there is no key for the algorithm.
        """

    def verify(self, token: str, *, clients: ClientStore) -> SignedToken | None:
        """The token if this provider signed it, whatever its claims say.

        :param token: A compact JWS.
        :param clients: Where to find the secret of a client whose tokens are
            signed symmetrically.
        """


class LogoutSender(Protocol):
    """Posts logout tokens."""

    def send(self, uri: str, logout_token: str) -> SendResult:
        """Post a logout token once (Back-Channel Logout 1.0 §2.5).

        Follows no redirect, sends no cookie, and returns within its deadline
        whatever the other side does. Never raises for what the other side does.

        :param uri: The client's back-channel logout URI.
        :param logout_token: The token, in its compact form.
        """


class Dispatcher(Protocol):
    """Gets deliveries going in the background."""

    def kick(self) -> None:
        """Have due deliveries sent now; returns at once."""


class SessionListener(Protocol):
    """Hears what is broadcast."""

    def heard(self, event: SessionEvent) -> None:
        """Take an event; returns soon and does not raise."""

    def missed(self) -> None:
        """Know that something may have been said that was not heard.

        Called when listening begins, and after each interruption; returns at
        once and does not raise.
        """


class SessionBroadcast(Protocol):
    """Carries word of sessions to every process of a provider.

    It may lose some, when a network fails: whoever listens looks for the end of
    its sessions from time to time as well.
    """

    def publish(self, event: SessionEvent) -> None:
        """Tell every listener: those of this process now, others soon.

        Does not wait for others longer than a second or so, and never raises
        because they cannot be reached: a session has just ended, and that goes on.

        :param event: What happened.
        """

    def subscribe(self, listener: SessionListener) -> None:
        """Tell a listener of everything from now on; one that is known stays it.

        Threads that this needs begin now. After a fork the child has neither
        threads nor listeners.

        :param listener: Whom to tell.
        """

    def stop(self) -> None:
        """Forget all listeners and end the threads; returns soon."""


class TicketProtector(Protocol):
    """Seals bytes so that only this provider can read or make them."""

    def seal(self, plaintext: bytes, *, purpose: str, context: str = "") -> bytes:
        """Encrypt and authenticate.

        :param plaintext: What to hide.
        :param purpose: What it is for; each purpose has keys of its own.
        :param context: Where it belongs; it opens nowhere else.
        """

    def open(self, sealed: bytes, *, purpose: str, context: str = "") -> bytes | None:
        """The plaintext, or ``None`` if it was not sealed so by us."""


class SessionTransport(Protocol):
    """Carries the handle and the check-session id between browser and provider.

    What is issued or withdrawn goes out with the response, and is what the
    properties say from then on.
    """

    @property
    def handle(self) -> str | None:
        """The handle that came with the request, as it came."""

    @property
    def session_id_copy(self) -> str | None:
        """The session id that the check-session cookie says."""

    def issue_handle(self, handle: str, *, expires_at: datetime | None) -> None:
        """Give the browser a handle.

        :param handle: The secret.
        :param expires_at: Until when the browser keeps it; ``None`` means until
            the browser is closed.
        """

    def withdraw_handle(self) -> None:
        """Take the handle from the browser."""

    def issue_session_id(self, session_id: str) -> None:
        """Write the check-session cookie."""

    def withdraw_session_id(self) -> None:
        """Remove the check-session cookie."""
