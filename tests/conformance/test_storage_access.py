"""The check-session iframe where third-party cookies are blocked, but granted."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext
from playwright.sync_api import Page
from playwright.sync_api import Route

from .browser import Browser
from .chromium import OpenTab
from .chromium import Tab
from .conftest import Join
from .provider import Provider
from .relying_party import RelyingParty

pytestmark = [
    pytest.mark.browser,
    pytest.mark.process,
    pytest.mark.xdist_group("conformance"),
]

_STATUS = "Sec-Fetch-Storage-Access"
_ANSWER = "Activate-Storage-Access"

Blocked = Callable[[], Tab]


@pytest.fixture
def shop(join: Join, secure: Provider) -> RelyingParty:
    return join(secure)


@pytest.fixture
def blocked(open_tab: OpenTab) -> Iterator[Blocked]:
    """Opens tabs of a browser that hides cookies from frames of other sites."""
    contexts: list[BrowserContext] = []

    def blocked() -> Tab:
        tab = open_tab(third_party_cookies=False)
        contexts.append(tab.page.context)
        return tab

    yield blocked

    for context in contexts:
        context.clear_permissions()


@pytest.fixture
def granted(blocked: Blocked) -> Blocked:
    """The same, where the user has allowed it."""

    def granted() -> Tab:
        tab = blocked()
        tab.page.context.grant_permissions(["storage-access"])
        return tab

    return granted


@contextlib.contextmanager
def _without_the_answer(page: Page, address: str) -> Iterator[None]:
    """A provider that does not know the client's origin."""

    def fulfil(route: Route) -> None:
        response = route.fetch()
        kept = {
            name: value
            for name, value in response.headers.items()
            if name != _ANSWER.lower()
        }
        route.fulfill(response=response, headers=kept)

    page.route(address, fulfil)
    yield
    page.unroute(address)


def _log_out(tab: Tab, shop: RelyingParty) -> None:
    tab.sign_in(shop)
    tab.log_out(id_token_hint=tab.redeem(shop), post_logout_redirect_uri=shop.bye)
    tab.page.wait_for_url(shop.bye)


@pytest.mark.spec("SAA-01", "SAA-03", "SAA-04", "SM-OP-08", "SM-OP-09")
def test_a_grant_that_the_provider_uses(granted: Blocked, shop: RelyingParty) -> None:
    """The frame sees what it needs from its first moment, and hears of a logout."""
    staying, leaving = granted(), granted()
    state = staying.sign_in(shop)
    before = staying.verdict(shop, state)

    _log_out(leaving, shop)

    assert (before, staying.verdict(shop, state)) == ("unchanged", "changed")


@pytest.mark.spec("SAA-01", "SM-OP-08", "SM-OP-09")
def test_a_grant_that_the_script_uses(
    granted: Blocked, secure: Provider, shop: RelyingParty
) -> None:
    """Where the provider does not help, the script finds the grant by itself."""
    staying, leaving = granted(), granted()
    state = staying.sign_in(shop)

    with _without_the_answer(staying.page, secure.metadata["check_session_iframe"]):
        before = staying.verdict(shop, state)

    _log_out(leaving, shop)

    assert (before, staying.verdict(shop, state)) == ("unchanged", "changed")


@pytest.mark.spec("SAA-03", "SAA-04", "SM-OP-16")
def test_what_is_fetched_with_a_grant(granted: Blocked, shop: RelyingParty) -> None:
    """The frame is fetched once, with the header and its answer; polling is free."""
    tab = granted()
    state = tab.sign_in(shop)
    seen = tab.requests()

    verdicts = {tab.verdict(shop, state) for _ in range(20)}

    [request] = seen
    response = request.response()
    assert response is not None
    assert verdicts == {"unchanged"}
    assert request.all_headers()[_STATUS.lower()] == "inactive"
    assert response.all_headers()[_ANSWER.lower()] == "load"


@pytest.mark.spec("SM-OP-16", "SM-OP-17")
def test_without_a_grant(blocked: Blocked, shop: RelyingParty) -> None:
    """Signed in or out, the answer is ``error``, and asking for it asks nobody."""
    staying, leaving = blocked(), blocked()
    state = staying.sign_in(shop)
    seen = staying.requests()
    before = {staying.verdict(shop, state) for _ in range(5)}

    _log_out(leaving, shop)

    assert before == {staying.verdict(shop, state)} == {"error"}
    assert len(seen) == 1


@pytest.mark.spec("SM-OP-17")
def test_a_grant_that_is_taken_back(blocked: Blocked, shop: RelyingParty) -> None:
    """A new frame without the grant cannot see anything, and does not say that it can."""
    tab = blocked()
    tab.page.context.grant_permissions(["storage-access"])
    state = tab.sign_in(shop)
    before = tab.verdict(shop, state)
    tab.page.context.clear_permissions()

    tab.page.reload()

    assert (before, tab.verdict(shop, state)) == ("unchanged", "error")


@pytest.mark.parametrize(
    ("grants", "given"),
    [
        pytest.param(True, "code", id="granted"),
        pytest.param(False, "error", id="not granted"),
    ],
)
@pytest.mark.spec("SAA-04", "SM-OP-18")
def test_asking_silently(
    blocked: Blocked, granted: Blocked, shop: RelyingParty, grants: bool, given: str
) -> None:
    """With a grant, a hidden frame with ``prompt=none`` finds who is signed in."""
    tab = granted() if grants else blocked()
    tab.sign_in(shop)

    answer = tab.authorize_in_frame(shop, prompt="none")

    assert given in answer
    assert "session_state" in answer


@pytest.mark.spec("SAA-04")
def test_whose_pages_are_helped(browser: Browser, shop: RelyingParty) -> None:
    """Only pages at the origin of a registered redirect URI are."""
    address = shop.provider.metadata["check_session_iframe"]
    browser.http.verify = shop.provider.verify
    answers = [
        browser.http.get(
            address, headers={_STATUS: "inactive", "Origin": origin}, timeout=30
        ).headers.get(_ANSWER)
        for origin in (shop.url, "https://evil.test")
    ]

    assert answers == ["load", None]
