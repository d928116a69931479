"""Redirects that leave every byte of an address as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import make_response
from flask import Response
from werkzeug.datastructures import Headers
from werkzeug.utils import redirect

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["go_on"]


def go_on(uri: str) -> Response:
    """Send the browser on, by GET, without telling where it comes from.

    :param uri: Where to; has been validated.
    """
    response = make_response(redirect(uri, 303, Response=_Onward))
    response.headers["Referrer-Policy"] = "no-referrer"
    response.cache_control.no_store = True

    return response


class _Onward(Response):
    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        headers = super().get_wsgi_headers(environ)
        location = self.headers["Location"]

        # Werkzeug writes addresses anew, and "app:///done" would be "app:/done";
        # rpinitiated §3: to exactly the one that is registered.
        if location.isascii():
            headers["Location"] = location

        return headers
