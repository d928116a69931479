"""The Flask extension."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask import Flask

from ..adapters.clock import SystemClock
from ..adapters.dispatch import ThreadDispatcher
from ..adapters.subjects import PublicSubjectIdentifiers
from ..errors import NotInCookieModeError
from ..options import SessionOptions
from ..ports import ClientKeys
from ..ports import ClientOrigins
from ..ports import ClientStore
from ..ports import Clock
from ..ports import DeliveryQueue
from ..ports import Dispatcher
from ..ports import LogoutPolicy
from ..ports import LogoutSender
from ..ports import SessionBroadcast
from ..ports import SessionStore
from ..ports import SessionTokens
from ..ports import SubjectIdentifiers
from ..ports import TokenSigner
from ..ports import UserSession
from ..services.channels import Channels
from ..services.delivery_management import DeliveryManagementService
from ..services.management import SessionManagementService
from .actions import SessionActions
from .blueprints import static_url
from .by_hand import HeldSession
from .cli import commands
from .composition import compose
from .composition import OncePerProcess
from .defaults import default_sender
from .defaults import report_telemetry
from .finishing import finish
from .host_session import spare_unused_session
from .state import app_state
from .state import AppState
from .state import KEY
from .state import session_from
from .state import user_session
from .storage import check_broadcast
from .storage import chosen_stores

__all__ = ["IdpSession"]


def _template_context() -> dict[str, Any]:
    return {"idp_session_static": static_url}


class IdpSession(SessionActions):
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
        tokens: SessionTokens | None = None,
        client_keys: ClientKeys | None = None,
        client_origins: ClientOrigins | None = None,
        dispatcher: Dispatcher | None = None,
        logout_policy: LogoutPolicy | None = None,
    ) -> None:
        """Set the extension up on an app; asks no database and no network.

        :param app: The app; its ``SECRET_KEY`` and ``IDP_SESSION_*`` are read now.
        :param clients: Knows the relying parties.
        :param signer: Signs logout tokens with the provider's published keys.
        :param engine: The database. Default: ``IDP_SESSION_DATABASE_URL``, or a
            SQLite file in the app's instance folder.
        :param store: Keeps sessions instead of the database; needs a queue too.
        :param queue: Keeps deliveries instead of the database; needs a store too,
            unless sessions are in cookies.
        :param sender: Posts logout tokens instead of the one built in.
        :param subjects: Decides which ``sub`` a client gets. Default: the
            subject id itself.
        :param clock: Tells the time.
        :param broadcast: Carries word of sessions between processes, for their
            channels. Default: ``IDP_SESSION_BROADCAST_URL``, or none.
        :param tokens: Revokes the tokens of a session that has ended, and of clients
            that have left one.
        :param client_keys: Knows the keys with which tokens are encrypted for
            clients. Default: what they have registered by value.
        :param client_origins: Knows at which origins clients have pages, for frames
            whose storage the user has allowed. Default: none is known, and the
            frame's script does what it can.
        :param dispatcher: Has deliveries sent elsewhere, such as by Celery; then no
            thread of this process sends any, whatever
            ``IDP_SESSION_DELIVERY_IN_PROCESS`` says.
        :param logout_policy: Decides which logout requests the user is asked about,
            and which lead back. Default: :class:`.DefaultLogoutPolicy`.
        :raises ConfigurationError: If a setting or a collaborator is refused.
        """
        options = SessionOptions.from_config(app.config)

        engine, store, queue = chosen_stores(
            app, options, engine=engine, store=store, queue=queue
        )
        check_broadcast(options, broadcast)
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
            tokens=tokens,
            client_keys=client_keys,
            client_origins=client_origins,
            dispatcher=dispatcher,
            logout_policy=logout_policy,
        )
        app.extensions[KEY] = state
        report_telemetry(app)
        app.cli.add_command(commands)
        start_once = OncePerProcess(partial(self.start_background_work, app))
        spare_unused_session(app)
        app.after_request(partial(finish, start_once=start_once))
        app.context_processor(_template_context)

    @property
    def user_session(self) -> UserSession:
        """The session of the current request, or of :meth:`session_from`."""
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
        """Binds long-lived connections to sessions of the current app.

        :raises NotInCookieModeError: If sessions are in cookies.
        """
        state = app_state()

        if state.options.tickets == "cookie":
            raise NotInCookieModeError("tell channels what happens to a session")

        return state.channels

    def session_from(self, handle: str | None) -> AbstractContextManager[HeldSession]:
        """Work with the session of a handle: in a job, a shell or a test.

        .. code-block:: python

            with app.app_context(), idp_session.session_from(handle) as session:
                user_session.data.set("report", "ready")

        In the block :data:`.user_session`, :meth:`sign_in` and :meth:`sign_out` mean
        that session, also inside a request, whose own session is back afterwards.
        Data is saved when the block is left, but not if that is by an exception. A
        handle that is not known, or ``None``, gives a session of nobody. After a
        sign-in the handle is another one: keep :attr:`.HeldSession.handle`, as
        secret as a password.

        :param handle: The handle. Blocks can be nested, and each thread has its own.
        :raises NotInCookieModeError: If sessions are in cookies, which have no handle
            that anybody could hold.
        """
        if app_state().options.tickets == "cookie":
            raise NotInCookieModeError("work with the session of a handle")

        return session_from(handle)

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

        What is not finished then is given up and given back: another process, or
        this one's successor, may take it at once. Event streams come to their end,
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
