"""Takes over those who are signed in with ``flask.session``, and what it kept."""

from datetime import datetime
from datetime import UTC

from flask import session

from idp_session import Principal
from idp_session.flask import user_session

# The old session does not know when they proved who they are.
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
DATA = ("language", "theme")


def add_bridge(app, idp_session):
    @app.get("/login")
    def show_login():
        if take_over_sign_in(idp_session):
            return "Welcome back."

        return "Your name and password, please."


def take_over_sign_in(idp_session):
    subject_id = session.pop("user_id", None)

    if user_session.user is not None or subject_id is None:
        return False

    idp_session.sign_in(Principal(subject_id=subject_id, authenticated_at=LONG_AGO))
    user_session.data.update(
        {name: session.pop(name) for name in DATA if name in session}
    )

    return True
