"""The pages of the user's own devices, beside the host's sign-in page."""

from flask import redirect
from flask import url_for

from idp_session.flask import devices_blueprint


def to_sign_in(way_back):
    """Leads to the sign-in page, which leads back when it is done."""
    return redirect(url_for("login", next=way_back), 303)


def add_devices(app):
    app.register_blueprint(
        devices_blueprint(sign_in=to_sign_in), url_prefix="/account/devices"
    )
