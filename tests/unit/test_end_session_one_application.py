"""The end-session endpoint: signing out of one application only."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp_session import Client
from idp_session import DeliveryState
from idp_session import Departure
from idp_session import LogoutOutcome
from idp_session import LogoutReason
from idp_session.models import SendResult

from .cookie_host import cookie_host
from .end_session_steps import CALLBACK
from .end_session_steps import confirmed
from .end_session_steps import END
from .end_session_steps import is_signed_in
from .end_session_steps import other_session
from .end_session_steps import sid_of
from .hosts import DONE
from .hosts import Host
from .hosts import host_app
from .hosts import MAIL
from .hosts import NEWS
from .hosts import Page
from .hosts import running
from .hosts import SHOP

SHOP_AT_HOME = dataclasses.replace(SHOP, client_uri="https://shop.test/")
UNREACHABLE = Client(client_id="wiki", name="Wiki")


@pytest.fixture
def host() -> Host:
    """A host whose clients are told when a test says so."""
    return host_app(clients=(SHOP_AT_HOME, MAIL, NEWS, UNREACHABLE))


def _left(
    browser: FlaskClient, client_id: str, **given: Any
) -> tuple[TestResponse, TestResponse]:
    """The answer "only this one", and the page that follows."""
    question = browser.get(END, query_string={"client_id": client_id, **given})
    answer = confirmed(browser, question, "only")

    return answer, browser.get(CALLBACK)


def test_the_third_answer(host: Host) -> None:
    """The client is told and takes part no longer; the session and the others stay."""
    browser = host.signed_in("shop", "mail")
    session_id = sid_of(browser)

    answer, page = _left(browser, "shop")

    assert answer.headers["Location"] == CALLBACK
    assert "You are signed out of Shop" in Page(page).text
    assert "You are still signed in as alice" in Page(page).text
    assert browser.get("/whoami").get_json() == {
        "subject": "alice",
        "sid": session_id,
        "clients": ["mail"],
    }
    assert [(each.client_id, each.reason) for each in host.owed(session_id)] == [
        ("shop", LogoutReason.RP_INITIATED)
    ]


def test_the_frame_of_the_client_is_shown(host: Host) -> None:
    """A client with a front channel is told in the browser too, and only that one."""
    browser = host.signed_in("news", "mail")
    session_id = sid_of(browser)

    _, page = _left(browser, "mail")

    assert Page(page).frames == [
        f"https://mail.test/front?a=1&b=%7e&iss=https%3A%2F%2Fidp.test&sid={session_id}"
    ]
    assert "frame-src https://mail.test" in page.headers["Content-Security-Policy"]


def test_the_page_says_what_the_client_answered() -> None:
    """What came of it at this client is on the page, and in the API."""
    config = {
        "IDP_SESSION_DELIVERY_IN_PROCESS": True,
        "IDP_SESSION_BACK_CHANNEL_WAIT": 60,
    }

    with running(host_app(config=config)) as host:
        host.sender.answers["https://shop.test/back"] = SendResult(status=400)
        browser = host.signed_in("shop", "mail")
        session_id = sid_of(browser)

        _, page = _left(browser, "shop")

        with host.app.app_context():
            result = host.extension.deliveries.result_of(session_id, client_id="shop")

    assert "could not be told; sign out there" in Page(page).text
    assert "Mail" not in Page(page).text
    assert [each.outcome for each in result.clients] == [LogoutOutcome.REFUSED]


def test_the_page_asks_about_this_client_only(host: Host) -> None:
    """Of others that left before, the page hears nothing later."""
    browser = host.signed_in("shop", "mail")
    browser.post("/leave/mail")

    _, page = _left(browser, "shop")
    token = re.search(r'data-token="(\w+)"', page.text)
    assert token is not None
    progress = browser.get(
        f"{END}/progress", headers={"X-Logout-Progress": token[1]}
    ).get_json()

    assert [each["name"] for each in progress["applications"]] == ["Shop"]


def test_a_client_that_cannot_be_told(host: Host) -> None:
    """Who has no way to hear of it is said to have none."""
    browser = host.signed_in("wiki")

    _, page = _left(browser, "wiki")

    assert "Wiki has no way to hear of this from us" in Page(page).text


def test_the_way_back_is_a_link(host: Host) -> None:
    """With a genuine request the page leads to its address, with its state."""
    browser = host.signed_in("shop")
    hint = other_session(host, browser)

    _, page = _left(
        browser,
        "shop",
        id_token_hint=hint,
        post_logout_redirect_uri=DONE,
        state="s",
    )

    assert Page(page).back == f"{DONE}?state=s"
    assert Page(page).onward is None


def test_without_a_genuine_request_the_way_back_is_the_home_page(host: Host) -> None:
    """A request that anybody can write leads to the client's own page, by a link."""
    # RIL-OP-22
    browser = host.signed_in("shop")

    _, page = _left(browser, "shop", post_logout_redirect_uri=DONE)

    assert Page(page).back == "https://shop.test/"


