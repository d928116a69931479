"""The demo clients: what a person reads of what the client was told."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from .fake_provider import FakeProvider
from .steps import ALICE
from .steps import attribute
from .steps import csrf_token
from .steps import front_channel
from .steps import notices
from .steps import query
from .steps import SignIn

_LONG = {"sid": "0123456789abcdef"}


def _back_channel(browser: FlaskClient, token: str) -> None:
    browser.application.test_client().post(
        "/back-channel-logout", data={"logout_token": token}
    )


@pytest.mark.parametrize(
    ("claims", "about", "reason"),
    [
        pytest.param(_LONG, "session 01234567…", None, id="a session"),
        pytest.param(
            {**_LONG, "logout_reason": "admin"},
            "session 01234567…",
            "admin",
            id="a session, and why",
        ),
        pytest.param({"sub": "alice"}, "all of your sessions", None, id="a subject"),
        pytest.param(
            {**_LONG, "logout_reason": "x" * 100},
            "session 01234567…",
            "x" * 60 + "…",
            id="a long reason",
        ),
    ],
)
def test_what_a_logout_token_said(
    provider: FakeProvider,
    browser: FlaskClient,
    come_back: SignIn,
    *,
    claims: dict[str, str],
    about: str,
    reason: str | None,
) -> None:
    """The log says of which session a token spoke, in few characters, and why."""
    come_back(browser.get("/login"), **ALICE | _LONG)

    _back_channel(browser, provider.logout_token(**claims))

    newest = notices(browser)[-1]
    assert newest["channel"] == "back-channel"
    assert (newest["about"], newest["reason"]) == (about, reason)


def test_which_session_a_frame_named(
    provider: FakeProvider, signed_in: FlaskClient
) -> None:
    """The log says of which session the front channel spoke."""
    front_channel(signed_in, provider.issuer, "session-1")

    assert notices(signed_in)[-1]["about"] == "session session-…"


def test_why_the_provider_did_not_confirm(signed_in: FlaskClient) -> None:
    """When the frame noticed a change, the log holds what the provider answered."""
    state = query(signed_in.get("/silent"))["state"]
    signed_in.get("/callback", query_string={"error": "login_required", "state": state})

    newest = notices(signed_in)[-1]

    assert (newest["channel"], newest["reason"]) == ("iframe", "login_required")


def test_the_log_outlives_the_sign_in(
    provider: FakeProvider, signed_in: FlaskClient
) -> None:
    """Who is signed out reads without a script when and how, the newest first."""
    token = provider.logout_token(sid="session-1", logout_reason="<admin>")
    _back_channel(signed_in, token)

    page = signed_in.get("/")
    log = page.text.split('<ol id="told"')[1].split("</ol>")[0]

    assert attribute(page, "data-signed-in") == "false"
    assert re.findall('data-channel="(.*?)"', log) == ["back-channel", "provider"]
    assert len(re.findall(r">\d\d:\d\d:\d\d UTC</time>", log)) == 2
    assert ">session session-… · reason: &lt;admin&gt;</span>" in log


def test_the_log_of_a_second_sign_out(
    provider: FakeProvider, signed_in: FlaskClient, come_back: SignIn
) -> None:
    """Numbers go on across sign-outs, so that a page knows what is new to it."""
    signed_in.post("/logout", data={"csrf_token": csrf_token(signed_in)})
    come_back(signed_in.get("/login"), **ALICE | {"sid": "session-2"})

    assert [notice["number"] for notice in notices(signed_in)] == [1, 2, 3]
    assert 'data-newest="3"' in signed_in.get("/").text
