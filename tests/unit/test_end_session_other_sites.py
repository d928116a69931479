"""The end-session endpoint: forms that other sites post."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs
from urllib.parse import urlsplit

import pytest

from .end_session_steps import END
from .end_session_steps import is_question
from .end_session_steps import is_signed_in
from .end_session_steps import sid_of
from .hosts import DONE
from .hosts import Host
from .hosts import host_app
from .hosts import STATE


@pytest.fixture
def host() -> Host:
    """A host over https."""
    return host_app()


def test_post_without_cookies_goes_on_by_get(host: Host) -> None:
    """A post from another site, which brings no Lax cookie, is continued by GET."""
    # RIL-OP-08
    browser = host.signed_in("shop")
    hint = host.hint(sid=sid_of(browser))
    given = {
        "id_token_hint": hint,
        "post_logout_redirect_uri": DONE,
        "state": STATE,
    }

    posted = host.browser().post(END, data=given)
    location = posted.headers["Location"]
    response = browser.get(location)

    assert (posted.status_code, location.partition("?")[0]) == (303, END)
    assert hint not in location
    assert hint.split(".")[1] not in location
    assert parse_qs(urlsplit(response.headers["Location"]).query) == {"state": [STATE]}
    assert not is_signed_in(browser)


def test_post_without_cookies_and_without_hint(host: Host) -> None:
    """What comes by GET then is asked like anything else."""
    browser = host.signed_in("shop")

    posted = host.browser().post(END, data={"client_id": "shop"})
    response = browser.get(posted.headers["Location"])

    assert is_question(response)
    assert is_signed_in(browser)


def test_post_without_cookies_for_somebody_else(host: Host) -> None:
    """Another user's request, carried over, ends nothing."""
    browser = host.signed_in("shop")

    posted = host.browser().post(END, data={"id_token_hint": host.hint(sub="mallory")})
    response = browser.get(posted.headers["Location"])

    assert is_question(response)
    assert is_signed_in(browser)


def test_post_by_nobody(host: Host) -> None:
    """Where nobody is signed in the way leads on all the same."""
    # RIL-OP-20
    browser = host.browser()
    given = {"id_token_hint": host.hint(), "post_logout_redirect_uri": DONE}

    response = browser.post(END, data=given, follow_redirects=False)
    response = browser.get(response.headers["Location"])

    assert response.headers["Location"] == DONE


@pytest.mark.parametrize(
    "carried",
    [
        pytest.param("", id="empty"),
        pytest.param("ä", id="odd"),
        pytest.param("00" * 80, id="forged"),
    ],
)
def test_forged_carried_request(host: Host, carried: str) -> None:
    """What was not sealed here is not a request."""
    browser = host.signed_in("shop")

    response = browser.get(END, query_string={"logout_request": carried})

    assert is_question(response)


def test_a_carried_request_expires(host: Host) -> None:
    """A sealed request in an address is good for some minutes."""
    browser = host.signed_in("shop")
    posted = host.browser().post(END, data={"id_token_hint": host.hint()})
    host.clock.tick(timedelta(minutes=11))

    response = browser.get(posted.headers["Location"])

    assert is_question(response)


def test_a_carried_request_is_no_confirmation(host: Host) -> None:
    """The sealed request that anybody can get does not stand for the user's yes."""
    browser = host.signed_in("shop")
    posted = host.browser().post(END, data={})
    carried = parse_qs(urlsplit(posted.headers["Location"]).query)["logout_request"][0]

    response = browser.post(END, data={"confirmation": carried, "answer": "yes"})

    assert is_question(response)
    assert is_signed_in(browser)
