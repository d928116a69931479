"""The session of the user in one request."""

from __future__ import annotations

import dataclasses

from ..adapters.crypto import handle_key
from ..adapters.crypto import is_handle
from ..errors import SessionGoneError
from ..models import AuthenticationProperties
from ..models import EndedSession
from ..models import LogoutReason
from ..models import Participant
from ..models import Principal
from ..models import ServerSideSession
from ..options import SessionOptions
from ..ports import Clock
from ..ports import SessionStore
from ..ports import SessionTransport
from ..ports import SubjectIdentifiers
from .ending import EndingService
from .reading import CurrentSession
from .reading import SessionReader
from .sign_in import SignInService

__all__ = ["DefaultUserSession"]


class DefaultUserSession:
    """One request's :class:`.UserSession`: reads once, and only if asked.

    :param transport: Brings the handle and takes what is issued.
    :param store: Where the participants are.
    :param reader: Who reads the session.
    :param sign_in: Who begins and continues it.
    :param ending: Who ends it.
    :param clock: Tells the time.
    :param options: The settings.
    :param subjects: Who decides which ``sub`` a client is given.
    """

    def __init__(
        self,
        *,
        transport: SessionTransport,
        store: SessionStore,
        reader: SessionReader,
        sign_in: SignInService,
        ending: EndingService,
        clock: Clock,
        options: SessionOptions,
        subjects: SubjectIdentifiers,
    ) -> None:
        self._transport = transport
        self._store = store
        self._reader = reader
        self._sign_in = sign_in
        self._ending = ending
        self._clock = clock
        self._options = options
        self._subjects = subjects
        self._loaded = False
        self._current: CurrentSession | None = None
        self._participants: tuple[Participant, ...] | None = None

    @property
    def user(self) -> Principal | None:
        current = self._load()

        return None if current is None else current.ticket.principal

    @property
    def properties(self) -> AuthenticationProperties | None:
        current = self._load()

        if current is None:
            return None

        return dataclasses.replace(
            current.ticket.properties,
            expires_at=current.record.expires_at,
            client_ids=self.client_ids,
        )

    @property
    def session_id(self) -> str | None:
        current = self._load()

        return None if current is None else current.record.session_id

    @property
    def client_ids(self) -> tuple[str, ...]:
        current = self._load()

        if current is None:
            return ()

        if self._participants is None:
            session_id = current.record.session_id
            self._participants = self._store.participants(session_id)

        return tuple(participant.client_id for participant in self._participants)

    def create_session_id(
        self, principal: Principal, properties: AuthenticationProperties
    ) -> str:
        issued = self._sign_in.sign_in(principal, properties, key=self._key())
        current = issued.current
        until = current.record.absolute_expires_at if properties.persistent else None
        self._transport.issue_handle(issued.handle, expires_at=until)
        self._remember(current)
        self.ensure_session_id_cookie()

        return current.record.session_id

    def ensure_session_id_cookie(self) -> None:
        session_id = self.session_id

        if session_id is None or not self._options.check_session:
            self.remove_session_id_cookie()
        elif self._transport.session_id_copy != session_id:
            self._transport.issue_session_id(session_id)

    def remove_session_id_cookie(self) -> None:
        if self._transport.session_id_copy is not None:
            self._transport.withdraw_session_id()

    def add_client_id(self, client_id: str) -> None:
        current = self._load()

        if current is None or client_id in self.client_ids:
            return

        participant = self._participant(current.record, client_id)

        try:
            self._store.add_participant(participant)
        except SessionGoneError:
            self._remember(None)
            raise

        self._participants = None

    def end(self, reason: LogoutReason) -> EndedSession | None:
        session_id = self.session_id
        ended = None

        # First of all: if this fails, the browser keeps the session that goes on.
        if session_id is not None:
            ended = self._ending.end(session_id, reason=reason)

        self._transport.withdraw_handle()
        self._remember(None)
        self.remove_session_id_cookie()

        return ended

    def _load(self) -> CurrentSession | None:
        if not self._loaded:
            key = self._key()
            self._remember(None if key is None else self._reader.read(key))

        return self._current

    def _remember(self, current: CurrentSession | None) -> None:
        self._loaded = True
        self._current = current
        self._participants = None

    def _key(self) -> str | None:
        handle = self._transport.handle

        if handle is None or not is_handle(handle):
            return None

        return handle_key(handle)

    def _participant(self, record: ServerSideSession, client_id: str) -> Participant:
        return Participant(
            session_id=record.session_id,
            client_id=client_id,
            issuer=self._options.issuer,
            subject=self._subjects.subject_for(record.subject_id, client_id),
            joined_at=self._clock.now(),
        )
