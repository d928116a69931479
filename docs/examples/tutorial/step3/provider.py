"""A small provider."""

import tomllib

import click
from authlib.oauth2 import OAuth2Error
from flask import abort
from flask import Flask
from flask import redirect
from flask import render_template
from flask import request
from flask import session
from flask import url_for

from idp_session import Principal

from oauth import add_oauth
from oauth import public_keys
from sessions import add_sessions
from sessions import current_user
from sessions import idp_session
from tables import add_person
from tables import engine
from tables import is_password
from tables import metadata


def create_app():
    app = Flask(__name__)
    app.config.from_file("settings.toml", load=tomllib.load, text=False)
    metadata.create_all(engine)
    add_sessions(app)
    add_sign_in(app)
    add_endpoints(app, add_oauth(app))

    @app.cli.command("add-person")
    @click.argument("name")
    @click.argument("password")
    def add(name, password):
        add_person(name, password)

    return app


def add_sign_in(app):
    @app.get("/")
    def home():
        return render_template("home.html", user=current_user())

    @app.get("/login")
    def login():
        return render_template("login.html")

    @app.post("/login")
    def log_in():
        # A form of another site would sign you in as somebody else.
        if request.headers.get("Origin") != app.config["IDP_SESSION_ISSUER"]:
            abort(403)

        name = request.form["name"]

        if not is_password(name, request.form["password"]):
            return render_template("login.html", wrong=True), 401

        idp_session.sign_in(Principal(subject_id=name, amr=("pwd",)))

        return redirect(session.pop("way_back", url_for("home")), 303)


def add_endpoints(app, server):
    @app.get("/authorize")
    def authorize():
        user = current_user()

        if user is None:
            session["way_back"] = request.full_path
            return redirect(url_for("login"))

        try:
            grant = server.get_consent_grant(end_user=user)
        except OAuth2Error as error:
            return server.handle_error_response(None, error)

        return server.create_authorization_response(grant_user=user, grant=grant)

    @app.post("/token")
    def token():
        return server.create_token_response()

    @app.get("/jwks")
    def jwks():
        return public_keys()

    @app.get("/.well-known/openid-configuration")
    def discovery():
        issuer = app.config["IDP_SESSION_ISSUER"]

        return {
            "issuer": issuer,
            "authorization_endpoint": issuer + url_for("authorize"),
            "token_endpoint": issuer + url_for("token"),
            "jwks_uri": issuer + url_for("jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
