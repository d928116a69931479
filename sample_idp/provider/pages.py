"""The sample's own pages, with the headers that keep them safe."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import current_app
from flask import make_response
from flask import render_template
from flask import Response

from .extension import idp_session

__all__ = ["application_names", "client_names", "page"]

# There is no form-action: browsers apply it to what comes after the form as well,
# and after the sign-in form comes the client.
_POLICY = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)


# For a page with a script of ours that talks to us.
_POLICY_WITH_SCRIPT = f"{_POLICY}; script-src 'self'; connect-src 'self'"


def page(
    template: str, *, status: int = 200, script: bool = False, **context: Any
) -> Response:
    """A page of the sample.

    :param template: Its file.
    :param status: The HTTP status.
    :param script: Whether it has a script.
    :param context: What the template is given.
    """
    response = make_response(render_template(template, **context), status)
    response.headers["Content-Security-Policy"] = (
        _POLICY_WITH_SCRIPT if script else _POLICY
    )
    # With "no-referrer" browsers would hide the origin of our own forms from us.
    response.headers["Referrer-Policy"] = "same-origin"
    response.cache_control.no_store = True

    return response


def application_names(session_id: str) -> tuple[str, ...]:
    """What to call the clients of a session, in the order in which they joined.

    :param session_id: The session.
    """
    joined = idp_session.management.participants(session_id)

    return client_names(each.client_id for each in joined)


def client_names(client_ids: Iterable[str]) -> tuple[str, ...]:
    """What to call clients.

    :param client_ids: Their ids.
    """
    clients = current_app.extensions["sample_clients"]
    found = [(client_id, clients.get(client_id)) for client_id in client_ids]

    # A client that was removed meanwhile has no name any more.
    return tuple(client.label if client else name for name, client in found)
