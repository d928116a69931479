"""What the browser is told of who is signed in (Login Status API; LS-01, LS-02)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from .cookie_host import cookie_host
from .hosts import Host
from .hosts import host_app


@pytest.fixture(params=["server", "cookie"])
def host(request: pytest.FixtureRequest) -> Host:
    """Sessions on the server, and in cookies."""
    return host_app() if request.param == "server" else cookie_host()


def status(response: TestResponse) -> str | None:
    return response.headers.get("Set-Login")


def test_a_sign_in_says_so(host: Host) -> None:
    """The response that completes a sign-in says that somebody is signed in."""
    assert status(host.browser().post("/login/alice")) == "logged-in"


def test_a_sign_out_says_so(host: Host) -> None:
    """The response that ends the session says that nobody is signed in any more."""
    browser = host.signed_in()

    assert status(browser.post("/logout")) == "logged-out"


def test_other_responses_say_nothing(host: Host) -> None:
    """A browser that knows already is not told with each page."""
    browser = host.signed_in()

    assert status(browser.get("/whoami")) is None
    assert status(host.browser().get("/whoami")) is None


def test_an_end_elsewhere_is_told_when_the_browser_comes() -> None:
    """Whoever was signed out by others learns of it with their next page, once."""
    host = host_app()
    browser = host.signed_in()
    sid = browser.get("/whoami").get_json()["sid"]
    host.signed_in(subject="root").post(f"/end/{sid}")

    told = [status(browser.get("/whoami")) for _ in range(2)]

    assert told == ["logged-out", None]


def test_an_expiry_is_told(host: Host) -> None:
    """A session that has expired is one that nobody is signed in to."""
    browser = host.signed_in()
    host.clock.tick(timedelta(hours=3))

    assert status(browser.get("/whoami")) == "logged-out"


def test_another_user(host: Host) -> None:
    """After a switch somebody is signed in still."""
    browser = host.signed_in()

    assert status(browser.post("/login/bob")) == "logged-in"


def test_signing_out_of_nothing(host: Host) -> None:
    """Where nobody was signed in nothing changes."""
    assert status(host.browser().post("/logout")) is None


def test_switched_off() -> None:
    """A host may tell the browser by itself."""
    host = host_app(config={"IDP_SESSION_LOGIN_STATUS": False})
    browser = host.browser()

    told = [status(browser.post(page)) for page in ("/login/alice", "/logout")]

    assert told == [None, None]
