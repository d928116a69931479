"""The endpoints of the session and logout specifications, as a blueprint."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from importlib.resources import files

from flask import abort
from flask import Blueprint
from flask import make_response
from flask import render_template
from flask import request
from flask import Response
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from .._protocol.rp_initiated import LogoutParameters
from .._protocol.rp_initiated import LogoutRequest
from . import end_session
from . import logout_progress
from .blueprints import ProtocolBlueprint
from .state import app_state
from .storage_access import use_granted_storage

__all__ = ["CHECK_SESSION", "protocol_blueprint"]

_NAME = "idp_session"
#: The endpoint of the check-session iframe.
CHECK_SESSION = "check_session"

_SCRIPT = files("idp_session._protocol").joinpath("check_session.js").read_text()
_SCRIPT_HASH = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()

LogoutRequestReader = Callable[[], LogoutRequest]


def protocol_blueprint(
    *, read_logout_request: LogoutRequestReader | None = None
) -> Blueprint:
    """The end-session endpoint and the check-session iframe.

    Its addresses are ``endsession``, ``endsession/callback``, ``endsession/progress``
    and ``checksession`` below the prefix that it is registered with. It may be
    registered under another name, and inside of another blueprint.

    :param read_logout_request: Validates the current logout request in another
        way, such as an Authlib server's endpoint
        (:func:`idp_session.integrations.authlib.logout_request_reader`).
    """
    blueprint = ProtocolBlueprint(
        _NAME,
        __name__,
        # Their answers are the same for everybody, or for whoever may ask.
        without_session=(CHECK_SESSION, logout_progress.ENDPOINT),
        template_folder="templates",
        static_folder="static",
        static_url_path="/static",
    )
    reader = read_logout_request or _read_logout_request

    def end_session_view() -> ResponseReturnValue:
        return end_session.respond(reader)

    blueprint.add_url_rule(
        "/endsession", "end_session", end_session_view, methods=["GET", "POST"]
    )
    blueprint.add_url_rule(
        "/endsession/callback", "end_session_callback", end_session.callback
    )
    blueprint.add_url_rule(
        "/endsession/progress", logout_progress.ENDPOINT, logout_progress.progress
    )
    blueprint.add_url_rule("/checksession", CHECK_SESSION, _check_session)

    return blueprint


def _read_logout_request() -> LogoutRequest:
    values = request.values
    # A repeated parameter has no defined meaning: it is not used at all.
    given = {
        name: values.getlist(name)[0]
        for name in LogoutParameters.__dataclass_fields__
        if len(values.getlist(name)) == 1
    }

    return app_state().logout_requests.validate(LogoutParameters(**given))


def _check_session() -> Response:
    state = app_state()
    options = state.options

    if not options.check_session:
        abort(404)

    response = make_response(
        render_template(
            "idp_session/check_session.html",
            # Our own file, whose hash the policy names; data comes by attribute.
            script=Markup(_SCRIPT),  # noqa: S704
            cookie_name=options.check_session_cookie_name,
        )
    )
    # session §3.3: loaded in a hidden frame by any client, on any site, so there
    # is no frame-ancestors here; the script is inline, so that it listens before
    # the first message can come.
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'sha256-{_SCRIPT_HASH}'; base-uri 'none'"
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.cache_control.private = True
    response.cache_control.max_age = 3600

    if state.client_origins is not None:
        use_granted_storage(response, state.client_origins)

    return response
