"""A small application whose people sign in at the provider."""

import secrets

from authlib.integrations.flask_client import OAuth
from authlib.integrations.flask_client import OAuthError
from flask import Flask
from flask import redirect
from flask import render_template
from flask import session
from flask import url_for

from idp_session.relying_party import FetchedKeys
from idp_session.relying_party import LogoutReceiver
from idp_session.relying_party import LogoutTokenValidator
from idp_session.relying_party import MemoryReplayGuard
from idp_session.relying_party import MemorySessionRegistry

ISSUER = "http://localhost:5000"

app = Flask(__name__)
# A new one at each start: whoever restarts the shop signs everybody out there.
app.secret_key = secrets.token_hex()
provider = OAuth(app).register(
    "provider",
    client_id="shop",
    client_secret="known to the shop and to the provider",
    server_metadata_url=ISSUER + "/.well-known/openid-configuration",
    client_kwargs={"scope": "openid"},
)
sign_ins = MemorySessionRegistry()
validator = LogoutTokenValidator(
    issuer=ISSUER,
    client_id="shop",
    keys=FetchedKeys(ISSUER + "/jwks", allow_http=True),
    seen=MemoryReplayGuard(),
)
receiver = LogoutReceiver(validator, on_back_channel=sign_ins.end)
app.register_blueprint(receiver.blueprint())


def current_user():
    """Who is signed in; asked for each request, since logouts come from outside."""
    return session.get("user") if sign_ins.is_live(session.get("id", "")) else None


@app.get("/")
def home():
    return render_template("shop.html", user=current_user())


@app.get("/login")
def login():
    return provider.authorize_redirect(url_for("callback", _external=True))


@app.get("/callback")
def callback():
    token = provider.authorize_access_token()
    claims = token["userinfo"]
    session["id"] = secrets.token_urlsafe()
    session["user"] = claims["sub"]
    session["id_token"] = token["id_token"]
    sign_ins.remember(
        session["id"],
        issuer=claims["iss"],
        subject=claims["sub"],
        session_id=claims["sid"],
    )

    return redirect(url_for("home"))


@app.post("/logout")
def logout():
    sign_ins.forget(session.pop("id", ""))
    session.pop("user", None)
    id_token = session.pop("id_token", None)

    return provider.logout_redirect(
        post_logout_redirect_uri=url_for("home", _external=True),
        id_token_hint=id_token,
    )


@app.errorhandler(OAuthError)
def refused(error):
    return render_template("shop.html", user=None), 400
