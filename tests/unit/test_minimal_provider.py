"""The package in another provider than ours, which is as small as one can be."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask import request
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.flask import IdpSession
from idp_session.relying_party import LogoutTokenValidator

from .hosts import key_set
from .hosts import Page

PROVIDER = """
from flask import abort, Flask, redirect, request
from werkzeug.security import check_password_hash, generate_password_hash

from idp_session import Client, Principal
from idp_session.flask import IdpSession, protocol_blueprint, user_session

idp_session = IdpSession()
PEOPLE = {"alice": generate_password_hash("wonderland")}


def create_app(shop_url, signer, **config):
    app = Flask(__name__)
    app.config.update(config)
    shop = Client(
        client_id="shop",
        redirect_uris=(shop_url + "/callback",),
        post_logout_redirect_uris=(shop_url + "/bye",),
        back_channel_logout_uri=shop_url + "/back",
    )
    idp_session.init_app(app, clients={"shop": shop}, signer=signer)
    app.register_blueprint(protocol_blueprint(), url_prefix="/op")

    @app.post("/sign-in")
    def sign_in():
        name, password = request.form["name"], request.form["password"]
        if not check_password_hash(PEOPLE.get(name, ""), password):
            abort(401)
        idp_session.sign_in(Principal(subject_id=name, amr=("pwd",)))
        return redirect("/use-shop")

    @app.get("/use-shop")
    def use_shop():
        user = user_session.user or abort(401)
        user_session.add_client_id("shop")
        return {"sub": user.subject_id, "sid": user_session.session_id}

    return app
"""
FORM = {"name": "alice", "password": "wonderland"}


class Shop:
    """An application on loopback, to which logout tokens are posted."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        app = Flask("shop")
        self.server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

        @app.post("/back")
        def back() -> str:
            self.tokens.append(request.form["logout_token"])

            return ""


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    thread = threading.Thread(target=shop.server.serve_forever)
    thread.start()
    yield shop
    shop.server.shutdown()
    thread.join()
    shop.server.server_close()


@pytest.fixture
def app(shop: Shop, tmp_path: Path) -> Iterator[Flask]:
    """The provider, with tables and senders of its own."""
    module: dict[str, Any] = {"__name__": "minimal_provider"}
    exec(PROVIDER, module)  # noqa: S102 - our own text
    app: Flask = module["create_app"](
        shop.url,
        KeySetTokenSigner(key_set()),
        SECRET_KEY="a secret of more than thirty-two bytes",
        IDP_SESSION_ISSUER="http://localhost",
        IDP_SESSION_DATABASE_URL=f"sqlite:///{tmp_path / 'minimal.sqlite'}",
        IDP_SESSION_DELIVERY_ALLOW_HTTP=True,
        IDP_SESSION_DELIVERY_ALLOWED_NETWORKS="127.0.0.0/8",
        # Only until the answer is there, however slow the machine.
        IDP_SESSION_BACK_CHANNEL_WAIT=60,
    )
    made = app.test_cli_runner().invoke(args=["idp-session", "db", "upgrade"])
    assert made.exit_code == 0

    yield app

    IdpSession().stop_background_work(app, timeout=timedelta(seconds=20))
    app.extensions["idp_session"].engine.dispose()


def signed_in(app: Flask) -> tuple[FlaskClient, dict[str, str]]:
    """A browser in which alice uses the shop, and what the shop was told."""
    browser = app.test_client()
    told = browser.post("/sign-in", data=FORM, follow_redirects=True).json
    assert told is not None

    return browser, told


def test_it_is_minimal() -> None:
    """A provider with single logout has fewer than 40 lines, blank ones included."""
    assert len(PROVIDER.strip().splitlines()) < 40


def test_nobody_is_let_in_without_a_password(app: Flask) -> None:
    """The sign-in is a real one."""
    browser = app.test_client()
    wrong = browser.post("/sign-in", data=FORM | {"password": "guess"})

    assert wrong.status_code == 401
    assert browser.get("/use-shop").status_code == 401


def test_a_logout_is_delivered(app: Flask, shop: Shop) -> None:
    """Whoever signs out is signed out, and the shop has a logout token that holds."""
    browser, told = signed_in(app)
    question = Page(browser.get("/op/endsession"))
    browser.post("/op/endsession", data=question.fields | {"answer": "yes"})
    validator = LogoutTokenValidator(
        issuer="http://localhost",
        client_id="shop",
        keys=key_set(),
    )
    (token,) = map(validator.validate, shop.tokens)

    assert (token.subject, token.session_id) == (told["sub"], told["sid"])
    assert token.subject == "alice"
    assert browser.get("/use-shop").status_code == 401


def test_a_client_signs_the_user_out(app: Flask, shop: Shop) -> None:
    """A client that brings its ID token gets the browser back, without a question."""
    browser, told = signed_in(app)
    state = app.extensions["idp_session"]
    hint = state.signer.sign(
        {"iss": "http://localhost", "aud": "shop", "iat": 1, "exp": 2, **told},
        client=state.clients["shop"],
        token_type="JWT",
    )
    answer = browser.get(
        "/op/endsession",
        query_string={
            "id_token_hint": hint,
            "post_logout_redirect_uri": f"{shop.url}/bye",
            "state": "xyz",
        },
    )

    assert answer.status_code == 303
    assert answer.location == f"{shop.url}/bye?state=xyz"
    assert len(shop.tokens) == 1
