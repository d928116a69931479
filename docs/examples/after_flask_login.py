"""The same provider after: idp_session knows, and Flask-Login asks it."""

from accounts import find_account
from accounts import is_password
from flask import Flask
from flask import request
from flask_login import current_user
from flask_login import login_required
from flask_login import LoginManager
from flask_login import logout_user

from idp_session import Client
from idp_session import Principal
from idp_session.flask import IdpSession
from idp_session.flask import user_session

idp_session = IdpSession()
login_manager = LoginManager()
clients = {"shop": Client(client_id="shop")}


@login_manager.request_loader
def load_account(_request):
    user = user_session.user

    return None if user is None else find_account(user.subject_id)


def create_app(signer):
    app = Flask(__name__)
    app.config.from_prefixed_env()
    idp_session.init_app(app, clients=clients, signer=signer)
    login_manager.init_app(app)

    @app.post("/login")
    def login():
        if not is_password(request.form["username"], request.form["password"]):
            return "Wrong name or password.", 401

        logout_user()  # what Flask-Login still knows from before
        user = Principal(subject_id=request.form["username"], amr=("pwd",))
        idp_session.sign_in(user, persistent="remember" in request.form)

        return "Welcome."

    @app.post("/logout")
    def logout():
        logout_user()
        idp_session.sign_out()

        return "Good bye."

    @app.get("/account")
    @login_required
    def account():
        return f"This is the account of {current_user.name}."

    return app
