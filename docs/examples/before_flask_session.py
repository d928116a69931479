"""A small provider before: everything is in ``flask.session``."""

from accounts import is_password
from flask import Flask
from flask import request
from flask import session
from flask_session import Session


def create_app(cache):
    app = Flask(__name__)
    app.config.from_prefixed_env()
    app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=cache)
    Session(app)

    @app.post("/login")
    def login():
        if not is_password(request.form["username"], request.form["password"]):
            return "Wrong name or password.", 401

        session["user_id"] = request.form["username"]

        return "Welcome."

    @app.post("/language/<language>")
    def choose_language(language):
        session["language"] = language

        return "Chosen."

    @app.get("/")
    def home():
        return f"{session.get('user_id')}, {session.get('language', 'en')}"

    @app.post("/logout")
    def logout():
        session.clear()

        return "Good bye."

    return app
