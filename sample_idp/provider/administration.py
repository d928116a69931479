"""The package's own pages for the administrator, with a check of the sample's."""

from __future__ import annotations

from flask import redirect
from flask import url_for
from werkzeug.wrappers import Response

from idp_session import Principal
from idp_session.flask import admin_blueprint

from .users import ADMINISTRATOR

__all__ = ["blueprint"]


def _is_administrator(user: Principal) -> bool:
    return user.subject_id == ADMINISTRATOR


def _sign_in(way_back: str) -> Response:
    return redirect(url_for("people.login", next=way_back), 303)


blueprint = admin_blueprint(permission=_is_administrator, sign_in=_sign_in)
