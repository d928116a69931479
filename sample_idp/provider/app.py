"""The app factory."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import Flask
from flask import request
from flask import Response
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.adapters.key_file import load_or_create_key_set
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.errors import ConfigurationError
from idp_session.flask import protocol_blueprint
from idp_session.flask import session_ended
from idp_session.flask import session_events_blueprint
from idp_session.integrations.authlib import logout_request_reader
from idp_session.stores.sql import create_engine
from idp_session.stores.sql import upgrade

from ..errors import StartError
from ..settings import ProviderSettings
from . import admin
from . import devices
from . import endpoints
from . import people
from .clients import ClientRegistry
from .extension import idp_session
from .oauth import create_server
from .pages import page
from .schema import create_tables
from .tokens import TokenTable

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["create_app"]

_LARGEST_BODY = 256 * 1024


def create_app(settings: ProviderSettings) -> Flask:
    """The provider as a Flask app, with its tables made and its clients loaded.

    :param settings: From the command line.
    :raises StartError: If a setting, a file or the database cannot be used.
    """
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=_LARGEST_BODY,
        SAMPLE_OPEN_REGISTRATION=settings.open_registration,
        **settings.options,
    )

    try:
        engine = _database(settings)
        protector = AesGcmTicketProtector(settings.secret_key)
        clients = ClientRegistry(engine, protector)
        clients.load(settings.client_files)
        signer = KeySetTokenSigner(
            load_or_create_key_set(settings.data / "keys", protector=protector)
        )
        idp_session.init_app(app, clients=clients, signer=signer, engine=engine)
    except ConfigurationError as error:
        raise StartError(str(error)) from error

    _speak_as(app, settings.issuer)
    tokens = TokenTable(engine)
    server = create_server(app, settings, clients=clients, tokens=tokens)
    app.register_blueprint(
        protocol_blueprint(read_logout_request=logout_request_reader(server)),
        url_prefix="/connect",
    )
    app.register_blueprint(session_events_blueprint(), url_prefix="/account")
    app.register_blueprint(people.blueprint)
    app.register_blueprint(devices.blueprint)
    app.register_blueprint(admin.blueprint)
    app.register_blueprint(endpoints.blueprint)
    session_ended.connect(tokens.end_session, app)
    app.extensions |= {
        "sample_clients": clients,
        "sample_server": server,
        "sample_signer": signer,
        "sample_tokens": tokens,
    }
    app.register_error_handler(HTTPException, _error_page)
    app.after_request(_harden)
    # A forked worker must not share the connections of its parent.
    engine.dispose()

    return app


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


def _error_page(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None:
        return error.response

    return page(
        "error.html",
        status=error.code or 500,
        title=error.name,
        text=error.description,
    )


def _harden(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")

    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")

    return response
