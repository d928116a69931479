"""The app factory."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import Flask

from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.adapters.key_ring import KeyRing
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.errors import ConfigurationError
from idp_session.flask import protocol_blueprint
from idp_session.flask import session_events_blueprint
from idp_session.integrations.authlib import logout_request_reader
from idp_session.stores.sql import create_engine
from idp_session.stores.sql import upgrade

from ..errors import StartError
from ..settings import ProviderSettings
from . import admin
from . import administration
from . import authorization
from . import devices
from . import endpoints
from . import people
from .client_origins import ClientOriginTable
from .clients import ClientRegistry
from .cors import share
from .extension import idp_session
from .guards import guard
from .oauth import create_server
from .schema import create_tables
from .session_tokens import SampleSessionTokens
from .tokens import TokenTable

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["create_app"]


def create_app(settings: ProviderSettings) -> Flask:
    """The provider as a Flask app, with its tables made and its clients loaded.

    :param settings: From the command line.
    :raises StartError: If a setting, a file or the database cannot be used.
    """
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SAMPLE_OPEN_REGISTRATION=settings.open_registration,
        **settings.options,
    )

    try:
        engine = _database(settings)
        protector = AesGcmTicketProtector(settings.secret_key)
        clients = ClientRegistry(engine, protector)
        origins = ClientOriginTable(engine)
        clients.load(settings.client_files)
        keys = KeyRing(settings.data / "keys", protector=protector)
        keys.load()
        signer = KeySetTokenSigner(keys)
        idp_session.init_app(
            app,
            clients=clients,
            client_origins=origins,
            signer=signer,
            engine=engine,
            tokens=SampleSessionTokens(engine),
        )
    except ConfigurationError as error:
        raise StartError(str(error)) from error

    _speak_as(app, settings.issuer)
    tokens = TokenTable(engine)
    server = create_server(app, settings, clients=clients, tokens=tokens)
    app.register_blueprint(
        protocol_blueprint(read_logout_request=logout_request_reader(server)),
        url_prefix="/connect",
    )
    _add_session_events(app)
    app.register_blueprint(people.blueprint)
    app.register_blueprint(
        devices.blueprint, name="devices", url_prefix="/account/sessions"
    )
    app.register_blueprint(admin.blueprint)
    app.register_blueprint(
        administration.blueprint, name="administration", url_prefix="/administration"
    )
    app.register_blueprint(authorization.blueprint)
    app.register_blueprint(endpoints.blueprint)
    app.extensions |= {
        "sample_clients": clients,
        "sample_server": server,
        "sample_signer": signer,
        "sample_tokens": tokens,
    }
    guard(app, settings.issuer)
    share(app, origins)
    # A forked worker must not share the connections of its parent.
    engine.dispose()

    return app


def _add_session_events(app: Flask) -> None:
    # Nothing can be told of sessions that only browsers have.
    if app.config.get("IDP_SESSION_TICKETS") != "cookie":
        app.register_blueprint(session_events_blueprint(), url_prefix="/account")


def _speak_as(app: Flask, issuer: str) -> None:
    # Whether we are reached by https is what the issuer says, and not what the Host
    # header or the last hop of a proxy looks like.
    scheme = issuer.partition(":")[0]
    serve = app.wsgi_app

    def with_scheme(
        environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        environ["wsgi.url_scheme"] = scheme

        return serve(environ, start_response)

    app.wsgi_app = with_scheme  # type: ignore[method-assign]

    if scheme == "http":
        # Authlib's own switch; else it takes plain http on loopback only.
        os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"


def _database(settings: ProviderSettings) -> sa.Engine:
    try:
        engine = create_engine(settings.database)
        upgrade(engine)
        create_tables(engine)
    except (sa.exc.SQLAlchemyError, ImportError) as error:
        where = settings.database.render_as_string(hide_password=True)
        reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
        raise StartError(f"cannot use the database {where}: {reason}") from error

    return engine
