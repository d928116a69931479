"""Which pages of other sites may read what, by script (CORS, in the Fetch standard)."""

from __future__ import annotations

from flask import Flask
from flask import request
from flask import Response

from idp_session.ports import ClientOrigins

__all__ = ["share"]

#: What is the same for everybody, and public.
_PUBLIC = {"connect.discovery": "GET", "connect.jwks": "GET"}

#: What clients without a server of their own ask for, with the methods of each.
_FOR_CLIENTS = {
    "connect.token": "POST",
    "connect.userinfo": "GET, POST",
    "connect.revocation": "POST",
}

_HEADERS = "Authorization, Content-Type"
# In seconds. A client that is registered just now is let in soon.
_PREFLIGHT_LIFETIME = "600"


def share(app: Flask, origins: ClientOrigins) -> None:
    """Let pages of clients read what is for them; nobody's cookies are ever involved.

    :param app: The app.
    :param origins: Knows where clients have their pages.
    """

    def allow(response: Response) -> Response:
        endpoint = request.endpoint or ""

        if endpoint in _PUBLIC:
            _allow(response, "*", _PUBLIC[endpoint])
        elif endpoint in _FOR_CLIENTS:
            # A cache must not show one origin what was said to another one.
            response.vary.add("Origin")
            origin = request.headers.get("Origin")

            if origin is not None and origins.is_registered(origin):
                _allow(response, origin, _FOR_CLIENTS[endpoint])

        return response

    app.after_request(allow)


def _allow(response: Response, origin: str, methods: str) -> None:
    response.headers["Access-Control-Allow-Origin"] = origin

    if request.method != "OPTIONS":
        response.headers["Access-Control-Expose-Headers"] = "WWW-Authenticate"
        return

    response.headers["Access-Control-Allow-Methods"] = methods
    response.headers["Access-Control-Allow-Headers"] = _HEADERS
    response.headers["Access-Control-Max-Age"] = _PREFLIGHT_LIFETIME
