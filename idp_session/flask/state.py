"""What belongs to one app, and to one request of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import current_app
from flask import g
from flask import Request
from flask import request
from werkzeug.local import LocalProxy

from ..options import SessionOptions
from ..ports import ClientStore
from ..ports import Clock
from ..ports import DeliveryQueue
from ..ports import Dispatcher
from ..ports import SessionStore
from ..ports import SubjectIdentifiers
from ..ports import TicketProtector
from ..ports import TokenSigner
from ..ports import UserSession
from ..services.anonymous import AnonymousSessionService
from ..services.background import BackgroundWork
from ..services.channels import Channels
from ..services.data import DataService
from ..services.delivery import DeliveryService
from ..services.delivery_management import DeliveryManagementService
from ..services.ending import EndingService
from ..services.ending import SweepService
from ..services.event_streams import EventStreams
from ..services.logout_requests import LogoutRequestService
from ..services.management import SessionManagementService
from ..services.reading import SessionReader
from ..services.sign_in import SignInService
from ..services.user_session import DefaultUserSession
from .transport import check_session_cookie
from .transport import CookieTransport
from .transport import handle_cookie

__all__ = ["AppState", "RequestState", "app_state", "request_state", "user_session"]

KEY = "idp_session"


@dataclass(frozen=True, kw_only=True, slots=True)
class AppState:
    """The collaborators of one app."""

    options: SessionOptions
    engine: sa.Engine | None
    store: SessionStore
    queue: DeliveryQueue
    clients: ClientStore
    signer: TokenSigner
    subjects: SubjectIdentifiers
    protector: TicketProtector
    clock: Clock
    reader: SessionReader
    sign_in: SignInService
    anonymous: AnonymousSessionService
    data: DataService
    ending: EndingService
    sweep: SweepService
    delivery: DeliveryService
    background: BackgroundWork
    logout_requests: LogoutRequestService
    dispatcher: Dispatcher
    management: SessionManagementService
    deliveries: DeliveryManagementService
    channels: Channels
    streams: EventStreams


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestState:
    """The session of one request and the cookies that carry it."""

    #: Which request; one application context may see several.
    request: Request
    transport: CookieTransport
    user_session: DefaultUserSession


def app_state() -> AppState:
    """The collaborators of the current app.

    :raises RuntimeError: If the extension was not set up on it.
    """
    try:
        state: AppState = current_app.extensions[KEY]
    except KeyError:
        raise RuntimeError(
            "IdpSession is not set up on this app; call init_app(app, …) first"
        ) from None

    return state


def request_state() -> RequestState:
    """The session of the current request, made when it is first asked for."""
    this: Request = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    state: RequestState | None = g.get(KEY)

    if state is None or state.request is not this:
        state = _new_request_state(app_state(), this)
        setattr(g, KEY, state)

    return state


def _new_request_state(app: AppState, this: Request) -> RequestState:
    root: str = current_app.config["APPLICATION_ROOT"]
    transport = CookieTransport(
        this,
        handle=handle_cookie(app.options, root=root),
        session_id=check_session_cookie(app.options, root=root),
    )
    user_session = DefaultUserSession(
        transport=transport,
        store=app.store,
        reader=app.reader,
        sign_in=app.sign_in,
        anonymous=app.anonymous,
        data=app.data,
        ending=app.ending,
        clock=app.clock,
        options=app.options,
        subjects=app.subjects,
        clients_changed=app.channels.clients_changed,
        data_changed=app.channels.data_changed,
    )

    return RequestState(request=this, transport=transport, user_session=user_session)


def _user_session() -> Any:
    return request_state().user_session


#: The :class:`.UserSession` of the current request.
user_session: UserSession = LocalProxy(_user_session)  # type: ignore[assignment]
