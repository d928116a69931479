"""The user's own devices: where they are signed in, and signing out there."""

from __future__ import annotations

from flask import redirect
from flask import url_for
from werkzeug.wrappers import Response

from idp_session.flask import devices_blueprint

__all__ = ["blueprint"]


def _sign_in(way_back: str) -> Response:
    return redirect(url_for("people.login", next=way_back), 303)


blueprint = devices_blueprint(sign_in=_sign_in)
