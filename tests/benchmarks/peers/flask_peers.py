"""The application with nothing, with Flask's own session, and with Flask-Login."""

from __future__ import annotations

from flask import Flask
from flask import session
from flask_login import current_user
from flask_login import login_user
from flask_login import LoginManager
from flask_login import UserMixin

from .pausing import PAUSE
from .texts import SECRET
from .texts import SUBJECT
from .texts import USER

__all__ = ["bare_app", "flask_login_app", "keeping_in_session", "signed_cookie_app"]


def bare_app() -> Flask:
    """Knows nobody."""
    app = Flask(__name__)

    @app.get("/")
    def home() -> str:
        return SUBJECT

    @app.post("/login")
    def login() -> str:
        return "ok"

    @app.post("/join/<client_id>")
    def join(client_id: str) -> str:
        return client_id

    return app


def keeping_in_session(app: Flask) -> None:
    """Have an application keep its user in ``flask.session``.

    :param app: The application; what that session is, is its own affair.
    """

    @app.post("/login")
    def login() -> str:
        session["user"] = USER
        session["clients"] = []

        return "ok"

    @app.post("/join/<client_id>")
    def join(client_id: str) -> str:
        clients = session["clients"]

        # As the documentation of Flask says: changes of a list are not noticed.
        if client_id not in clients:
            session["clients"] = [*clients, client_id]

        return "ok"

    @app.get("/clients")
    def clients() -> str:
        return " ".join(session["clients"])

    @app.post("/slow")
    def slow() -> str:
        # It has found its user, and goes on after others have had their say.
        session["page"] = f"of {session['user']['sub']}"
        PAUSE.wait_here()

        return "ok"

    @app.post("/logout")
    def logout() -> str:
        session.clear()

        return "ok"

    @app.get("/")
    def home() -> str:
        user = session.get("user")

        return "nobody" if user is None else str(user["sub"])


def signed_cookie_app() -> Flask:
    """The session is in a signed cookie: nothing is stored, and nothing revoked."""
    app = Flask(__name__)
    app.secret_key = SECRET
    keeping_in_session(app)

    return app


class _User(UserMixin):  # type: ignore[misc]  # the package has no types
    id = SUBJECT


def flask_login_app() -> Flask:
    """Flask-Login on the signed cookie, with users that cost nothing to load."""
    app = Flask(__name__)
    app.secret_key = SECRET
    manager = LoginManager(app)
    manager.user_loader(lambda _: _User())

    @app.post("/login")
    def login() -> str:
        login_user(_User())

        return "ok"

    @app.get("/")
    def home() -> str:
        return str(current_user.id) if current_user.is_authenticated else "nobody"

    return app
