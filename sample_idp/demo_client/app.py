"""The application factory of the demo client."""

from __future__ import annotations

from flask import Flask
from flask import request
from flask import Response
from werkzeug.exceptions import HTTPException

from idp_session.relying_party import LogoutReceiver
from idp_session.relying_party import LogoutTokenValidator
from idp_session.relying_party import MemoryReplayGuard
from idp_session.relying_party import MemorySessionRegistry

from .browsers import BrowserSessions
from .provider import Provider
from .settings import ClientSettings
from .settings import ThemeColour
from .sign_ins import SignIns
from .views import Collaborators
from .views import EXTENSION
from .views import pages
from .views import show_http_error

__all__ = ["create_app"]


def create_app(
    *,
    name: str,
    client_id: str,
    client_secret: str,
    issuer: str,
    base_url: str,
    cookie_name: str,
    theme_colour: ThemeColour = "green",
    secure_cookies: bool = True,
) -> Flask:
    """Make one demo client. It keeps its sessions in the memory of one process.

    :param name: What the pages call it.
    :param client_id: Its id at the provider.
    :param client_secret: Its secret at the provider.
    :param issuer: The issuer identifier of the provider.
    :param base_url: Where browsers reach the client, such as
        ``http://127.0.0.1:5001``.
    :param cookie_name: The name of its cookie, unlike that of any other client on
        the same host.
    :param theme_colour: The accent of its pages.
    :param secure_cookies: Whether the cookie is ``SameSite=None; Secure``, so that
        it travels in the frames of the provider's logout page.
    """
    settings = ClientSettings(
        name=name,
        client_id=client_id,
        client_secret=client_secret,
        issuer=issuer,
        base_url=base_url,
        cookie_name=cookie_name,
        theme_colour=theme_colour,
        secure_cookies=secure_cookies,
    )
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    _install(app, settings)
    app.register_blueprint(pages)
    app.register_error_handler(HTTPException, show_http_error)
    app.context_processor(lambda: {"client": settings})
    app.after_request(lambda response: _protected(response, settings))

    return app


def _install(app: Flask, settings: ClientSettings) -> None:
    registry = MemorySessionRegistry()
    browsers = BrowserSessions(
        cookie_name=settings.cookie_name,
        secure=settings.secure_cookies,
        forgotten=registry.forget,
    )
    provider = Provider(app, settings)
    sign_ins = SignIns(issuer=settings.issuer, registry=registry, browsers=browsers)
    validator = LogoutTokenValidator(
        issuer=settings.issuer,
        client_id=settings.client_id,
        keys=provider.keys,
        seen=MemoryReplayGuard(),
    )
    receiver = LogoutReceiver(
        validator,
        on_back_channel=sign_ins.end_back_channel,
        on_front_channel=sign_ins.end_front_channel,
        front_channel_session_required=True,
    )
    app.session_interface = browsers
    app.extensions[EXTENSION] = Collaborators(
        settings=settings, provider=provider, sign_ins=sign_ins
    )
    app.register_blueprint(receiver.blueprint())


def _protected(response: Response, settings: ClientSettings) -> Response:
    # What answers a hidden frame of the client's own page may be framed by it.
    framed = request.path in {"/silent", "/callback"}
    provider = settings.provider_origin
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "frame-src": f"'self' {provider}",
        "form-action": f"'self' {provider}",
        "frame-ancestors": "'self'" if framed else "'none'",
        "base-uri": "'none'",
    }
    headers = response.headers
    headers.setdefault(
        "Content-Security-Policy", "; ".join(map(" ".join, policy.items()))
    )
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("X-Content-Type-Options", "nosniff")

    if request.endpoint != "static":
        headers.setdefault("Cache-Control", "no-store")

    return response
