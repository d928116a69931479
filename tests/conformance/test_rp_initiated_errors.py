"""Logout requests that cannot be understood."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from .browser import asks_to_sign_out
from .browser import Browser
from .browser import SignedIn
from .conftest import Join
from .pages import is_own_page
from .relying_party import RelyingParty

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("conformance")]


@pytest.fixture
def session(browser: Browser, shop: RelyingParty) -> SignedIn:
    return browser.sign_in(shop)


@pytest.mark.parametrize("name", ["state", "client_id", "logout_hint", "ui_locales"])
@pytest.mark.spec("RIL-OP-29")
def test_what_is_sent_is_escaped(
    browser: Browser, session: SignedIn, name: str
) -> None:
    """A page is HTML, and nothing that was sent becomes a part of it."""
    request: dict[str, Any] = {
        "id_token_hint": "nonsense",
        "post_logout_redirect_uri": 'https://evil.test/"><script>alert(1)</script>',
        name: '"><script>alert(2)</script>',
    }

    page = browser.log_out(**request)

    assert is_own_page(browser.provider, page)
    assert "<script>alert" not in page.text


@pytest.mark.spec("RIL-OP-29")
def test_the_name_of_a_client_is_escaped(browser: Browser, join: Join) -> None:
    """A client cannot put markup into the question either."""
    party = join(client_name="<b onclick=alert(1)>Shop</b>")
    browser.sign_in(party)

    page = browser.log_out(client_id=party.client_id)

    assert "<b onclick" not in page.text
    assert "&lt;b onclick" in page.text


@pytest.mark.spec("RIL-OP-29")
def test_after_an_error_the_user_can_sign_out(
    browser: Browser, session: SignedIn
) -> None:
    """At a shared machine a client's mistake does not keep anybody signed in."""
    page = browser.log_out(
        id_token_hint="nonsense",
        post_logout_redirect_uri=f"{session.client.url}/other",
    )

    browser.confirm(page)

    assert session.client.hits_at("/other") == []
    assert not browser.is_signed_in(session.client)


@pytest.mark.parametrize("name", ["id_token_hint", "post_logout_redirect_uri"])
@pytest.mark.spec("RIL-OP-28")
def test_a_parameter_that_comes_twice(
    browser: Browser, session: SignedIn, name: str
) -> None:
    """Of two values none is chosen, so nothing is proved by either."""
    party = session.client
    values = {
        "id_token_hint": session.id_token,
        "post_logout_redirect_uri": party.bye,
    }
    query = urlencode([*values.items(), (name, values[name] + "x")])

    page = browser.get(f"{browser.provider.metadata['end_session_endpoint']}?{query}")

    if asks_to_sign_out(page):
        page = browser.confirm(page)

    assert is_own_page(browser.provider, page)
    assert page.status_code == 200
    assert party.hits_at("/bye") == []


@pytest.mark.parametrize(
    "query",
    [
        "id_token_hint=%ff%fe",
        "id_token_hint=%00",
        "client_id=%ff&state=%ff",
        "client_id=%F0%9F%98%80",
        "post_logout_redirect_uri=%ff",
        "id_token_hint=" + "a." * 1000,
        "id_token_hint=e30.e30.e30",
        "id_token_hint=" + "%5B" * 1200,
        "logout_request=zz",
        "logout_request=00",
        "&&&===",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.spec("RIL-OP-29")
def test_bytes_that_mean_nothing(
    browser: Browser, session: SignedIn, method: str, query: str
) -> None:
    """Whatever comes, the answer is a page that offers to sign out."""
    endpoint = browser.provider.metadata["end_session_endpoint"]
    in_body = {"Content-Type": "application/x-www-form-urlencoded"}

    if method == "GET":
        page = browser.http.get(f"{endpoint}?{query}", timeout=30)
    else:
        page = browser.http.post(endpoint, query, headers=in_body, timeout=30)

    assert page.status_code == 200
    assert asks_to_sign_out(page)
    assert session.client.hits_at("/bye") == []
    assert browser.is_signed_in(session.client)


@pytest.mark.spec("RIL-OP-20", "RIL-OP-29")
def test_a_second_click(browser: Browser, session: SignedIn) -> None:
    """The answer that comes twice, as from a double click, is no error."""
    asked = browser.log_out()

    pages = [browser.confirm(asked) for _ in range(2)]

    assert [page.status_code for page in pages] == [200, 200]
    assert all("You are signed out" in page.text for page in pages)
