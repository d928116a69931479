"""What runs after each request: data is saved, and cookies go out."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response

from .blueprints import leaves_session_alone
from .state import state_of
from .state import this_request

__all__ = ["finish"]

_SERVER_ERRORS = 500


def finish(response: Response, *, start_once: Callable[[], None]) -> Response:
    """Save what the request has changed, and give the browser its cookies.

    :param response: The answer.
    :param start_once: Starts the work in the background, if this process has not.
    :returns: The same one.
    """
    start_once()

    this = this_request()

    if this is None or leaves_session_alone(this):
        return response

    state = state_of(this)

    # What a request has left half done, it has not done.
    if response.status_code < _SERVER_ERRORS:
        state.user_session.save()

    # The end of a WebSocket is no use of the session, and tells the browser nothing.
    if state.transport.can_issue:
        state.user_session.ensure_session_id_cookie()
        state.transport.write_to(response)

    return response
