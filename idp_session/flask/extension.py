"""The Flask extension."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial

import sqlalchemy as sa
from flask import current_app
from flask import Flask
from flask import request
from flask import Response

from ..adapters.clock import SystemClock
from ..adapters.dispatch import ThreadDispatcher
from ..adapters.subjects import PublicSubjectIdentifiers
from ..errors import ConfigurationError
from ..models import AuthenticationProperties
from ..models import EndedSession
from ..models import Lifetime
from ..models import LogoutReason
from ..models import Principal
from ..options import SessionOptions
from ..ports import ClientStore
from ..ports import Clock
from ..ports import DeliveryQueue
from ..ports import LogoutSender
from ..ports import SessionBroadcast
from ..ports import SessionStore
from ..ports import SubjectIdentifiers
from ..ports import TokenSigner
from ..ports import UserSession
from ..services.channels import Channels
from ..services.delivery_management import DeliveryManagementService
from ..services.management import SessionManagementService
from ..stores.sql import SqlDeliveryQueue
from ..stores.sql import SqlSessionStore
from . import signals
from .cli import commands
from .composition import compose
from .composition import default_engine
from .composition import default_sender
from .composition import OncePerProcess
from .protocol import BLUEPRINT
from .protocol import CHECK_SESSION
from .session_events import ENDPOINT as SESSION_EVENTS
from .state import app_state
from .state import AppState
from .state import KEY
from .state import request_state
from .state import user_session

__all__ = ["IdpSession"]

_SERVER_ERRORS = 500


class IdpSession:
    """Sessions and single logout for a Flask provider; it knows no app itself.

    .. code-block:: python

        idp_session = IdpSession()

        def create_app():
            app = Flask(__name__)
            app.config.from_prefixed_env()
            idp_session.init_app(app, clients=clients, signer=signer)
            app.register_blueprint(protocol_blueprint(), url_prefix="/connect")
            return app
    """

    def init_app(
        self,
        app: Flask,
        *,
        clients: ClientStore,
        signer: TokenSigner,
        engine: sa.Engine | None = None,
        store: SessionStore | None = None,
        queue: DeliveryQueue | None = None,
        sender: LogoutSender | None = None,
        subjects: SubjectIdentifiers | None = None,
        clock: Clock | None = None,
        broadcast: SessionBroadcast | None = None,
    ) -> None:
        """Set the extension up on an app; does no IO.

        :param app: The app; its ``SECRET_KEY`` and ``IDP_SESSION_*`` are read now.
        :param clients: Knows the relying parties.
        :param signer: Signs logout tokens with the provider's published keys.
        :param engine: The database. Default: ``IDP_SESSION_DATABASE_URL``, or a
            SQLite file in the app's instance folder.
        :param store: Keeps sessions instead of the database; needs a queue too.
        :param queue: Keeps deliveries instead of the database; needs a store too.
        :param sender: Posts logout tokens instead of the one built in.
        :param subjects: Decides which ``sub`` a client gets. Default: the
            subject id itself.
        :param clock: Tells the time.
        :param broadcast: Carries word of sessions between processes, for their
            channels. Default: ``IDP_SESSION_BROADCAST_URL``, or none.
        :raises ConfigurationError: If a setting or a collaborator is refused.
        """
        options = SessionOptions.from_config(app.config)

        if (store is None) != (queue is None):
            raise ConfigurationError(
                "give store and queue together: one transaction spans both"
            )

        if store is None or queue is None:
            engine = engine or default_engine(app, options)
            store, queue = SqlSessionStore(engine), SqlDeliveryQueue(engine)

        state = compose(
            app,
            options,
            clients=clients,
            signer=signer,
            engine=engine,
            store=store,
            queue=queue,
            sender=sender or default_sender(options),
            subjects=subjects or PublicSubjectIdentifiers(),
            clock=clock or SystemClock(),
            broadcast=broadcast,
        )
        app.extensions[KEY] = state
        app.cli.add_command(commands)
        app.before_request(OncePerProcess(partial(self.start_background_work, app)))
        app.after_request(_finish)

    @property
    def user_session(self) -> UserSession:
        """The session of the current request."""
        return user_session

    @property
    def management(self) -> SessionManagementService:
        """Finds, lists and ends sessions of the current app."""
        return app_state().management

    @property
    def deliveries(self) -> DeliveryManagementService:
        """Lists deliveries of the current app, and has them tried again."""
        return app_state().deliveries

    @property
    def channels(self) -> Channels:
        """Binds long-lived connections to sessions of the current app."""
        return app_state().channels

    def sign_in(
        self,
        principal: Principal,
        *,
        persistent: bool = False,
        items: Mapping[str, str] | None = None,
        lifetime: Lifetime | None = None,
    ) -> str:
        """Sign a user in, in this browser; cookies go out with this response.

        :param principal: Who has just proved who they are.
        :param persistent: Whether the browser keeps the session after it is closed.
        :param items: Strings to keep with the sign-in.
        :param lifetime: How long the session lasts, instead of what the settings say.
        :returns: The session id: the one there was, if the same subject signs in
            again; otherwise a new one.
        :raises SessionLimitError: If the subject has too many sessions already, and
            the settings say to refuse one more; nothing has changed then.
        """
        properties = AuthenticationProperties(
            persistent=persistent, items=items or {}, lifetime=lifetime
        )
        session_id = request_state().user_session.create_session_id(
            principal, properties
        )
        signals.send(
            signals.session_started,
            _this_app(),
            session_id=session_id,
            principal=principal,
        )

        return session_id

    def sign_out(
        self, *, reason: LogoutReason = LogoutReason.USER
    ) -> EndedSession | None:
        """End the session of this browser; every client of it is told.

        :param reason: Why.
        :returns: The ended session, ``None`` if nobody was signed in.
        """
        return request_state().user_session.end(reason)

    def end(self, session_id: str, *, reason: LogoutReason) -> EndedSession | None:
        """End any session; every client of it is told.

        :param session_id: Which.
        :param reason: Why.
        :returns: The ended session, ``None`` if there is none.
        """
        return app_state().ending.end(session_id, reason=reason)

    def end_all(self, *, subject_id: str, reason: LogoutReason) -> int:
        """End every session of a subject; every client of them is told.

        :param subject_id: Whose.
        :param reason: Why.
        :returns: How many sessions were ended.
        """
        return app_state().ending.end_all(subject_id=subject_id, reason=reason)

    def is_live(self, session_id: str) -> bool:
        """Whether somebody's session exists and has not expired.

        :param session_id: Which; a provider asks before it exchanges a code.
        """
        state = app_state()
        session = state.store.find(session_id)

        return (
            session is not None
            and session.subject_id is not None
            and session.expires_at > state.clock.now()
        )

    def touch(self, session_id: str) -> bool:
        """Tell that a client has used a token of a session.

        Call it from the token and introspection endpoints. If
        ``client_activity_renews`` is set, that is a use of the session, which is
        renewed as by a request of the browser; a session that has expired is ended.

        :param session_id: Which; one that is gone is no error.
        :returns: Whether the session exists and has not expired.
        """
        return app_state().reader.touch(session_id)

    def start_background_work(self, app: Flask) -> None:
        """Deliver what is owed from before this process began.

        The first request does so too; a server calls it when a worker process has
        been forked, so that nobody has to wait for a request.

        :param app: The app.
        """
        dispatcher = app.extensions[KEY].dispatcher

        if isinstance(dispatcher, ThreadDispatcher):
            dispatcher.start()

    def stop_background_work(self, app: Flask, *, timeout: timedelta) -> bool:
        """Let running deliveries finish and begin no new ones.

        What is not finished then is taken over by another process, or by this
        one's successor, when its lease is over. Event streams come to their end,
        and channels hear nothing more.

        :param app: The app.
        :param timeout: How long to wait.
        :returns: Whether all of them had finished.
        """
        state: AppState = app.extensions[KEY]
        state.streams.stop()
        state.channels.stop()

        if isinstance(state.dispatcher, ThreadDispatcher):
            return state.dispatcher.stop(timeout)

        return True


def _this_app() -> Flask:
    return current_app._get_current_object()  # type: ignore[attr-defined, no-any-return]  # noqa: SLF001


def _finish(response: Response) -> Response:
    # A stream may go on for minutes, and is no use of the session.
    if _is_shared(request.endpoint) or request.endpoint == SESSION_EVENTS:
        return response

    state = request_state()

    # What a request has left half done, it has not done.
    if response.status_code < _SERVER_ERRORS:
        state.user_session.save()

    state.user_session.ensure_session_id_cookie()
    state.transport.write_to(response)

    return response


def _is_shared(endpoint: str | None) -> bool:
    # Answers that are the same for everybody: no look at the session, no cookie.
    if endpoint is None:
        return False

    return (
        endpoint == f"{BLUEPRINT}.{CHECK_SESSION}"
        or endpoint.rpartition(".")[2] == "static"
    )
