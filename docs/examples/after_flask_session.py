"""The same provider after: the sign-in and its data are in idp_session."""

from accounts import is_password
from flask import Flask
from flask import request
from flask import session

from idp_session import Client
from idp_session import Principal
from idp_session.flask import IdpSession
from idp_session.flask import user_session

idp_session = IdpSession()
clients = {"shop": Client(client_id="shop")}


def create_app(signer):
    app = Flask(__name__)
    app.config.from_prefixed_env()
    idp_session.init_app(app, clients=clients, signer=signer)

    @app.post("/login")
    def login():
        if not is_password(request.form["username"], request.form["password"]):
            return "Wrong name or password.", 401

        session.pop("user_id", None)  # a sign-in from before
        user = Principal(subject_id=request.form["username"], amr=("pwd",))
        idp_session.sign_in(user)

        return "Welcome."

    @app.post("/language/<language>")
    def choose_language(language):
        user_session.data.set("language", language)

        return "Chosen."

    @app.get("/")
    def home():
        user = user_session.user
        language = user_session.data.get("language", "en")

        return f"{user and user.subject_id}, {language}"

    @app.post("/logout")
    def logout():
        session.clear()
        idp_session.sign_out()

        return "Good bye."

    return app
