"""Stand-ins for the ports, and the services of a whole provider in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from typing import Any

from joserfc.jwk import generate_key
from joserfc.jwk import KeySet

from idp_session.adapters.blocking import BlockingLogoutSender
from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.adapters.crypto import new_session_id
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.adapters.subjects import PublicSubjectIdentifiers
from idp_session.models import AuthenticationProperties
from idp_session.models import Client
from idp_session.models import Delivery
from idp_session.models import Departure
from idp_session.models import EndedSession
from idp_session.models import LogoutReason
from idp_session.models import Principal
from idp_session.models import SendResult
from idp_session.models import SignedToken
from idp_session.options import SessionOptions
from idp_session.ports import DeliveryQueue
from idp_session.ports import SessionStore
from idp_session.ports import SubjectIdentifiers
from idp_session.ports import TokenSigner
from idp_session.services.anonymous import AnonymousSessionService
from idp_session.services.collaborators import SessionServices
from idp_session.services.data import DataService
from idp_session.services.delivery import DeliveryService
from idp_session.services.ending import EndingService
from idp_session.services.reading import SessionReader
from idp_session.services.sign_in import SignInService
from idp_session.services.sweeping import SweepService
from idp_session.services.tickets import TicketSealer
from idp_session.services.user_session import DefaultUserSession
from idp_session.stores.memory import MemoryDeliveryQueue
from idp_session.stores.memory import MemorySessionStore
from idp_session.testing import ManualClock

__all__ = [
    "ISSUER",
    "SECRET_KEY",
    "SIGNER",
    "FakeClientStore",
    "FakeProvider",
    "FakeSender",
    "FakeTransport",
    "PairwiseSubjects",
    "RecordingDispatcher",
    "RecordingTokens",
    "StoreSpy",
    "make_client",
    "make_options",
    "opened",
]

ISSUER = "https://idp.test"
SECRET_KEY = "a secret that only the provider has"

#: Signs by ES256, which is quick to make a key for.
SIGNER = KeySetTokenSigner(KeySet([generate_key("EC", "P-256")]))


def make_options(**settings: Any) -> SessionOptions:
    """The default settings of a provider.

    :param settings: Those to set.
    """
    return SessionOptions(**{"issuer": ISSUER, **settings})


def make_client(client_id: str = "shop", **members: Any) -> Client:
    """A client that wants to be told by the back channel.

    :param members: Members to set.
    """
    defaults = {
        "back_channel_logout_uri": f"https://{client_id}.test/back-channel",
        "id_token_signed_response_alg": "ES256",
    }

    return Client(client_id=client_id, **{**defaults, **members})


def opened(token: str) -> SignedToken:
    """A token that :data:`SIGNER` has signed."""
    signed = SIGNER.verify(token, clients=FakeClientStore())
    assert signed is not None

    return signed


class FakeTransport:
    """A browser's two cookies during one request.

    :param handle: The handle that came.
    :param session_id_copy: The check-session cookie that came.
    """

    def __init__(
        self, handle: str | None = None, session_id_copy: str | None = None
    ) -> None:
        self.handle = handle
        self.session_id_copy = session_id_copy
        self.can_issue = True
        #: Until when the browser keeps the handle that was issued.
        self.handle_expires_at: datetime | None = None
        #: What was issued or withdrawn, in that order.
        self.calls: list[str] = []
        #: What the browser was told.
        self.login_status: bool | None = None

    def issue_handle(self, handle: str, *, expires_at: datetime | None) -> None:
        self.calls.append("issue_handle")
        self.handle = handle
        self.handle_expires_at = expires_at

    def withdraw_handle(self) -> None:
        self.calls.append("withdraw_handle")
        self.handle = None

    def issue_session_id(self, session_id: str) -> None:
        self.calls.append("issue_session_id")
        self.session_id_copy = session_id

    def withdraw_session_id(self) -> None:
        self.calls.append("withdraw_session_id")
        self.session_id_copy = None

    def set_login_status(self, *, signed_in: bool) -> None:
        self.login_status = signed_in

    def next_request(self) -> FakeTransport:
        """What the same browser brings when it comes again."""
        return FakeTransport(self.handle, self.session_id_copy)


class FakeSender:
    """Answers as it was told to, and keeps what was sent.

    :param answers: For each URI what it answers, a status or a whole result; the
        last answer is repeated. Others answer 200.
    """

    def __init__(
        self, answers: Mapping[str, Sequence[SendResult | int]] | None = None
    ) -> None:
        self._answers = {uri: list(each) for uri, each in (answers or {}).items()}
        self._lock = threading.Lock()
        #: The URI and the token of each request.
        self.sent: list[tuple[str, str]] = []
        #: Cleared, it makes every request hang until it is set again.
        self.answering = threading.Event()
        self.answering.set()
        #: How often it was stopped.
        self.stops = 0
        self._threads = BlockingLogoutSender(self._send)

    def submit(self, uri: str, logout_token: str) -> Future[SendResult]:
        return self._threads.submit(uri, logout_token)

    def stop(self) -> None:
        self.stops += 1
        self._threads.stop()

    def _send(self, uri: str, logout_token: str) -> SendResult:
        with self._lock:
            self.sent.append((uri, logout_token))
            answers = self._answers.get(uri, [200])
            answer = answers.pop(0) if len(answers) > 1 else answers[0]

        self.answering.wait(timeout=30)

        return SendResult(status=answer) if isinstance(answer, int) else answer


class FakeClientStore:
    """Knows the clients that it was given.

    :param clients: These.
    """

    def __init__(self, *clients: Client) -> None:
        #: May be changed at any time, as registrations are.
        self.clients = {client.client_id: client for client in clients}

    def get(self, client_id: str) -> Client | None:
        return self.clients.get(client_id)


class RecordingDispatcher:
    """Delivers nothing, and counts how often it was asked to."""

    def __init__(self) -> None:
        self.kicks = 0

    def kick(self) -> None:
        self.kicks += 1


class RecordingTokens:
    """A :class:`~idp_session.ports.SessionTokens` that revokes nothing.

    :param look: Called with the session id at each call; may raise.
    """

    def __init__(self, look: Callable[[str], object] = lambda _: None) -> None:
        self._look = look
        #: The session and the clients of each call.
        self.revoked: list[tuple[str, tuple[str, ...]]] = []

    def revoke(self, session_id: str, *, client_ids: Collection[str]) -> None:
        self.revoked.append((session_id, tuple(client_ids)))
        self._look(session_id)


class PairwiseSubjects:
    """Gives every client a ``sub`` of its own."""

    def subject_for(self, subject_id: str, client_id: str) -> str:
        return f"{subject_id}-at-{client_id}"


class StoreSpy:
    """A store whose calls are recorded and may be preceded by something else.

    :param store: The store that does the work.
    """

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        #: The names of the methods that were called.
        self.calls: list[str] = []
        #: What happens just before the next call of a method, once.
        self.before: dict[str, Callable[[], object]] = {}

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            self.before.pop(name, lambda: None)()

            return method(*args, **kwargs)

        return call


@dataclass(kw_only=True)
class FakeProvider:
    """The services of a provider, on memory and with a clock that stands still."""

    options: SessionOptions = field(default_factory=make_options)
    clock: ManualClock = field(default_factory=ManualClock)
    clients: FakeClientStore = field(
        default_factory=lambda: FakeClientStore(
            make_client("shop"), make_client("mail")
        )
    )
    sender: FakeSender = field(default_factory=FakeSender)
    subjects: SubjectIdentifiers = field(default_factory=PublicSubjectIdentifiers)
    secret_key: str = SECRET_KEY
    signer: TokenSigner = field(default_factory=lambda: SIGNER)
    queue: DeliveryQueue = field(default_factory=MemoryDeliveryQueue)
    make_store: Callable[[Any], SessionStore] = MemorySessionStore

    def __post_init__(self) -> None:
        self.spy = StoreSpy(self.make_store(self.queue))
        store: Any = self.spy
        self.store: SessionStore = store
        self.dispatcher = RecordingDispatcher()
        #: What was announced, in that order.
        self.ended: list[EndedSession] = []
        self.departures: list[Departure] = []
        self.tokens = RecordingTokens()
        self.attempted: list[Delivery] = []
        protector = AesGcmTicketProtector(self.secret_key)
        self.tickets = TicketSealer(protector)
        self.data = DataService(store=self.store, protector=protector)
        self.anonymous = AnonymousSessionService(
            store=self.store, clock=self.clock, options=self.options
        )
        self.ending = EndingService(
            store=self.store,
            clock=self.clock,
            dispatcher=self.dispatcher,
            announce=self.ended.append,
            announce_departure=self.departures.append,
            tokens=self.tokens,
        )
        self.sweep = SweepService(
            store=self.store, ending=self.ending, clock=self.clock
        )
        self.delivery = DeliveryService(
            queue=self.queue,
            clients=self.clients,
            signer=self.signer,
            sender=self.sender,
            clock=self.clock,
            options=self.options,
            announce=self.attempted.append,
        )

    @property
    def reader(self) -> SessionReader:
        """Who reads sessions, by the tickets that open now."""
        return SessionReader(
            store=self.store,
            ending=self.ending,
            tickets=self.tickets,
            clock=self.clock,
            options=self.options,
        )

    def request(self, transport: FakeTransport | None = None) -> DefaultUserSession:
        """The user session of a new request.

        :param transport: What the browser brings; without, nothing.
        """
        reader = self.reader

        services = SessionServices(
            store=self.store,
            reader=reader,
            sign_in=SignInService(
                store=self.store,
                reader=reader,
                ending=self.ending,
                tickets=self.tickets,
                data=self.data,
                clock=self.clock,
                options=self.options,
            ),
            anonymous=self.anonymous,
            data=self.data,
            ending=self.ending,
            clock=self.clock,
            options=self.options,
            subjects=self.subjects,
        )

        return DefaultUserSession(services, transport=transport or FakeTransport())

    def sign_in(
        self,
        browser: FakeTransport,
        subject_id: str = "alice",
        *,
        persistent: bool = False,
    ) -> str:
        """Sign in, in a request of its own.

        :param browser: What the browser brings, and takes away.
        :returns: The session id.
        """
        return self.request(browser).create_session_id(
            Principal(subject_id=subject_id),
            AuthenticationProperties(persistent=persistent),
        )

    def ended_elsewhere(self) -> str:
        """Write down the end of a session that a cookie kept.

        :returns: The session id.
        """
        session_id = new_session_id()
        self.queue.owe(
            EndedSession(
                session_id=session_id,
                subject_id="alice",
                reason=LogoutReason.USER,
                ended_at=self.clock.now(),
            )
        )

        return session_id

    def browser(
        self,
        subject_id: str = "alice",
        *,
        clients: Sequence[str] = (),
        persistent: bool = False,
    ) -> FakeTransport:
        """A browser in which somebody has signed in, as it comes again.

        :param clients: Which clients take part.
        """
        transport = FakeTransport()
        self.sign_in(transport, subject_id, persistent=persistent)
        user_session = self.request(transport)

        for client_id in clients:
            user_session.add_client_id(client_id)

        self.spy.calls.clear()

        return transport.next_request()
