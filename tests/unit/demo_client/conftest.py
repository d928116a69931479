"""A provider, a demo client and a browser for each test."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from .fake_provider import FakeProvider
from .steps import ALICE
from .steps import make_app
from .steps import query
from .steps import SignIn


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    provider = FakeProvider()
    server = make_server("127.0.0.1", 0, provider.app, threaded=False)
    provider.issuer = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield provider
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def app(provider: FakeProvider) -> Flask:
    return make_app(provider.issuer)


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def come_back(provider: FakeProvider, browser: FlaskClient) -> SignIn:
    """Play the provider and the browser, from a redirect to the callback."""

    def finish(redirected: TestResponse, **claims: object) -> TestResponse:
        provider.asked = query(redirected)
        provider.claims = claims
        answer = {
            "code": "code",
            "state": provider.asked["state"],
            "session_state": "first.salt",
        }

        return browser.get("/callback", query_string=answer)

    return finish


@pytest.fixture
def signed_in(browser: FlaskClient, come_back: SignIn) -> FlaskClient:
    come_back(browser.get("/login"), **ALICE)

    return browser
