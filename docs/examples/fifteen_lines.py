"""A working logout in fifteen lines, beside what is imported."""

from accounts import is_password
from flask import Flask
from flask import redirect
from flask import request
from joserfc.jwk import KeySet

from idp_session import Client
from idp_session import Principal
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.flask import IdpSession
from idp_session.flask import protocol_blueprint
from idp_session.flask import user_session

SHOP = Client(client_id="shop", back_channel_logout_uri="https://shop.example/logout")
idp_session = IdpSession()


def create_app():
    app = Flask(__name__)
    app.config.from_prefixed_env()
    signer = KeySetTokenSigner(KeySet.generate_key_set("RSA", 2048))
    idp_session.init_app(app, clients={"shop": SHOP}, signer=signer)
    app.register_blueprint(protocol_blueprint(), url_prefix="/connect")

    @app.post("/login")
    def login():
        if is_password(request.form["username"], request.form["password"]):
            idp_session.sign_in(Principal(subject_id=request.form["username"]))
            user_session.add_client_id("shop")
        return redirect("/")

    return app
