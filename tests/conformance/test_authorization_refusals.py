"""Authorization requests after which nobody may come to any client."""

from __future__ import annotations

from typing import Any

import pytest

from .browser import Browser
from .conftest import Join
from .pages import is_own_page
from .provider import Provider
from .relying_party import RelyingParty

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("conformance")]

#: Addresses that the client has not registered.
ADDRESSES = [
    pytest.param("{url}/other", id="another page"),
    pytest.param("{url}/callback?foo=bar", id="query"),
    pytest.param("{url}/callback?", id="empty query"),
    pytest.param("{url}/callback#", id="fragment"),
    pytest.param("{url}/callback/", id="slash"),
    pytest.param("{url}/callback/../callback", id="dots"),
    pytest.param("{url}/callback%20", id="blank"),
    pytest.param(" {url}/callback", id="blank in front"),
    pytest.param("{elsewhere}/callback", id="another client"),
    pytest.param("//{host}/callback", id="no scheme"),
]

#: What else a request says: nothing, or something that is refused by itself.
REQUESTS = [
    pytest.param({}, id="alone"),
    pytest.param({"prompt": "none"}, id="in silence"),
    pytest.param({"response_type": "nonsense"}, id="with a wrong response type"),
    pytest.param({"scope": "nonsense"}, id="with a wrong scope"),
]


@pytest.fixture
def elsewhere(join: Join) -> RelyingParty:
    """Another client, to which people come with its own address."""
    return join()


@pytest.fixture(params=["signed in", "nobody"])
def visitor(
    request: pytest.FixtureRequest, browser: Browser, shop: RelyingParty
) -> Browser:
    """A browser in which somebody is signed in at the client, or nobody."""
    if request.param == "signed in":
        browser.sign_in(shop)

    return browser


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("parameters", REQUESTS)
def test_an_address_that_is_not_registered(
    visitor: Browser,
    shop: RelyingParty,
    elsewhere: RelyingParty,
    address: str,
    parameters: dict[str, Any],
) -> None:
    """Neither a code nor an error goes there: the user stays, and reads why."""
    visited = len(shop.hits)
    redirect_uri = address.format(
        url=shop.url, host=shop.url.partition("//")[2], elsewhere=elsewhere.url
    )

    page = visitor.authorize(shop, redirect_uri=redirect_uri, **parameters)

    assert page.status_code == 400
    assert is_own_page(visitor.provider, page)
    assert (len(shop.hits), elsewhere.hits) == (visited, [])


def test_a_client_that_nobody_knows(
    plain: Provider, browser: Browser, shop: RelyingParty
) -> None:
    """An address is somebody's; without a client it is nobody's."""
    browser.sign_in(shop)
    visited = len(shop.hits)

    page = browser.authorize(shop, client_id="nobody")

    assert is_own_page(plain, page)
    assert len(shop.hits) == visited
