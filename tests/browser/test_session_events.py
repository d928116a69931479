"""A page that leaves by itself when its session has ended somewhere else."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import requests
from playwright.sync_api import BrowserContext
from playwright.sync_api import expect
from playwright.sync_api import Page

from tests.conformance.pages import form_of
from tests.ports import free_port
from tests.sample.person import Person
from tests.sample.processes import Running
from tests.sample.processes import start
from tests.services import unavailable

pytestmark = [pytest.mark.browser, pytest.mark.process]

OpenBrowser = Callable[..., BrowserContext]
Screenshot = Callable[[Page, str], None]
Serve = Callable[..., str]

REDIS = os.environ.get("IDP_SESSION_TEST_REDIS", "redis://127.0.0.1:6379/")
QUICK = "IDP_SESSION_CHANNEL_CHECK_INTERVAL=0.5"
SLOW = "IDP_SESSION_CHANNEL_CHECK_INTERVAL=3600"


@pytest.fixture
def redis_url() -> str:
    try:
        with redis.Redis.from_url(REDIS) as client:
            client.ping()
    except redis.RedisError as error:
        unavailable("redis", f"it does not answer: {type(error).__name__}")

    return REDIS


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts providers over one database; each gives its issuer."""
    running: list[Running] = []

    def serve(*settings: str, processes: int = 1) -> str:
        given = [part for text in settings for part in ("--set", text)]
        port = str(free_port())
        numbers = ("--port", port, "--processes", str(processes))
        running.append(start("sample_idp", "idp", *numbers, *given, cwd=tmp_path))

        return running[-1].wait_until_ready()[7:-1]

    yield serve

    for process in running:
        process.close()


def sign_in(context: BrowserContext, issuer: str) -> Page:
    """The account page of Alice, with its stream open."""
    page = context.new_page()
    page.goto(f"{issuer}/account/")
    page.fill("#username", "alice")
    page.fill("#password", "alice")
    with page.expect_response(re.compile("session-events")) as found:
        page.click("button[type=submit]")
    assert found.value.status == 200

    return page


def end_elsewhere(issuer: str) -> None:
    """Alice signs out on all other devices, with another HTTP client."""
    other = Person(issuer)
    form = {"username": "alice", "password": "alice"}
    other.http.post(f"{issuer}/login", data=form, timeout=60)
    asked = f"{issuer}/account/sessions/end-others"
    form = form_of(other.http.get(asked, timeout=60).text).fields
    answer = other.http.post(asked, data=form, timeout=60)
    assert "One device was signed out" in answer.text


def expect_signed_out(page: Page) -> None:
    expect(page.locator("h1")).to_have_text("You are signed out")
    assert page.url.endswith("/account/signed-out")


def test_the_account_page_leaves_at_once(
    serve: Serve, open_browser: OpenBrowser, screenshot: Screenshot
) -> None:
    """Nobody touches the page, nothing polls, and it says that the user is out."""
    issuer = serve(SLOW)
    page = sign_in(open_browser(), issuer)
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))

    end_elsewhere(issuer)

    expect_signed_out(page)
    assert [url for url in requested if "session-events" in url] == []
    screenshot(page, "signed-out")
    page.get_by_role("link", name="Sign in again").click()
    expect(page.locator("#password")).to_be_visible()


def test_another_window_signs_out(serve: Serve, open_browser: OpenBrowser) -> None:
    """The window that signs out has its own page; the account page leaves too."""
    issuer = serve(SLOW)
    context = open_browser()
    page = sign_in(context, issuer)
    other = context.new_page()
    other.goto(f"{issuer}/connect/endsession")

    other.get_by_role("button", name="Sign out").click()

    expect_signed_out(page)
    expect(other.locator("h1")).to_have_text("You are signed out")


def test_two_nodes_with_redis(
    serve: Serve, open_browser: OpenBrowser, redis_url: str
) -> None:
    """An end on one node reaches the page that another node serves."""
    broadcast = f"IDP_SESSION_BROADCAST_URL={redis_url}"
    here = serve(broadcast, SLOW, processes=2)
    there = serve(broadcast, SLOW, processes=2)
    page = sign_in(open_browser(), here)

    end_elsewhere(there)

    expect_signed_out(page)


def test_two_nodes_without_redis(serve: Serve, open_browser: OpenBrowser) -> None:
    """Without a broadcast the end is noticed a little later."""
    here, there = serve(QUICK, processes=2), serve(QUICK)
    page = sign_in(open_browser(), here)

    end_elsewhere(there)

    expect_signed_out(page)


def test_a_provider_that_is_away_signs_nobody_out(
    serve: Serve, open_browser: OpenBrowser, tmp_path: Path
) -> None:
    """When the provider restarts the page stays, and still hears of the end."""
    port = str(free_port())
    arguments = ("sample_idp", "idp", "--port", port, "--set", SLOW)

    with contextlib.ExitStack() as ending:
        first = start(*arguments, cwd=tmp_path)
        ending.callback(first.close)
        issuer = first.wait_until_ready()[7:-1]
        page = sign_in(open_browser(), issuer)

        first.terminate()
        # Its page may ask as soon as somebody listens.
        with page.expect_response(re.compile("session-events")):
            ending.callback(start(*arguments, cwd=tmp_path).close)
        still = page.url
        end_elsewhere(issuer)

        expect_signed_out(page)

    assert still == f"{issuer}/account/"


def test_streams_leave_threads_for_others(serve: Serve) -> None:
    """However many streams somebody opens, half of the threads answer others."""
    issuer = serve()
    person = Person(issuer)
    form = {"username": "alice", "password": "alice"}
    person.http.post(f"{issuer}/login", data=form, timeout=60)
    url = f"{issuer}/account/session-events?{secrets.token_hex(2)}"

    answers = [_opened(person, url) for _ in range(8)]

    assert sorted(each.status_code for each in answers) == [200] * 4 + [503] * 4
    assert requests.get(f"{issuer}/login", timeout=60).status_code == 200
    for answer in answers:
        answer.close()


def _opened(person: Person, url: str) -> requests.Response:
    answer = person.http.get(url, stream=True, timeout=60)

    # As every client does: gunicorn lets nobody in while it waits for one that it has
    # told to close the connection.
    if not answer.ok:
        answer.close()

    return answer
