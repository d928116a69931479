"""The Content-Security-Policy of our pages, together with that of the host."""

from __future__ import annotations

import secrets
from typing import Any

from flask import current_app
from flask import Flask
from flask import g
from flask import request
from flask import request_finished
from flask import Response

from .._protocol.content_security_policy import enforced
from .._protocol.content_security_policy import PagePolicy
from .._protocol.content_security_policy import reported

__all__ = ["new_nonce", "protect"]

_HEADER = "Content-Security-Policy"
_REPORT_ONLY = "Content-Security-Policy-Report-Only"
_KEY = "idp_session_page_policy"
_NONCE_BYTES = 18


def new_nonce() -> str:
    """Random characters by which one response knows its own scripts and styles."""
    return secrets.token_urlsafe(_NONCE_BYTES)


def protect(page: PagePolicy) -> None:
    """Have the answer to this request sent with this policy and the host's.

    The two are merged after all hooks of the app: whatever a view, ``after_request``
    or an extension of the host has set is there by then; only what a server or a WSGI
    middleware adds comes later.

    :param page: What the answer needs.
    """
    setattr(g, _KEY, (request.environ, page))
    # Again does nothing; and where no page of ours is shown, no answer is looked at.
    request_finished.connect(_merge, _this_app())


def _this_app() -> Flask:
    return current_app._get_current_object()  # type: ignore[attr-defined, no-any-return]  # noqa: SLF001


def _merge(sender: Flask, *, response: Response, **_: Any) -> None:
    environ, page = g.pop(_KEY, (None, None))

    # One application context may see several requests.
    if page is None or environ is not request.environ:
        return

    headers = response.headers
    headers.setlist(_HEADER, enforced(headers.getlist(_HEADER), page))

    if _REPORT_ONLY in headers:
        headers.setlist(_REPORT_ONLY, reported(headers.getlist(_REPORT_ONLY), page))
