"""The pages that people see, with the headers that keep them safe."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import make_response
from flask import render_template
from flask import Response

__all__ = ["page"]

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def page(
    template: str,
    *,
    status: int = 200,
    frame_origins: Iterable[str] = (),
    **context: Any,
) -> Response:
    """A page of the package, from a template that the host may override.

    It is never cached, never framed, loads nothing from elsewhere, and gives its
    address, which may hold an ID token, to nobody (RIL-OP-34). There is no
    ``form-action``: browsers apply it to the redirects after a form as well, and
    those lead to the client.

    :param template: Its name below ``idp_session/``.
    :param status: The HTTP status.
    :param frame_origins: The origins that it may load in frames.
    :param context: What the template is given.
    """
    response = make_response(
        render_template(f"idp_session/{template}", **context), status
    )
    frames = " ".join(sorted(set(frame_origins))) or "'none'"
    policy = {**_POLICY, "frame-src": frames}
    response.headers["Content-Security-Policy"] = "; ".join(
        f"{name} {value}" for name, value in policy.items()
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.cache_control.no_store = True

    return response
