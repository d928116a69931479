"""The administrator's pages, with the host's own check."""

from flask import redirect
from flask import url_for

from idp_session.flask import admin_blueprint

ADMINISTRATORS = {"admin"}


def may_administer(user):
    """Says yes for the host's administrators only."""
    return user.subject_id in ADMINISTRATORS


def to_sign_in(way_back):
    """Leads to the sign-in page, which leads back when it is done."""
    return redirect(url_for("login", next=way_back), 303)


def add_admin(app):
    app.register_blueprint(
        admin_blueprint(permission=may_administer, sign_in=to_sign_in),
        url_prefix="/admin",
    )
