"""What a client answers in a frame of the provider's logout page."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import g
from flask import make_response
from flask import render_template_string
from flask import request
from flask import request_finished
from flask import Response
from flask.sansio.app import App

from .._protocol.content_security_policy import enforced
from .._protocol.content_security_policy import PagePolicy

__all__ = ["FrontChannel"]

_HEADER = "Content-Security-Policy"
_KEY = "idp_session_front_channel"
_NONCE_BYTES = 18
_PAGE = """<!doctype html>
<html lang="en">
<title>Signing out</title>
{% if state %}
<script nonce="{{ nonce }}" data-provider="{{ provider }}" data-state="{{ state }}">
  const { provider, state } = document.currentScript.dataset;
  const type = "idp_session.front_channel_logout";
  window.parent.postMessage({ type, state }, provider);
</script>
{% endif %}
<p>This page signs you out.</p>
</html>
"""


class FrontChannel:
    """The view at ``frontchannel_logout_uri``.

    :param issuer: The provider's issuer identifier, as in the ID tokens.
    :param end: Ends sessions; what it returns says whether it found any.
    :param session_required: Whether nothing is done without issuer and session id.
    """

    def __init__(
        self,
        *,
        issuer: str,
        end: Callable[[str | None, str | None], object],
        session_required: bool,
    ) -> None:
        self._issuer = issuer
        self._end = end
        self._session_required = session_required
        self._provider = _origin(issuer)

    def __call__(self) -> Response:
        """End what the request names, and tell the provider's page."""
        state = self._state()
        nonce = secrets.token_urlsafe(_NONCE_BYTES)
        page = render_template_string(
            _PAGE, nonce=nonce, provider=self._provider, state=state
        )
        policy = self._policy(nonce if state else None)
        setattr(g, _KEY, (request.environ, policy))

        return make_response(page)

    def protect(self, app: App) -> None:
        """Merge the policy of the page with the app's own, after all of its hooks.

        :param app: The app.
        """
        request_finished.connect(_merge, app)

    def _state(self) -> str | None:
        issuers, session_ids = request.args.getlist("iss"), request.args.getlist("sid")

        # frontchannel §2: both or neither. What does not match is not for us, and
        # the answer does not tell.
        if issuers == [self._issuer] and len(session_ids) == 1 and all(session_ids):
            found = self._end(issuers[0], session_ids[0])
        elif not issuers and not session_ids and not self._session_required:
            found = self._end(None, None)
        else:
            return None

        return "signed-out" if found is None or found else "no-session"

    def _policy(self, nonce: str | None) -> PagePolicy:
        frames = {"frame-ancestors": (self._provider,)}
        scripts = {"script-src": (f"'nonce-{nonce}'",)} if nonce else {}
        sandbox = {"sandbox": ("allow-same-origin", "allow-scripts")}

        return PagePolicy(
            needs={**frames, **scripts, **sandbox},
            alone={"default-src": ("'none'",), **frames},
            # The script is inline, which such an app allows already.
            instead_of_nonce=(),
        )


def _merge(_: App, *, response: Response, **__: Any) -> None:
    environ, policy = g.pop(_KEY, (None, None))

    # One application context may see several requests.
    if policy is not None and environ is request.environ:
        headers = response.headers
        headers.setlist(_HEADER, enforced(headers.getlist(_HEADER), policy))


def _origin(url: str) -> str:
    parts = urlsplit(url)

    return f"{parts.scheme}://{parts.netloc}"
