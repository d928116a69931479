"""Takes over those whom Flask-Login has signed in, without asking them again."""

from datetime import datetime
from datetime import UTC

from after_flask_login import idp_session
from after_flask_login import login_manager
from flask import request
from flask_login import current_user
from flask_login import logout_user

from idp_session import Principal
from idp_session.flask import user_session

# Flask-Login does not know when they proved who they are.
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def add_bridge(app, find_account):
    # What Flask-Login's own cookies say goes on counting, for those not yet here.
    login_manager.user_loader(find_account)

    @app.get("/login")
    def show_login():
        if take_over_sign_in():
            return "Welcome back."

        return "Your name and password, please."


def take_over_sign_in():
    if user_session.user is not None or not current_user.is_authenticated:
        return False

    user = Principal(subject_id=current_user.get_id(), authenticated_at=LONG_AGO)
    remembered = "remember_token" in request.cookies
    logout_user()
    idp_session.sign_in(user, persistent=remembered)

    return True
