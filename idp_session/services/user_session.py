"""The session of the user in one request."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ..errors import HandleNotIssuableError
from ..errors import SessionGoneError
from ..models import AuthenticationProperties
from ..models import Departure
from ..models import EndedSession
from ..models import LogoutReason
from ..models import Participant
from ..models import Principal
from ..ports import SessionData
from ..ports import SessionTransport
from .attributes import set_attribute
from .attributes import unset_attribute
from .collaborators import SessionServices
from .origins import FindOrigin
from .origins import unknown_origin
from .reading import CurrentSession
from .request_session import RequestSession
from .saving import save_data

__all__ = ["DefaultUserSession"]


class DefaultUserSession:
    """One request's :class:`.UserSession`: reads once, and only if asked.

    Whoever makes one calls :meth:`save` at the end of the request.

    :param services: What the sessions of all requests have in common.
    :param transport: Brings the handle and takes what is issued.
    :param find_origin: Tells from where the request came.
    """

    def __init__(
        self,
        services: SessionServices,
        *,
        transport: SessionTransport,
        find_origin: FindOrigin = unknown_origin,
    ) -> None:
        self._services = services
        self._transport = transport
        self._find_origin = find_origin
        self._session = RequestSession(
            services, transport=transport, find_origin=find_origin
        )

    @property
    def user(self) -> Principal | None:
        current = self._session.signed_in

        return None if current is None else current.ticket.principal

    @property
    def properties(self) -> AuthenticationProperties | None:
        current = self._session.signed_in

        if current is None:
            return None

        return dataclasses.replace(
            current.ticket.properties,
            expires_at=current.record.expires_at,
            client_ids=self.client_ids,
        )

    @property
    def authentication_is_fresh(self) -> bool:
        user, longest = self.user, self._services.options.authentication_lifetime

        if user is None or user.authenticated_at is None:
            return False

        if longest is None:
            return True

        return self._services.clock.now() - user.authenticated_at <= longest

    @property
    def session_id(self) -> str | None:
        current = self._session.signed_in

        return None if current is None else current.record.session_id

    @property
    def client_ids(self) -> tuple[str, ...]:
        return tuple(each.client_id for each in self._session.participants)

    @property
    def data(self) -> SessionData:
        return self._session.data

    @property
    def attributes(self) -> Mapping[str, str]:
        return dict(self._session.attributes)

    def set_attribute(self, name: str, value: str) -> None:
        set_attribute(self._session, name, value, store=self._services.store)

    def unset_attribute(self, name: str) -> None:
        unset_attribute(self._session, name, store=self._services.store)

    def create_session_id(
        self, principal: Principal, properties: AuthenticationProperties
    ) -> str:
        if not self._transport.can_issue:
            raise HandleNotIssuableError

        is_switch = self._is_switch(principal)
        issued = self._services.sign_in.sign_in(
            principal, properties, key=self._session.key, origin=self._find_origin()
        )
        current = issued.current
        until = current.record.absolute_expires_at if properties.persistent else None
        self._transport.issue_handle(issued.handle, expires_at=until)
        self._session.remember(current)

        # What one user has set in this request is not for the next one.
        if is_switch:
            self._session.forget_data()

        self._session.reload_data()
        self.ensure_session_id_cookie()
        self._tell_login_status(signed_in=True)

        return current.record.session_id

    def ensure_session_id_cookie(self) -> None:
        session_id = self.session_id

        # The session has ended without this browser.
        if session_id is None and self._transport.session_id_copy is not None:
            self._tell_login_status(signed_in=False)

        if session_id is None or not self._services.options.check_session:
            self.remove_session_id_cookie()
        elif self._transport.session_id_copy != session_id:
            self._transport.issue_session_id(session_id)

    def remove_session_id_cookie(self) -> None:
        if self._transport.session_id_copy is not None:
            self._transport.withdraw_session_id()

    def add_client_id(self, client_id: str) -> None:
        current = self._session.signed_in

        if current is None or client_id in self.client_ids:
            return

        participant = self._participant(current, client_id)

        try:
            ended = self._services.store.add_participant(
                participant, limit=self._services.options.subject_and_client_limit
            )
        except SessionGoneError:
            self._session.forget()
            raise

        self._session.forget_participants()
        self._services.ending.announce(ended)

        self._services.clients_changed(participant.session_id)

    def remove_client_id(
        self, client_id: str, reason: LogoutReason
    ) -> Departure | None:
        current = self._session.signed_in

        if current is None:
            return None

        self._session.forget_participants()

        return self._services.ending.leave(
            current.record.session_id, client_ids=(client_id,), reason=reason
        )

    def end(self, reason: LogoutReason) -> EndedSession | None:
        current = self._session.current
        ended = None

        # First of all: if this fails, the browser keeps the session that goes on.
        if current is not None:
            ended = self._services.ending.end(current.record.session_id, reason=reason)

        self._transport.withdraw_handle()
        self._session.forget()
        self.remove_session_id_cookie()

        # Nobody was signed in to an anonymous session, so nobody is signed out.
        if not isinstance(current, CurrentSession):
            return None

        self._tell_login_status(signed_in=False)

        return ended

    def save(self) -> None:
        """Write what has changed of the data; to be called before the response.

        Data that is set where there is no session begins an anonymous one. Changes
        of a session that has ended meanwhile are lost with it, and so are those of a
        request that came with a handle that was just replaced. Changes that do not
        fit into a cookie are logged as an error, and none of them is kept.
        """
        if not self._session.has_data_pending:
            return

        session_id = save_data(self._session, service=self._services.data)

        if session_id is not None:
            self._services.data_changed(session_id)

    def _tell_login_status(self, *, signed_in: bool) -> None:
        if self._services.options.login_status:
            self._transport.set_login_status(signed_in=signed_in)

    def _is_switch(self, principal: Principal) -> bool:
        # Without data that would be carried over, nobody has to look.
        user = self.user if self._session.has_data_pending else None

        return user is not None and user.subject_id != principal.subject_id

    def _participant(self, current: CurrentSession, client_id: str) -> Participant:
        subject_id = current.ticket.principal.subject_id

        return Participant(
            session_id=current.record.session_id,
            client_id=client_id,
            issuer=self._services.options.issuer,
            subject=self._services.subjects.subject_for(subject_id, client_id),
            joined_at=self._services.clock.now(),
        )
