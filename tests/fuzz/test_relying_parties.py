"""The endpoints of a client, and the demo client around them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from urllib.parse import parse_qs
from urllib.parse import quote
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import strategies as st
from werkzeug.serving import make_server
from werkzeug.serving import WSGIRequestHandler

from idp_session.relying_party import LogoutReceiver
from idp_session.relying_party import LogoutTokenValidator
from idp_session.relying_party import MemoryReplayGuard

from ..unit.demo_client.fake_provider import FakeProvider
from ..unit.demo_client.steps import BASE_URL
from ..unit.demo_client.steps import make_app
from ..unit.logout_tokens_by_hand import claims
from ..unit.logout_tokens_by_hand import CLIENT
from ..unit.logout_tokens_by_hand import ISSUER
from ..unit.logout_tokens_by_hand import NOW
from ..unit.logout_tokens_by_hand import PUBLISHED
from ..unit.logout_tokens_by_hand import signed
from .answers import ClientAnswer
from .answers import logging_to_a_book
from .exploring import Explore
from .exploring import in_both_profiles
from .hostile import Endpoint
from .hostile import json_values
from .hostile import requests
from .hostile import Sent
from .promises import Promises

_BACK = Endpoint(
    path="/back-channel-logout",
    methods=("POST",),
    parameters={"logout_token": signed(claims())},
    answers_json=True,
)
_FRONT = Endpoint(
    path="/front-channel-logout", parameters={"iss": ISSUER, "sid": "session-1"}
)
_PAGES = [
    Endpoint(path="/", parameters={"state": "a state", "error": "x"}),
    Endpoint(path="/login", parameters={"next": "/"}),
    Endpoint(path="/silent"),
    Endpoint(
        path="/callback",
        parameters={
            "code": "x",
            "state": "a state",
            "session_state": "x.y",
            "iss": "x",
        },
    ),
    Endpoint(path="/callback", parameters={"error": "x", "state": "a state"}),
    Endpoint(path="/logout", methods=("POST",), parameters={"csrf_token": "x"}),
    Endpoint(path="/session-ended", methods=("POST",), parameters={"csrf_token": "x"}),
    Endpoint(path="/session.json"),
    _BACK,
    _FRONT,
]
_OURS = Promises(origin="http://localhost")
_OF_FLASK = replace(_OURS, hardened=False)


@pytest.fixture(scope="module")
def receiver() -> Flask:
    validator = LogoutTokenValidator(
        issuer=ISSUER,
        client_id=CLIENT,
        keys=PUBLISHED,
        seen=MemoryReplayGuard(),
        clock=lambda: NOW,
    )
    app = Flask(__name__)
    app.testing = True
    app.register_blueprint(
        LogoutReceiver(
            validator,
            on_back_channel=lambda _: None,
            on_front_channel=lambda _, __: None,
        ).blueprint()
    )

    return app


@in_both_profiles(examples=200)
def test_the_receiver(receiver: Flask, explore: Explore) -> None:
    """Whatever comes to the endpoints of a client is answered well."""

    def check(sent: Sent) -> None:
        _check(receiver.test_client(), sent)

    explore(check, requests([_BACK, _BACK, _FRONT]))


@st.composite
def _odd_tokens(draw: st.DrawFn) -> str:
    """Logout tokens with good signatures that no provider would make."""
    names = ["iss", "aud", "iat", "exp", "jti", "events", "sub", "sid", "nonce", "nbf"]
    changed = st.dictionaries(st.sampled_from(names), json_values(), max_size=3)
    header = st.dictionaries(
        st.sampled_from(["typ", "kid", "crit", "cty", "x5c", "jku"]),
        json_values(),
        max_size=1,
    )
    whole = draw(st.integers(0, 9)) == 0
    content = draw(json_values()) if whole else claims(**draw(changed))

    return signed(content, **draw(header))


@in_both_profiles(examples=300)
def test_odd_logout_tokens(receiver: Flask, explore: Explore) -> None:
    """A logout token with a good signature may say anything, and is judged."""

    def check(token: str) -> None:
        with logging_to_a_book() as book:
            response = receiver.test_client().post(
                _BACK.path, data={"logout_token": token}
            )
            _OURS.check(ClientAnswer(response), answers_json=True)
            book.check()

        assert response.status_code in {200, 400, 413}

    explore(check, _odd_tokens())


class _Quiet(WSGIRequestHandler):
    """Does not colour its lines between those of the client."""

    def log(self, *_: object, **__: object) -> None: ...


@pytest.fixture(scope="module")
def demo() -> Iterator[Flask]:
    """A demo client whose provider answers."""
    provider = FakeProvider()
    server = make_server(
        "127.0.0.1", 0, provider.app, threaded=False, request_handler=_Quiet
    )
    provider.issuer = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    # With its secret it would have to be told which sign-in each request belongs to.
    app = make_app(provider.issuer, client_secret="wrong")
    app.testing = True
    yield app
    server.shutdown()
    thread.join()
    server.server_close()


@in_both_profiles(examples=200)
def test_the_demo_client(demo: Flask, explore: Explore) -> None:
    """Whatever comes to a client, in the middle of a sign-in too, is answered well."""
    issuer = demo.extensions["demo_client"].settings.issuer
    ours = Promises(
        origin=BASE_URL,
        registered=[f"{issuer}/{path}" for path in ("authorize", "endsession")],
        # What it says of a provider whose answer is of no use.
        may_fail_with=frozenset({502}),
    )

    def check(sent: Sent) -> None:
        browser = demo.test_client()
        state = _state(browser) if sent.sender else "a state"
        known = replace(sent, query=sent.query.replace("a%20state", quote(state)))

        with logging_to_a_book() as book:
            with closing(browser.open(**known.arguments())) as response:
                ours.check(
                    ClientAnswer(response),
                    answers_json=_expects_json(sent),
                )
            book.check()

    explore(check, requests(_PAGES, senders=2))


def _state(browser: FlaskClient) -> str:
    address = urlsplit(browser.get("/login").headers["Location"])

    return parse_qs(address.query)["state"][0]


def _check(browser: FlaskClient, sent: Sent) -> None:
    with logging_to_a_book() as book:
        with closing(browser.open(**sent.arguments())) as response:
            answer = ClientAnswer(response)
            (_OURS if answer.status == 200 else _OF_FLASK).check(
                answer, answers_json=_expects_json(sent)
            )
        book.check()


def _expects_json(sent: Sent) -> bool:
    # Wrong methods and hosts are refused by Flask, before the endpoint hears of them.
    is_heard = sent.method == "POST" and "Host" not in dict(sent.headers)

    return sent.expects_json and is_heard