def test_the_page_is_shown_once(host: Host) -> None:
    """Its address says later only what is so: the user is signed in."""
    browser = host.signed_in("mail")
    _left(browser, "mail")

    again = browser.get(CALLBACK)

    assert "You are still signed in" in again.text
    assert Page(again).frames == []


@pytest.mark.parametrize(
    "then",
    [
        pytest.param("/logout", id="signed out"),
        pytest.param("/login/bob", id="another user"),
    ],
)
def test_the_page_of_a_session_that_is_over(host: Host, then: str) -> None:
    """Whoever is not in that session any more does not see its page."""
    browser = host.signed_in("mail")
    question = browser.get(END, query_string={"client_id": "mail"})
    confirmed(browser, question, "only")
    browser.post(then)

    page = browser.get(CALLBACK)

    assert "You are signed out of Mail" not in page.text
    assert Page(page).frames == []


def test_a_second_click(host: Host) -> None:
    """A form that is sent twice tells the client once, and shows the page again."""
    browser = host.signed_in("mail")
    question = browser.get(END, query_string={"client_id": "mail"})

    confirmed(browser, question, "only")
    confirmed(browser, question, "only")
    page = browser.get(CALLBACK)

    assert len(Page(page).frames) == 1
    assert len(host.owed(sid_of(browser))) == 1


@pytest.mark.parametrize(
    "query",
    [
        pytest.param({}, id="no client"),
        pytest.param({"client_id": "news"}, id="client that has no part"),
        pytest.param({"client_id": "else"}, id="unknown client"),
    ],
)
def test_when_there_is_no_third_answer(host: Host, query: dict[str, str]) -> None:
    """It is offered for clients of this session only; sent all the same, it is a no."""
    browser = host.signed_in("shop")
    question = browser.get(END, query_string=query)

    response = confirmed(browser, question, "only")

    assert Page(question).answers == ["yes", "no"]
    assert "You are still signed in" in response.text
    assert browser.get("/whoami").get_json()["clients"] == ["shop"]


def test_the_answers_in_order(host: Host) -> None:
    """The third answer stands between signing out and staying."""
    browser = host.signed_in("shop")

    question = browser.get(END, query_string={"client_id": "shop"})

    assert Page(question).answers == ["yes", "only", "no"]
    assert "Only sign out of Shop" in Page(question).text


def test_sessions_in_cookies_have_no_third_answer() -> None:
    """A cookie is signed out as a whole: the page does not offer what cannot be."""
    host = cookie_host()
    browser = host.signed_in("shop")
    question = browser.get(END, query_string={"client_id": "shop"})

    response = confirmed(browser, question, "only")

    assert Page(question).answers == ["yes", "no"]
    assert "You are still signed in" in response.text
    assert is_signed_in(browser)


def test_a_client_that_comes_back_needs_no_sign_in(host: Host) -> None:
    """Single sign-on goes on; the end of the session is told once more."""
    browser = host.signed_in("shop")
    session_id = sid_of(browser)
    _left(browser, "shop")
    browser.post("/join/shop")

    browser.post("/logout")

    assert [each.client_id for each in host.owed(session_id)] == ["shop", "shop"]


