"""The end-session endpoint: who clicks twice loses nothing."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp_session.flask import DefaultLogoutPolicy
from idp_session.models import LogoutContext
from idp_session.models import LogoutReason
from idp_session.services.recent_logouts import RecentLogouts

from .end_session_steps import CALLBACK
from .end_session_steps import confirmed
from .end_session_steps import COOKIE
from .end_session_steps import END
from .end_session_steps import sid_of
from .hosts import DONE
from .hosts import HANDLE
from .hosts import Host
from .hosts import host_app
from .hosts import Page


@pytest.fixture
def host() -> Host:
    """A host whose clients have front channels."""
    return host_app()


def _handle(browser: FlaskClient) -> str:
    cookie = browser.get_cookie(HANDLE, domain="idp.test")
    assert cookie is not None

    return cookie.value


def _without_the_answer(host: Host, handle: str) -> FlaskClient:
    """The browser as it is while the answer to its first click is on the way."""
    browser = host.browser()
    browser.set_cookie(HANDLE, handle, domain="idp.test", secure=True)

    return browser


def _link(host: Host, browser: FlaskClient) -> dict[str, str]:
    return {
        "id_token_hint": host.hint(sid=sid_of(browser)),
        "post_logout_redirect_uri": DONE,
    }


def _click(browser: FlaskClient, link: dict[str, str]) -> TestResponse:
    return browser.get(END, query_string=link)


def _last_page(browser: FlaskClient, response: TestResponse) -> Page:
    assert response.headers["Location"] == CALLBACK

    return Page(browser.get(CALLBACK))


def test_the_answer_to_the_first_click_is_lost(host: Host) -> None:
    """A link that is clicked twice still shows the frames, and goes on to the client."""
    browser = host.signed_in("shop", "mail")
    session_id, link, handle = sid_of(browser), _link(host, browser), _handle(browser)
    browser.get(END, query_string=link)
    again = _without_the_answer(host, handle)

    response = again.get(END, query_string=link)
    page = _last_page(again, response)

    assert len(page.frames) == 1
    assert page.onward == DONE
    assert [each.client_id for each in host.owed(session_id)] == ["shop", "mail"]


def test_the_first_page_was_not_loaded(host: Host) -> None:
    """With the cookie of the first answer, the second click leads to the same page."""
    browser = host.signed_in("shop", "mail")
    link = _link(host, browser)
    browser.get(END, query_string=link)

    page = _last_page(browser, browser.get(END, query_string=link))

    assert len(page.frames) == 1
    assert page.onward == DONE


def test_after_the_page_there_is_nothing_left(host: Host) -> None:
    """Once the frames were shown, the same link only leads on."""
    # FCL-OP-15, RIL-OP-20
    browser = host.signed_in("shop", "mail")
    link = _link(host, browser)
    _last_page(browser, browser.get(END, query_string=link))

    response = browser.get(END, query_string=link)

    assert response.headers["Location"] == DONE


def test_another_browser_with_the_link_learns_nothing(host: Host) -> None:
    """Whoever has a token does not learn which applications the user had."""
    browser = host.signed_in("shop", "mail")
    link = _link(host, browser)
    browser.get(END, query_string=link)
    other = host.browser()

    response = other.get(END, query_string=link)

    assert response.headers["Location"] == DONE
    assert other.get_cookie(COOKIE, domain="idp.test", path=END) is None


def test_a_form_that_is_sent_twice(host: Host) -> None:
    """The answer that is given twice shows the frames too."""
    browser = host.signed_in("mail")
    handle = _handle(browser)
    question = browser.get(END)
    confirmed(browser, question)
    again = _without_the_answer(host, handle)

    page = _last_page(again, confirmed(again, question))

    assert len(page.frames) == 1


@dataclasses.dataclass
class _FasterElsewhere(DefaultLogoutPolicy):
    """Wants to be asked, while the session ends."""

    end: Callable[[], object] = bool

    def needs_confirmation(self, context: LogoutContext) -> bool:
        self.end()

        return True


def test_a_session_that_ends_before_the_question() -> None:
    """Nobody is asked whether to end what has ended while the request was read."""
    policy = _FasterElsewhere()
    host = host_app(logout_policy=policy)
    browser = host.signed_in("shop")
    policy.end = partial(host.extension.end, sid_of(browser), reason=LogoutReason.ADMIN)

    response = browser.get(END, query_string=_link(host, browser))

    assert response.headers["Location"] == DONE


@pytest.fixture
def impatient_threads() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("impatient_threads")
def test_two_clicks_at_once(host: Host) -> None:
    """Whichever of them ends the session, each is answered with the page."""
    for _ in range(50):
        browser = host.signed_in("shop", "mail")
        link, handle = _link(host, browser), _handle(browser)
        browsers = [_without_the_answer(host, handle) for _ in range(2)]

        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(_click, browsers, [link, link]))

        assert [each.headers["Location"] for each in answers] == [CALLBACK, CALLBACK]


def test_only_the_latest_are_remembered() -> None:
    """What is kept has a bound, and what was kept first goes first."""
    recent = RecentLogouts()

    for number in range(1001):
        recent.remember(f"key {number}", "sealed")

    assert recent.find("key 0") is None
    assert recent.find("key 1") == "sealed"
