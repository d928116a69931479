"""What one request knows of its session."""

from __future__ import annotations

from collections.abc import Mapping

from ..adapters.crypto import handle_key
from ..adapters.crypto import is_handle
from ..errors import HandleNotIssuableError
from ..errors import SessionGoneError
from ..models import Participant
from ..models import ServerSideSession
from ..ports import SessionTransport
from .collaborators import SessionServices
from .data import DefaultSessionData
from .origins import FindOrigin
from .reading import AnonymousSession
from .reading import CurrentSession

__all__ = ["RequestSession"]


class RequestSession:
    """The session of one request: read once, and only if asked; begun when needed.

    :param services: What the sessions of all requests have in common.
    :param transport: Brings the handle and takes what is issued.
    :param find_origin: Tells from where the request came.
    """

    def __init__(
        self,
        services: SessionServices,
        *,
        transport: SessionTransport,
        find_origin: FindOrigin,
    ) -> None:
        self._services = services
        self._transport = transport
        self._find_origin = find_origin
        self._loaded = False
        self._current: CurrentSession | AnonymousSession | None = None
        self._participants: tuple[Participant, ...] | None = None
        self._attributes: Mapping[str, str] | None = None
        self._data: DefaultSessionData | None = None

    @property
    def data(self) -> DefaultSessionData:
        """Its data, with what this request has changed of it."""
        if self._data is None:
            self._data = DefaultSessionData(
                self._read_data, before_change=self._check_issuable
            )

        return self._data

    @property
    def has_data_pending(self) -> bool:
        """Whether this request has set or removed data, even to what is kept."""
        return self._data is not None and self._data.pending

    @property
    def key(self) -> str | None:
        """What the handle is kept under; ``None`` if the request brought none."""
        handle = self._transport.handle

        if handle is None or not is_handle(handle):
            return None

        return handle_key(handle)

    @property
    def current(self) -> CurrentSession | AnonymousSession | None:
        """The session, whoever it belongs to."""
        if not self._loaded:
            key = self.key
            self.remember(
                None
                if key is None
                else self._services.reader.read(key, find_origin=self._find_origin)
            )

        return self._current

    @property
    def signed_in(self) -> CurrentSession | None:
        """The session, if somebody is signed in to it."""
        current = self.current

        return current if isinstance(current, CurrentSession) else None

    @property
    def participants(self) -> tuple[Participant, ...]:
        """Who takes part in it."""
        current = self.signed_in

        if current is None:
            return ()

        if self._participants is None:
            session_id = current.record.session_id
            self._participants = self._services.store.participants(session_id)

        return self._participants

    @property
    def attributes(self) -> Mapping[str, str]:
        """What it can be found by."""
        current = self.current

        if current is None:
            return {}

        if self._attributes is None:
            session_id = current.record.session_id
            self._attributes = self._services.store.attributes(session_id)

        return self._attributes

    def begun(self) -> ServerSideSession:
        """The session, or an anonymous one that begins now.

        :raises HandleNotIssuableError: If its handle could not be issued.
        :raises SessionGoneError: If the handle of the request was just replaced.
        """
        current = self.current

        if current is None:
            self._check_issuable()
            self._check_handle()
            handle, record = self._services.anonymous.begin()
            current = AnonymousSession(record)
            self._transport.issue_handle(handle, expires_at=None)
            self.remember(current)

        return current.record

    def remember(self, current: CurrentSession | AnonymousSession | None) -> None:
        """From now on this is the session.

        :param current: The session; ``None`` if there is none.
        """
        self._loaded = True
        self._current = current
        self._participants = None
        self._attributes = None

    def forget(self) -> None:
        """The session has ended, and what was to be changed of it ends with it."""
        self.remember(None)
        self.forget_data()

    def forget_data(self) -> None:
        """Read it again when it is needed; what was changed of it is forgotten."""
        if self._data is not None:
            self._data.reset()

    def reload_data(self) -> None:
        """Read it again when it is needed; what was changed of it stays so."""
        if self._data is not None:
            self._data.reload()

    def forget_participants(self) -> None:
        """Read them again when they are needed."""
        self._participants = None

    def forget_attributes(self) -> None:
        """Read them again when they are needed."""
        self._attributes = None

    def _check_issuable(self) -> None:
        # What is set without a session begins one, with a handle of its own.
        if not self._transport.can_issue and self.current is None:
            raise HandleNotIssuableError

    def _check_handle(self) -> None:
        # The handle was replaced a moment ago, by a sign-in in another tab: the browser
        # must not get a handle from us instead of the one from there.
        key = self.key

        if key is not None and self._services.store.find_rotated(key) is not None:
            raise SessionGoneError("the handle was replaced meanwhile", key=key)

    def _read_data(self) -> Mapping[str, str]:
        current = self.current

        if current is None:
            return {}

        return self._services.data.read(current.record.session_id)