def test_a_client_that_comes_back_is_still_told_that_it_was_left(host: Host) -> None:
    """What could not be delivered is tried again, although the client is back by then."""
    host.sender.answers["https://shop.test/back"] = SendResult(status=503)
    browser = host.signed_in("shop")
    session_id = sid_of(browser)
    _left(browser, "shop")
    host.deliver()
    browser.post("/join/shop")
    del host.sender.answers["https://shop.test/back"]
    host.clock.tick(timedelta(minutes=1))

    host.deliver()

    (owed,) = host.owed(session_id)
    assert (owed.state, owed.attempts) == (DeliveryState.DELIVERED, 2)
    assert browser.get("/whoami").get_json()["clients"] == ["shop"]


def test_no_leads_back_to_the_client(host: Host) -> None:
    """Whoever stays signed in can go back to where they came from."""
    # RIL-OP-18
    browser = host.signed_in("shop")
    question = browser.get(END, query_string={"client_id": "shop"})

    response = confirmed(browser, question, "no")

    assert Page(response).back == "https://shop.test/"


def test_who_is_signed_out_can_go_back_too(host: Host) -> None:
    """Without a redirect the last page has a link to the client that asked."""
    # RIL-OP-19
    browser = host.signed_in("shop")
    given = {"id_token_hint": host.hint(sid=sid_of(browser))}

    response = browser.get(END, query_string=given, follow_redirects=True)
    again = browser.get(END, query_string=given)

    assert [Page(each).back for each in (response, again)] == ["https://shop.test/"] * 2


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("javascript:alert(1)", id="script"),
        pytest.param("com.example.shop:/", id="app"),
        pytest.param("//shop.test/", id="no scheme"),
        pytest.param("https://", id="no host"),
    ],
)
def test_what_is_no_home_page(uri: str) -> None:
    """A registry may hold anything; only a page of the web becomes a link."""
    host = host_app(clients=(dataclasses.replace(SHOP, client_uri=uri),))

    page = host.browser().get(END, query_string={"client_id": "shop"})

    assert page.status_code == 200
    assert Page(page).back is None
    assert "You can close this page now" in page.text


def test_by_the_api(host: Host) -> None:
    """The host's own pages sign the user out of one application, once."""
    browser = host.signed_in("shop", "mail")
    session_id = sid_of(browser)

    first = browser.post("/sign-out-of/shop").get_json()
    second = browser.post("/sign-out-of/shop").get_json()
    host.deliver()

    assert (first["left"], second["left"]) == (["shop"], None)
    assert host.sender.uris == ["https://shop.test/back"]
    assert [each.reason for each in host.owed(session_id)] == [LogoutReason.USER]
    assert is_signed_in(browser)


def test_by_the_api_with_the_page(host: Host) -> None:
    """The host's own pages have the client told in a frame, too."""
    browser = host.signed_in("shop", "mail")

    response = browser.post("/sign-out-of/mail?page")
    page = browser.get(response.headers["Location"])

    assert response.status_code == 303
    assert [each.partition("?")[0] for each in Page(page).frames] == [
        "https://mail.test/front"
    ]
    assert "You are signed out of Mail" in Page(page).text
    assert is_signed_in(browser)


def test_the_page_of_the_api_is_for_one_client(host: Host) -> None:
    """What several clients have left at once has no page."""
    departure = Departure(
        session_id="5e55",
        subject_id="alice",
        reason=LogoutReason.USER,
        left_at=host.clock.now(),
        participants=(),
    )

    with pytest.raises(ValueError, match="one client"):
        host.extension.to_departure_page(departure)


def test_the_question_expires(host: Host) -> None:
    """A form that was left open too long leaves nothing either."""
    browser = host.signed_in("shop")
    question = browser.get(END, query_string={"client_id": "shop"})
    host.clock.tick(timedelta(minutes=10, seconds=1))

    confirmed(browser, question, "only")

    assert browser.get("/whoami").get_json()["clients"] == ["shop"]
