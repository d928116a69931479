"""The endpoint that tells the signed-out page how the sign-out goes on."""

from __future__ import annotations

import json
from typing import Any

from flask import jsonify
from flask import make_response
from flask import request
from flask import Response

from .applications import Application
from .applications import applications_of
from .state import app_state

__all__ = ["ENDPOINT", "progress", "seal_progress"]

#: The name of the view in the protocol blueprint.
ENDPOINT = "end_session_progress"

_PURPOSE = "logout-progress"
# Not in the address, which servers and proxies write into their logs. A page of
# another site cannot send a header of this kind without asking first.
_HEADER = "X-Logout-Progress"


def seal_progress(
    session_id: str, *, until: float, client_id: str | None = None
) -> str:
    """What a page has to bring to hear how one logout goes on.

    :param session_id: The session that has ended.
    :param until: For how long it is good; a timestamp.
    :param client_id: The only client that it is about.
    """
    page = {"session_id": session_id, "until": until, "client_id": client_id}
    plaintext = json.dumps(page).encode()

    return app_state().protector.seal(plaintext, purpose=_PURPOSE).hex()


def progress() -> Response:
    """What there is to say now of the applications of one logout.

    Whoever does not bring what the page was given is answered 404, as is whoever
    brings it too late.
    """
    page = _opened(request.headers.get(_HEADER, ""))

    if page is None:
        response = make_response("", 404)
    else:
        response = jsonify(_progress_of(page["session_id"], page["client_id"]))

    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.cache_control.no_store = True

    return response


def _progress_of(session_id: str, client_id: str | None) -> dict[str, object]:
    deliveries = [
        each
        for each in app_state().queue.of_session(session_id)
        if client_id in {None, each.client_id}
    ]
    found = applications_of(session_id, deliveries)
    applications = [application for application in found if application.reachable]

    return {
        "applications": [_shown(application) for application in applications],
        "complete": not any(each.may_change for each in applications),
    }


def _shown(application: Application) -> dict[str, object]:
    return {
        "key": application.key,
        "name": application.name,
        "state": application.state,
        "waiting": application.may_change,
    }


def _opened(text: str) -> dict[str, Any] | None:
    try:
        sealed = bytes.fromhex(text)
    except ValueError:
        return None

    plaintext = app_state().protector.open(sealed, purpose=_PURPOSE)
    page = None if plaintext is None else json.loads(plaintext)

    if page is None or page["until"] < app_state().clock.now().timestamp():
        return None

    return dict(page)
