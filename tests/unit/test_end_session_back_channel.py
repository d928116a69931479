"""The end-session endpoint: the back channel, and how long the page waits for it."""

from __future__ import annotations

import time

import pytest

from idp_session import DeliveryState
from idp_session.models import SendResult

from .end_session_steps import CALLBACK
from .end_session_steps import END
from .end_session_steps import sid_of
from .hosts import DONE
from .hosts import Host
from .hosts import host_app
from .hosts import Page
from .hosts import running


@pytest.fixture
def host() -> Host:
    """A host over https."""
    return host_app()


def test_everybody_is_owed_word_once(host: Host) -> None:
    """Each participant, the asking client included, is owed one notification."""
    # RIL-OP-31, BCL-OP-01, BCL-OP-35
    browser = host.signed_in("shop", "mail", "news", "shop")
    session_id = sid_of(browser)

    browser.get(END, query_string={"id_token_hint": host.hint()})
    browser.get(END, query_string={"id_token_hint": host.hint()})
    browser.post("/logout")

    owed = host.owed(session_id)
    assert [each.client_id for each in owed] == ["shop", "mail", "news"]
    assert {each.state for each in owed} == {DeliveryState.PENDING}


def test_the_page_counts_confirmations(host: Host) -> None:
    """The last page says which applications have confirmed, and which have not."""
    # FCL-OP-16
    host.sender.answers["https://mail.test/back"] = SendResult(status=500)
    browser = host.signed_in("shop", "mail", "news")
    browser.get(END, query_string={"id_token_hint": host.hint()})
    host.deliver()

    text = Page(browser.get(CALLBACK)).text

    assert "Signing you out of Shop, Mail and <b>News</b>" in text
    assert "1 of 3 applications confirmed." in text
    assert "Shop signed out" in text
    assert "Mail asked in this browser" in text


def test_an_application_that_was_left_and_joined_again(host: Host) -> None:
    """Two notifications of one application are one line on the last page."""
    browser = host.signed_in("shop", "mail")
    browser.post("/leave/shop")
    host.deliver()
    browser.post("/join/shop")
    host.sender.answers["https://shop.test/back"] = SendResult(status=503)
    browser.get(END, query_string={"id_token_hint": host.hint()})
    host.deliver()

    text = Page(browser.get(CALLBACK)).text

    assert text.count("Shop") == 2  # once in the title, once in the list
    assert "1 of 2 applications confirmed." in text
    assert "Shop not reached yet; we keep trying" in text


def test_an_application_that_is_not_reached(host: Host) -> None:
    """Of a client without frame that did not answer, the page says that we go on."""
    host.sender.answers["https://shop.test/back"] = SendResult(status=503)
    browser = host.signed_in("shop")
    browser.get(END, query_string={"id_token_hint": host.hint()})
    host.deliver()

    text = Page(browser.get(CALLBACK)).text

    assert "0 of 1 application confirmed." in text
    assert "Shop not reached yet; we keep trying" in text


def test_the_response_waits_for_quick_clients() -> None:
    """What clients answer at once, the last page knows."""
    host = host_app(
        config={
            "IDP_SESSION_DELIVERY_IN_PROCESS": True,
            "IDP_SESSION_BACK_CHANNEL_WAIT": 60,
        }
    )

    with running(host):
        browser = host.signed_in("shop", "mail")
        browser.get(END, query_string={"id_token_hint": host.hint()})
        text = Page(browser.get(CALLBACK)).text

    assert "2 of 2 applications confirmed." in text


def test_a_client_that_hangs_keeps_nobody_waiting() -> None:
    """The response comes within its bound, whatever the clients do."""
    # BCL-OP-27
    host = host_app(
        config={
            "IDP_SESSION_DELIVERY_IN_PROCESS": True,
            "IDP_SESSION_BACK_CHANNEL_WAIT": 0.2,
        }
    )
    host.sender.open.clear()

    with running(host):
        browser = host.signed_in("shop")
        given = {"id_token_hint": host.hint(), "post_logout_redirect_uri": DONE}
        began_at = time.monotonic()
        response = browser.get(END, query_string=given)
        lasted = time.monotonic() - began_at

    assert response.headers["Location"] == DONE
    assert 0.2 <= lasted < 10
