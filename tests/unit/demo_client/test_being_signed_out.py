"""The demo clients: being signed out, by either channel."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from .fake_provider import FakeProvider
from .fake_provider import NEW_KEY
from .steps import ALICE
from .steps import front_channel
from .steps import is_signed_in
from .steps import make_app
from .steps import SignIn
from .steps import told


@pytest.mark.spec("LTV-01")
def test_the_back_channel(provider: FakeProvider, signed_in: FlaskClient) -> None:
    """A logout token ends the session without the browser (LTV-01)."""
    token = provider.logout_token(sid="session-1", sub="alice")

    answer = signed_in.application.test_client().post(
        "/back-channel-logout", data={"logout_token": token}
    )
    session: dict[str, Any] = signed_in.get("/session.json").get_json()

    assert answer.status_code == 200
    assert session["signed_in"] is False
    assert session["ended_by"] == "back-channel"
    assert session["status"] == "You have been signed out by the back channel."
    assert [notice["channel"] for notice in session["told"]] == [
        "provider",
        "back-channel",
    ]


@pytest.mark.parametrize(
    ("claims", "status", "still"),
    [
        pytest.param({"sub": "alice"}, 200, False, id="subject alone LTV-18"),
        pytest.param({"sid": "session-9"}, 200, True, id="unknown session LTV-15"),
        pytest.param({"sub": "bob"}, 200, True, id="somebody else"),
        pytest.param({"sid": "session-1", "aud": "mail"}, 400, True, id="for another"),
    ],
)
@pytest.mark.spec("LTV-15", "LTV-18")
def test_what_the_back_channel_means(
    provider: FakeProvider,
    signed_in: FlaskClient,
    *,
    claims: dict[str, object],
    status: int,
    still: bool,
) -> None:
    """A token ends what it speaks of and nothing else."""
    token = provider.logout_token(**claims)

    answer = signed_in.post("/back-channel-logout", data={"logout_token": token})

    assert (answer.status_code, is_signed_in(signed_in)) == (status, still)


def test_a_back_channel_with_a_new_key(
    provider: FakeProvider, signed_in: FlaskClient
) -> None:
    """Keys that were rotated since the sign-in are fetched."""
    provider.key = NEW_KEY
    token = provider.logout_token(sid="session-1")

    answer = signed_in.post("/back-channel-logout", data={"logout_token": token})

    assert answer.status_code == 200


def test_a_back_channel_without_keys() -> None:
    """While the keys cannot be fetched, the provider is asked to come back."""
    provider = FakeProvider()
    provider.issuer = "http://127.0.0.1:1"
    browser = make_app(provider.issuer).test_client()
    token = provider.logout_token(sid="session-1")

    answer = browser.post("/back-channel-logout", data={"logout_token": token})

    assert answer.status_code == 503


@pytest.mark.spec("LTV-21")
def test_the_front_channel(provider: FakeProvider, signed_in: FlaskClient) -> None:
    """The provider's frame ends the session that it names, cookie or not (LTV-21)."""
    answer = front_channel(signed_in, provider.issuer, "session-1")
    session: dict[str, Any] = signed_in.get("/session.json").get_json()

    assert answer.status_code == 200
    assert session["ended_by"] == "front-channel"
    assert (
        f"; frame-ancestors {provider.issuer};"
        in answer.headers["Content-Security-Policy"]
    )
    assert 'data-state="signed-out"' in answer.text


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/front-channel-logout", id="no session"),
        pytest.param("/front-channel-logout?iss=https://x&sid=session-1", id="issuer"),
        pytest.param("/front-channel-logout?sid=session-1", id="no issuer"),
    ],
)
def test_front_channels_that_do_nothing(signed_in: FlaskClient, path: str) -> None:
    """Any site can frame the address; without issuer and session it does nothing."""
    assert signed_in.get(path).status_code == 200
    assert is_signed_in(signed_in)


def test_both_channels(provider: FakeProvider, signed_in: FlaskClient) -> None:
    """The first one signs out; the second is written down too."""
    token = provider.logout_token(sid="session-1")
    front_channel(signed_in, provider.issuer, "session-1")
    signed_in.post("/back-channel-logout", data={"logout_token": token})
    front_channel(signed_in, provider.issuer, "session-1")

    assert told(signed_in) == [
        "provider",
        "front-channel",
        "back-channel",
        "front-channel",
    ]
    assert signed_in.get("/session.json").get_json()["ended_by"] == "front-channel"


def test_other_browsers(provider: FakeProvider, signed_in: FlaskClient) -> None:
    """A browser that nobody signed in with hears of no logout."""
    other = signed_in.application.test_client()
    other.get("/login")
    front_channel(signed_in, provider.issuer, "session-1")

    assert told(other) == []


def test_a_new_sign_in_after_a_logout(
    provider: FakeProvider, signed_in: FlaskClient, come_back: SignIn
) -> None:
    """Signing in again works, and the past stays written down."""
    front_channel(signed_in, provider.issuer, "session-1")
    come_back(signed_in.get("/login"), **ALICE | {"sid": "session-2"})

    assert is_signed_in(signed_in)
    assert told(signed_in) == ["provider", "front-channel", "provider"]


def test_a_logout_that_overtakes_the_sign_in(
    provider: FakeProvider, browser: FlaskClient, come_back: SignIn
) -> None:
    """A session that ended while the browser came back is not begun."""
    redirected = browser.get("/login")
    front_channel(browser, provider.issuer, "session-1")
    come_back(redirected, **ALICE)

    assert not is_signed_in(browser)
