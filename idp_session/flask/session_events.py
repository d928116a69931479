"""The endpoint that tells a page of the provider what happens to its session."""

from __future__ import annotations

from datetime import timedelta

from flask import abort
from flask import Blueprint
from flask import make_response
from flask import request
from flask import Response

from ..adapters.crypto import handle_key
from ..adapters.crypto import is_handle
from ..errors import NotInCookieModeError
from .blueprints import OwnBlueprint
from .state import app_state
from .state import AppState
from .state import KEY
from .state import request_state

__all__ = ["session_events_blueprint"]

_BLUEPRINT = "idp_session_events"
_VIEW = "session_events"

_FULL_RETRY_AFTER = "30"


def session_events_blueprint(
    *,
    keep_alive: timedelta = timedelta(seconds=15),
    lifetime: timedelta = timedelta(minutes=5),
) -> Blueprint:
    """A stream of server-sent events about the session of the browser.

    Its address is ``session-events`` below the prefix that it is registered with,
    its endpoint ``idp_session_events.session_events``. The event ``ended`` is sent
    when the session ends and is the last one, ``changed`` when its data or its
    clients change. The parameter ``session_id`` says which session the page was
    made for. Who has no session, or another one, is answered 204, after which
    browsers do not ask again; ``HEAD`` asks only whether the session goes on. A
    stream is no use of the session: it does not keep it from expiring.

    Each stream may hold a thread of the server. Beyond
    :attr:`.SessionOptions.max_event_streams` the answer is 503.

    :param keep_alive: How long nothing may be sent; a browser that has gone is
        noticed after this time.
    :param lifetime: After which time a stream is over; the browser connects again.
    """
    # A stream may go on for minutes, and is no use of the session.
    blueprint = OwnBlueprint(_BLUEPRINT, __name__, without_session=(_VIEW,))

    def session_events() -> Response:
        return _respond(keep_alive, lifetime)

    blueprint.add_url_rule("/session-events", _VIEW, session_events)
    blueprint.record(lambda setup: _check_mode(setup.app.extensions.get(KEY)))

    return blueprint


def _respond(keep_alive: timedelta, lifetime: timedelta) -> Response:
    # The cookie comes with requests from other sites too, and each stream takes
    # one of few places.
    if request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
        abort(403)

    _check_mode(app_state())

    session_id = _current_session_id()

    if session_id is None or request.args.get("session_id", session_id) != session_id:
        return _empty(204)

    if request.method == "HEAD":
        return _empty(200)

    stream = app_state().streams.open(
        session_id, keep_alive=keep_alive, lifetime=lifetime
    )

    if stream is None:
        response = _empty(503)
        response.headers["Retry-After"] = _FULL_RETRY_AFTER

        return response

    response = Response(stream, mimetype="text/event-stream")
    response.cache_control.no_store = True
    # nginx would keep events back until it has a buffer full of them.
    response.headers["X-Accel-Buffering"] = "no"

    return response


def _check_mode(state: AppState | None) -> None:
    if state is not None and state.options.tickets == "cookie":
        raise NotInCookieModeError("tell a page what happens to its session")


def _current_session_id() -> str | None:
    # Past the user session, which would take this for a use of the session.
    handle = request_state().transport.handle

    if handle is None or not is_handle(handle):
        return None

    current = app_state().reader.read(handle_key(handle), renew=False)

    return None if current is None else current.record.session_id


def _empty(status: int) -> Response:
    response = make_response("", status)
    response.cache_control.no_store = True

    return response
