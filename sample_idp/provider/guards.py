"""What holds for every request to the sample, and for every answer."""

from __future__ import annotations

from functools import partial
from urllib.parse import urljoin
from urllib.parse import urlsplit

from flask import Flask
from flask import jsonify
from flask import redirect
from flask import request
from flask import Response
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadHost
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import SecurityError

from idp_session.errors import NotInCookieModeError

from .pages import page

__all__ = ["guard", "plain", "trusted_hosts"]

_LARGEST_BODY = 256 * 1024
_LOOPBACK = ("localhost", "127.0.0.1")

# Programs talk to these, and read errors as JSON (RFC 6749 §5.2).
_FOR_PROGRAMS = frozenset(
    f"/connect/{name}"
    for name in ("token", "userinfo", "revocation", "introspection", "register")
)


def guard(app: Flask, issuer: str) -> None:
    """Refuse what no endpoint has to see, and harden all that is answered.

    :param app: The app.
    :param issuer: Its address; other hosts than this one are not answered for.
    """
    app.config.update(
        MAX_CONTENT_LENGTH=_LARGEST_BODY, TRUSTED_HOSTS=trusted_hosts(issuer)
    )
    app.register_error_handler(HTTPException, _error)
    app.register_error_handler(NotInCookieModeError, _no_list_page)
    app.after_request(partial(_at_home, issuer=issuer))
    app.after_request(_harden)


def plain(text: str) -> str:
    """A text without what a description may not have (RFC 6749 §5.2).

    :param text: The text.
    """
    return "".join(
        c for c in text if c.isascii() and c.isprintable() and c not in '"\\'
    )


def trusted_hosts(issuer: str) -> list[str] | None:
    """The hosts that the provider answers for, or ``None`` for any.

    :param issuer: Its address.
    """
    # Flask writes the Host header into addresses, such as those of the redirects that
    # add a slash: a stranger's would send browsers, or a cache's readers, to them.
    name = urlsplit(issuer).hostname or ""

    if ":" in name:
        # Werkzeug cannot be told to trust an IPv6 address.
        return None

    # Behind a proxy, and to whoever looks after it here, it is on loopback.
    return [*dict.fromkeys((*_LOOPBACK, name))]


def _error(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None:
        return error.response

    if request.path in _FOR_PROGRAMS:
        description = plain(error.description or error.name)

        return (
            jsonify(error="invalid_request", error_description=description),
            error.code or 500,
        )

    if isinstance(error, BadHost | SecurityError):
        # Without a host that is ours Flask can make no address for a page.
        return Response(f"{error.name}\n", error.code, mimetype="text/plain")

    return page(
        "error.html",
        status=error.code or 500,
        title=error.name,
        text=error.description,
    )


def _no_list_page(_: NotInCookieModeError) -> ResponseReturnValue:
    return page(
        "error.html",
        status=404,
        title="There is no list of sessions here",
        text="This provider keeps each session in its own browser, so sessions can be "
        "neither listed nor ended from here. To sign out, do so in each browser.",
    )


def _at_home(response: Response, *, issuer: str) -> Response:
    # TRUSTED_HOSTS does not look at the port, which Flask repeats as well.
    if response.location and response.location.startswith(request.host_url):
        home = urljoin(issuer, "/")
        address = home + response.location.removeprefix(request.host_url)
        response.location = address
        response.set_data(redirect(address).get_data())

    return response


def _harden(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")

    if response.location is not None:
        # It may hold a code, and where it leads depends on who asks.
        response.cache_control.no_store = True

    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")

    return response
