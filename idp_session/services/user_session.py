"""The session of the user in one request."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from collections.abc import Mapping

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
from ..ports import SessionData
from ..ports import SessionStore
from ..ports import SessionTransport
from ..ports import SubjectIdentifiers
from .anonymous import AnonymousSessionService
from .data import DataService
from .data import DefaultSessionData
from .ending import EndingService
from .json_values import checked_text
from .reading import AnonymousSession
from .reading import CurrentSession
from .reading import SessionReader
from .sign_in import SignInService

__all__ = ["DefaultUserSession"]

_logger = logging.getLogger(__name__)

_LONGEST_ATTRIBUTE_NAME = 64
_LONGEST_ATTRIBUTE = 255


class DefaultUserSession:
    """One request's :class:`.UserSession`: reads once, and only if asked.

    Whoever makes one calls :meth:`save` at the end of the request.

    :param transport: Brings the handle and takes what is issued.
    :param store: Where the participants and attributes are.
    :param reader: Who reads the session.
    :param sign_in: Who begins and continues it.
    :param anonymous: Who begins it for nobody in particular.
    :param data: Who keeps its data.
    :param ending: Who ends it.
    :param clock: Tells the time.
    :param options: The settings.
    :param subjects: Who decides which ``sub`` a client is given.
    :param clients_changed: Called with the session id when a client has joined;
        must not raise.
    :param data_changed: Called with the session id when data was kept; must not
        raise.
    """

    def __init__(
        self,
        *,
        transport: SessionTransport,
        store: SessionStore,
        reader: SessionReader,
        sign_in: SignInService,
        anonymous: AnonymousSessionService,
        data: DataService,
        ending: EndingService,
        clock: Clock,
        options: SessionOptions,
        subjects: SubjectIdentifiers,
        clients_changed: Callable[[str], None] | None = None,
        data_changed: Callable[[str], None] | None = None,
    ) -> None:
        self._transport = transport
        self._store = store
        self._reader = reader
        self._sign_in = sign_in
        self._anonymous = anonymous
        self._data_service = data
        self._ending = ending
        self._clock = clock
        self._options = options
        self._subjects = subjects
        self._clients_changed = clients_changed
        self._data_changed = data_changed
        self._loaded = False
        self._current: CurrentSession | AnonymousSession | None = None
        self._participants: tuple[Participant, ...] | None = None
        self._attributes: Mapping[str, str] | None = None
        self._data = DefaultSessionData(self._load_data)

    @property
    def user(self) -> Principal | None:
        current = self._signed_in()

        return None if current is None else current.ticket.principal

    @property
    def properties(self) -> AuthenticationProperties | None:
        current = self._signed_in()

        if current is None:
            return None

        return dataclasses.replace(
            current.ticket.properties,
            expires_at=current.record.expires_at,
            client_ids=self.client_ids,
        )

    @property
    def authentication_is_fresh(self) -> bool:
        user, longest = self.user, self._options.authentication_lifetime

        if user is None or user.authenticated_at is None:
            return False

        return longest is None or self._clock.now() - user.authenticated_at <= longest

    @property
    def session_id(self) -> str | None:
        current = self._signed_in()

        return None if current is None else current.record.session_id

    @property
    def client_ids(self) -> tuple[str, ...]:
        current = self._signed_in()

        if current is None:
            return ()

        if self._participants is None:
            session_id = current.record.session_id
            self._participants = self._store.participants(session_id)

        return tuple(participant.client_id for participant in self._participants)

    @property
    def data(self) -> SessionData:
        return self._data

    @property
    def attributes(self) -> Mapping[str, str]:
        current = self._load()

        if current is None:
            return {}

        if self._attributes is None:
            self._attributes = self._store.attributes(current.record.session_id)

        return dict(self._attributes)

    def set_attribute(self, name: str, value: str) -> None:
        checked_text(name, at_most=_LONGEST_ATTRIBUTE_NAME)
        checked_text(value, at_most=_LONGEST_ATTRIBUTE, least=0)

        if self.attributes.get(name) == value:
            return

        try:
            self._store.set_attribute(self._begun().session_id, name, value)
        except SessionGoneError:
            self._forget()
            raise

        self._attributes = None

    def unset_attribute(self, name: str) -> None:
        current = self._load()

        if current is not None and name in self.attributes:
            self._store.unset_attribute(current.record.session_id, name)
            self._attributes = None

    def create_session_id(
        self, principal: Principal, properties: AuthenticationProperties
    ) -> str:
        is_switch = self._is_switch(principal)
        issued = self._sign_in.sign_in(principal, properties, key=self._key())
        current = issued.current
        until = current.record.absolute_expires_at if properties.persistent else None
        self._transport.issue_handle(issued.handle, expires_at=until)
        self._remember(current)

        # What one user has set in this request is not for the next one.
        if is_switch:
            self._data.reset()

        self._data.reload()
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
        current = self._signed_in()

        if current is None or client_id in self.client_ids:
            return

        participant = self._participant(current, client_id)

        try:
            ended = self._store.add_participant(
                participant, limit=self._options.subject_and_client_limit
            )
        except SessionGoneError:
            self._forget()
            raise

        self._participants = None
        self._ending.announce(ended)

        if self._clients_changed is not None:
            self._clients_changed(participant.session_id)

    def end(self, reason: LogoutReason) -> EndedSession | None:
        current = self._load()
        ended = None

        # First of all: if this fails, the browser keeps the session that goes on.
        if current is not None:
            ended = self._ending.end(current.record.session_id, reason=reason)

        self._transport.withdraw_handle()
        self._forget()
        self.remove_session_id_cookie()

        # Nobody was signed in to an anonymous session, so nobody is signed out.
        return ended if isinstance(current, CurrentSession) else None

    def save(self) -> None:
        """Write what has changed of the data; to be called before the response.

        Data that is set where there is no session begins an anonymous one. Changes
        of a session that has ended meanwhile are lost with it, and so are those of a
        request that came with a handle that was just replaced.
        """
        if not self._data.changed:
            return

        changes = self._data.changes()

        try:
            session_id = self._begun().session_id
            self._data_service.write(
                session_id,
                changed={n: text for n, text in changes.items() if text is not None},
                removed=[n for n, text in changes.items() if text is None],
            )
        except SessionGoneError:
            _logger.info("data was not kept: its session has ended meanwhile")
            self._forget()
        else:
            if self._data_changed is not None:
                self._data_changed(session_id)

        self._data.reset()

    def _load(self) -> CurrentSession | AnonymousSession | None:
        if not self._loaded:
            key = self._key()
            self._remember(None if key is None else self._reader.read(key))

        return self._current

    def _signed_in(self) -> CurrentSession | None:
        current = self._load()

        return current if isinstance(current, CurrentSession) else None

    def _begun(self) -> ServerSideSession:
        current = self._load()

        if current is None:
            self._check_handle()
            handle, record = self._anonymous.begin()
            current = AnonymousSession(record)
            self._transport.issue_handle(handle, expires_at=None)
            self._remember(current)

        return current.record

    def _check_handle(self) -> None:
        # The handle was replaced a moment ago, by a sign-in in another tab: the browser
        # must not get a handle from us instead of the one from there.
        key = self._key()

        if key is not None and self._store.find_rotated(key) is not None:
            raise SessionGoneError("the handle was replaced meanwhile", key=key)

    def _load_data(self) -> Mapping[str, str]:
        current = self._load()

        if current is None:
            return {}

        return self._data_service.read(current.record.session_id)

    def _is_switch(self, principal: Principal) -> bool:
        # Without data that would be carried over, nobody has to look.
        user = self.user if self._data.changed else None

        return user is not None and user.subject_id != principal.subject_id

    def _remember(self, current: CurrentSession | AnonymousSession | None) -> None:
        self._loaded = True
        self._current = current
        self._participants = None
        self._attributes = None

    def _forget(self) -> None:
        self._remember(None)
        self._data.reset()

    def _key(self) -> str | None:
        handle = self._transport.handle

        if handle is None or not is_handle(handle):
            return None

        return handle_key(handle)

    def _participant(self, current: CurrentSession, client_id: str) -> Participant:
        subject_id = current.ticket.principal.subject_id

        return Participant(
            session_id=current.record.session_id,
            client_id=client_id,
            issuer=self._options.issuer,
            subject=self._subjects.subject_for(subject_id, client_id),
            joined_at=self._clock.now(),
        )
