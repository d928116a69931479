"""What belongs to one app, and to one request of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa
from flask import has_app_context
from flask import has_request_context
from flask import Request
from flask import request
from flask.ctx import AppContext
from flask.globals import app_ctx
from werkzeug.local import LocalProxy

from ..options import SessionOptions
from ..ports import ClientOrigins
from ..ports import ClientStore
from ..ports import Clock
from ..ports import DeliveryQueue
from ..ports import Dispatcher
from ..ports import LogoutSender
from ..ports import SessionStore
from ..ports import SubjectIdentifiers
from ..ports import TicketProtector
from ..ports import TokenEncrypter
from ..ports import TokenSigner
from ..ports import UserSession
from ..services.background import BackgroundWork
from ..services.channels import Channels
from ..services.collaborators import SessionServices
from ..services.delivery import DeliveryService
from ..services.delivery_management import DeliveryManagementService
from ..services.ending import EndingService
from ..services.event_streams import EventStreams
from ..services.logout_decisions import LogoutDecisionService
from ..services.logout_requests import LogoutRequestService
from ..services.management import SessionManagementService
from ..services.reading import SessionReader
from ..services.recent_logouts import RecentLogouts
from ..services.sweeping import SweepService
from ..services.user_session import DefaultUserSession
from ..stores.cookie import SessionJar
from .by_hand import given_instead
from .by_hand import HeldSession
from .by_hand import instead
from .by_hand import is_any_given
from .catalogs import Catalogs
from .origin import request_origin
from .transport import HandleTransport
from .transport import ResponseTransport
from .transport import TicketCookieTransport
from .transport import TransportChoice

__all__ = [
    "AppState",
    "RequestState",
    "app_state",
    "carried_session",
    "current_session",
    "request_state",
    "session_from",
    "state_of",
    "this_request",
    "user_session",
]

KEY = "idp_session"


@dataclass(frozen=True, kw_only=True, slots=True)
class AppState:
    """The collaborators of one app."""

    options: SessionOptions
    engine: sa.Engine | None
    store: SessionStore
    queue: DeliveryQueue
    clients: ClientStore
    client_origins: ClientOrigins | None
    signer: TokenSigner
    encrypter: TokenEncrypter
    sender: LogoutSender
    subjects: SubjectIdentifiers
    protector: TicketProtector
    clock: Clock
    transports: TransportChoice
    reader: SessionReader
    sessions: SessionServices
    ending: EndingService
    sweep: SweepService
    delivery: DeliveryService
    background: BackgroundWork
    logout_requests: LogoutRequestService
    logout_decisions: LogoutDecisionService
    recent_logouts: RecentLogouts
    dispatcher: Dispatcher
    management: SessionManagementService
    deliveries: DeliveryManagementService
    channels: Channels
    streams: EventStreams
    catalogs: Catalogs


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestState:
    """The session of one request and what carries it."""

    #: Which request; one application context may see several.
    request: Request
    transport: ResponseTransport
    user_session: DefaultUserSession


def app_state() -> AppState:
    """The collaborators of the current app.

    :raises RuntimeError: If the extension was not set up on it.
    """
    return _app_state(_app_context())


def _app_state(context: AppContext) -> AppState:
    try:
        state: AppState = context.app.extensions[KEY]
    except KeyError:
        raise RuntimeError(
            "IdpSession is not set up on this app; call init_app(app, …) first"
        ) from None

    return state


def request_state() -> RequestState:
    """The request's own session, made when it is first asked for.

    :raises RuntimeError: If there is no request.
    """
    this = this_request()

    if this is None:
        raise RuntimeError(
            "there is no request here, and so no session; in a job, a shell or a "
            "test put the code into `with idp_session.session_from(handle):`, inside "
            "of `with app.app_context():`"
        )

    return state_of(this)


def state_of(this: Request) -> RequestState:
    """The session of the current request, made when it is first asked for.

    :param this: The current request.
    """
    context = _app_context()
    state: RequestState | None = context.g.get(KEY)

    if state is None or state.request is not this:
        state = _new_request_state(this, _app_state(context))
        setattr(context.g, KEY, state)

    return state


def _app_context() -> AppContext:
    # Each name that is looked up on a proxy costs as much as the proxy does.
    return app_ctx._get_current_object()  # type: ignore[attr-defined, no-any-return]  # noqa: SLF001


def _new_request_state(this: Request, app: AppState) -> RequestState:
    transport = app.transports.transport_for(this)
    user_session = DefaultUserSession(
        app.sessions,
        transport=transport,
        find_origin=partial(request_origin, this, app.options),
    )

    return RequestState(request=this, transport=transport, user_session=user_session)


def current_session() -> DefaultUserSession:
    """The session that was given by hand, or else that of the current request.

    :raises RuntimeError: If there is neither.
    """
    given = None

    # Nothing is given in an ordinary request, and who asks in which app costs time.
    if is_any_given() and has_app_context():
        given = given_instead(app=app_state(), request=this_request())

    return request_state().user_session if given is None else given


@contextmanager
def session_from(handle: str | None) -> Iterator[HeldSession]:
    """Work with the session of a handle; see :meth:`.IdpSession.session_from`.

    :param handle: The handle.
    :raises TypeError: If it is none, such as bytes.
    """
    if handle is not None and not isinstance(handle, str):
        raise TypeError("a handle is a str, or None for nobody")

    app = app_state()
    session = HeldSession(app.sessions, transport=HandleTransport(handle))

    with instead(session, app=app, request=this_request()):
        yield session
        session.save()


def this_request() -> Request | None:
    """The current request, if there is one."""
    try:
        return request._get_current_object()  # type: ignore[attr-defined, no-any-return]  # noqa: SLF001
    except RuntimeError:
        return None


def carried_session() -> SessionJar | None:
    """The session that the current request carries in its cookie.

    :returns: ``None`` outside of a request.
    """
    transport = request_state().transport if has_request_context() else None

    return transport.jar if isinstance(transport, TicketCookieTransport) else None


#: The current :class:`.UserSession`.
user_session: UserSession = LocalProxy(current_session)  # type: ignore[assignment]
