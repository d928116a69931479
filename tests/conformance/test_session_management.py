"""The session state, and the cookie that the iframe compares it with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from http.cookiejar import Cookie
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.sample.clients import claims_of
from tests.sample.clients import query_of

from .browser import asks_for_password
from .browser import Browser
from .conftest import Join
from .provider import Provider
from .relying_party import RelyingParty

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("conformance")]


def expected(
    session_state: str, client_id: str, origin: str, browser_state: str
) -> str:
    """The value as the guide on the iframe has it computed."""
    salt = session_state.partition(".")[2]
    seed = f"{client_id} {origin} {browser_state} {salt}"

    return f"{hashlib.sha256(seed.encode()).hexdigest()}.{salt}"


def check_session_cookie(browser: Browser) -> Cookie | None:
    """The cookie that scripts may read."""
    readable = [
        cookie
        for cookie in browser.http.cookies
        if not cookie.has_nonstandard_attr("HttpOnly")
    ]

    return readable[0] if readable else None


def _value(browser: Browser) -> str | None:
    cookie = check_session_cookie(browser)

    return cookie.value if cookie else None


@pytest.mark.spec("SM-OP-01", "SM-OP-03")
def test_a_successful_response(browser: Browser, shop: RelyingParty) -> None:
    """It has a session state without a space, in the query beside the code."""
    state = browser.sign_in(shop).session_state

    assert state
    assert " " not in state
    assert state.isascii()


@pytest.mark.spec("SM-OP-02", "SM-OP-03")
def test_a_refused_response(browser: Browser, shop: RelyingParty) -> None:
    """An error has one too, and each has its own."""
    states = [
        query_of(browser.authorize(shop, prompt="none").url)["session_state"]
        for _ in range(3)
    ]

    assert len(set(states)) == 3
    assert not any(" " in state for state in states)


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        pytest.param({"prompt": "none"}, "login_required", id="nobody signed in"),
        pytest.param({"max_age": "x"}, "invalid_request", id="max_age"),
        pytest.param({"request": "a.b.c"}, "request_not_supported", id="request"),
        pytest.param({"response_mode": "form_post"}, "invalid_request", id="mode"),
        pytest.param(
            {"response_type": "token"}, "unsupported_response_type", id="type"
        ),
        pytest.param({"prompt": "none login"}, "invalid_request", id="prompt"),
    ],
)
@pytest.mark.spec("SM-OP-02")
def test_every_refusal(
    browser: Browser, shop: RelyingParty, parameters: dict[str, Any], error: str
) -> None:
    """Whatever is wrong with the request: the client that hears of it gets a state."""
    response = browser.authorize(shop, **parameters)

    given = query_of(response.url.replace("#", "?"))
    assert response.url.startswith(shop.redirect_uri)
    assert given["error"] == error
    assert given["state"] == "a-state"
    assert given["session_state"] == expected(
        given["session_state"], shop.client_id, shop.url, ""
    )


@pytest.mark.spec("SM-OP-04", "SM-OP-05")
def test_what_it_depends_on(browser: Browser, join: Join) -> None:
    """Client, origin and browser state are in it, and a salt that is never the same."""
    first, second = join(), join()
    states = {party: browser.sign_in(party).session_state for party in (first, second)}
    again = browser.sign_in(first).session_state
    browser_state = _value(browser) or ""

    for party, state in [*states.items(), (first, again)]:
        assert state == expected(state, party.client_id, party.url, browser_state)

    assert len({*states.values(), again}) == 3


@pytest.mark.parametrize(
    ("redirect_uri", "origin"),
    [
        pytest.param("https://shop.test:443/cb", "https://shop.test", id="port 443"),
        pytest.param("https://SHOP.test/cb", "https://shop.test", id="capitals"),
        pytest.param("https://shop.test:8443/", "https://shop.test:8443", id="port"),
        pytest.param("http://shop.test:80/a?b=c", "http://shop.test", id="port 80"),
    ],
)
@pytest.mark.spec("SM-OP-05")
def test_the_origin(
    browser: Browser, join: Join, redirect_uri: str, origin: str
) -> None:
    """It is written as browsers write it, whatever the client has registered."""
    party = join(redirect_uris=[redirect_uri], post_logout_redirect_uris=None)
    browser.sign_in(join())

    response = browser.authorize(party, follow=False)

    state = query_of(response.headers["Location"])["session_state"]
    assert state == expected(state, party.client_id, origin, _value(browser) or "")


@pytest.mark.spec("SM-OP-06")
def test_the_iframe_may_be_framed(secure: Provider, browser: Browser) -> None:
    """Nothing in the response keeps a client from loading it."""
    browser.http.verify = secure.verify

    response = browser.get(secure.metadata["check_session_iframe"])

    policy = response.headers.get("Content-Security-Policy", "")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")
    assert "X-Frame-Options" not in response.headers
    assert "frame-ancestors" not in policy
    assert "Cross-Origin-Resource-Policy" not in response.headers


@pytest.mark.spec("SM-OP-07", "SM-OP-16")
def test_the_script_is_in_the_page(plain: Provider, browser: Browser) -> None:
    """It listens without having fetched anything."""
    page = browser.get(plain.metadata["check_session_iframe"]).text

    assert "addEventListener" in page
    assert "src=" not in page


@pytest.mark.spec("SM-OP-14")
def test_the_cookie_grants_nothing(
    browser: Browser, new_browser: Callable[..., Browser], shop: RelyingParty
) -> None:
    """Who has nothing but this cookie is not signed in, and learns no name."""
    signed_in = browser.sign_in(shop)
    cookie = check_session_cookie(browser)
    assert cookie is not None
    thief = new_browser()
    thief.http.cookies.set_cookie(cookie)

    assert not thief.is_signed_in(shop)
    assert asks_for_password(thief.authorize(shop))
    assert signed_in.claims["sub"] not in (cookie.value or "")


@pytest.mark.spec("SM-OP-14", "SM-OP-15")
def test_the_attributes_of_the_cookies(
    secure: Provider, new_browser: Callable[..., Browser], join: Join
) -> None:
    """Frames of other sites are shown it; scripts are shown it and nothing else."""
    browser = new_browser(secure)
    browser.sign_in(join(secure))
    readable = check_session_cookie(browser)
    assert readable is not None

    hidden = [each for each in browser.http.cookies if each is not readable]

    assert readable.secure
    assert readable.get_nonstandard_attr("SameSite") == "None"
    assert readable.path == "/"
    assert hidden
    assert all(each.secure and each.has_nonstandard_attr("HttpOnly") for each in hidden)
    assert all(each.name.startswith("__Host-") for each in hidden)


@pytest.mark.spec("SM-OP-15")
def test_when_the_cookie_changes(browser: Browser, join: Join) -> None:
    """Another client, or the same user again, leaves it; a user switch changes it."""
    first, second = join(), join()
    session = browser.sign_in(first)
    values = [_value(browser)]

    browser.sign_in(second)
    browser.sign_in(first, prompt="none")
    browser.get(browser.provider.metadata["check_session_iframe"])
    values.append(_value(browser))
    browser.sign_in(first, "bob", prompt="login")
    values.append(_value(browser))
    browser.confirm(browser.log_out_from(session))
    values.append(_value(browser))

    assert values[0]
    assert values[0] == values[1] != values[2]
    assert values[2]
    assert values[3] not in values[:3]


@pytest.mark.spec("SM-OP-15")
def test_when_no_cookie_is_set(browser: Browser, shop: RelyingParty) -> None:
    """An authorization that changes nothing sets nothing."""
    browser.sign_in(shop)

    response = browser.authorize(shop, prompt="none", follow=False)

    assert "code" in query_of(response.headers["Location"])
    assert "Set-Cookie" not in response.headers


@pytest.mark.spec("SM-OP-15")
def test_a_lost_cookie_comes_back(browser: Browser, shop: RelyingParty) -> None:
    """Where only this cookie is gone, the next request brings the same one back."""
    browser.sign_in(shop)
    cookie = check_session_cookie(browser)
    assert cookie is not None
    browser.http.cookies.clear(cookie.domain, cookie.path, cookie.name)

    state = browser.sign_in(shop).session_state

    assert _value(browser) == cookie.value
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(shop.redirect_uri))
    assert state == expected(state, shop.client_id, origin, cookie.value or "")


@pytest.mark.spec("SM-OP-18")
def test_a_new_session_state(browser: Browser, shop: RelyingParty) -> None:
    """A client whose state has changed gets the new one without a page."""
    first = browser.sign_in(shop)

    second = browser.sign_in(shop, prompt="none", id_token_hint=first.id_token)

    assert second.session_state != first.session_state
    assert claims_of(second.id_token)["sub"] == first.claims["sub"]
