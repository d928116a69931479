"""A small provider before: Flask-Login knows who is signed in."""

from accounts import find_account
from accounts import is_password
from flask import Flask
from flask import request
from flask_login import current_user
from flask_login import login_required
from flask_login import login_user
from flask_login import LoginManager
from flask_login import logout_user

login_manager = LoginManager()
login_manager.user_loader(find_account)


def create_app():
    app = Flask(__name__)
    app.config.from_prefixed_env()
    login_manager.init_app(app)

    @app.post("/login")
    def login():
        if not is_password(request.form["username"], request.form["password"]):
            return "Wrong name or password.", 401

        login_user(
            find_account(request.form["username"]), remember="remember" in request.form
        )

        return "Welcome."

    @app.post("/logout")
    def logout():
        logout_user()

        return "Good bye."

    @app.get("/account")
    @login_required
    def account():
        return f"This is the account of {current_user.name}."

    return app
