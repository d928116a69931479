"""The logout page in a real browser, with clients on another site."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

from tests.sample.clients import claims_of

from .browser import REFUSALS
from .browser import STATE
from .chromium import OpenTab
from .chromium import Tab
from .conftest import Join
from .provider import Provider
from .relying_party import Answer
from .relying_party import LONGEST_PAUSE

pytestmark = [
    pytest.mark.browser,
    pytest.mark.process,
    pytest.mark.xdist_group("conformance"),
]


@pytest.mark.spec("FCL-OP-01", "FCL-OP-02", "FCL-OP-03", "FCL-OP-04")
@pytest.mark.spec("FCL-OP-05", "FCL-OP-06", "FCL-OP-07", "FCL-OP-14")
def test_the_course_of_a_logout(tab: Tab, secure: Provider, join: Join) -> None:
    """Each client is loaded with issuer and session, and only then comes the redirect."""
    shop, mail = join(secure, front=True), join(secure, front=True)
    tab.sign_in(mail)
    tab.sign_in(shop)
    id_token = tab.redeem(shop)

    tab.log_out(id_token_hint=id_token, post_logout_redirect_uri=shop.bye, state=STATE)
    tab.page.wait_for_url(f"{shop.bye}**")

    [told_shop], [told_mail] = shop.hits_at("/front"), mail.hits_at("/front")
    [arrived] = shop.hits_at("/bye")
    expected = {"iss": [secure.issuer], "sid": [claims_of(id_token)["sid"]]}
    assert told_shop.parameters == told_mail.parameters == expected
    assert {hit.headers["Sec-Fetch-Dest"] for hit in (told_shop, told_mail)} == {
        "iframe"
    }
    assert "Referer" not in told_shop.headers
    assert arrived.parameters == {"state": [STATE]}
    assert max(told_shop.at, told_mail.at) < arrived.at
    assert tab.authorize(shop, prompt="none")["error"] in REFUSALS


@pytest.mark.spec("FCL-OP-01")
def test_the_frame_has_the_cookies_of_the_client(
    tab: Tab, secure: Provider, join: Join
) -> None:
    """A client that knows its session by a cookie finds it in the frame."""
    party = join(secure, front=True)
    cookie = "client_session=mine; SameSite=None; Secure; Path=/"
    party.answers["/callback"] = [Answer(headers={"Set-Cookie": cookie})]
    tab.sign_in(party)

    tab.log_out(id_token_hint=tab.redeem(party), post_logout_redirect_uri=party.bye)
    tab.page.wait_for_url(party.bye)

    [hit] = party.hits_at("/front")
    assert hit.headers["Cookie"] == "client_session=mine"


@pytest.mark.spec("FCL-OP-07")
def test_the_frames_load_at_once(tab: Tab, secure: Provider, join: Join) -> None:
    """A client that hangs does not keep the others from being loaded."""
    slow, *others = (join(secure, front=True) for _ in range(3))
    slow.answers["/front"] = [Answer(hangs=True)]

    for party in (slow, *others):
        tab.sign_in(party)

    tab.log_out()
    began = time.monotonic()
    tab.page.get_by_role("button", name="Sign out").click(no_wait_after=True)
    expect(tab.page.locator("iframe")).to_have_count(3)
    tab.page.wait_for_function("true")
    deadline = time.monotonic() + 60
    while not all(each.hits_at("/front") for each in (slow, *others)):
        assert time.monotonic() < deadline
        tab.page.wait_for_timeout(20)

    assert time.monotonic() - began < LONGEST_PAUSE / 2


@pytest.mark.spec("FCL-OP-13")
def test_a_client_that_hangs(tab: Tab, secure: Provider, join: Join) -> None:
    """The browser goes on to the client that asked, though another one never answers."""
    slow, shop = join(secure, front=True), join(secure)
    slow.answers["/front"] = [Answer(hangs=True)]
    tab.sign_in(slow)
    tab.sign_in(shop)
    id_token = tab.redeem(shop)
    began = time.monotonic()

    tab.log_out(id_token_hint=id_token, post_logout_redirect_uri=shop.bye, state="s")
    tab.page.wait_for_url(f"{shop.bye}?state=s")

    assert len(slow.hits_at("/front")) == 1
    assert time.monotonic() - began < LONGEST_PAUSE / 2


@pytest.mark.spec("FCL-OP-13")
def test_a_client_that_is_down(tab: Tab, secure: Provider, join: Join) -> None:
    """A frame that cannot be loaded is no reason to wait."""
    down, shop = join(secure, front=True), join(secure)
    tab.sign_in(down)
    tab.sign_in(shop)
    id_token = tab.redeem(shop)
    down.stop()

    tab.log_out(id_token_hint=id_token, post_logout_redirect_uri=shop.bye)

    tab.page.wait_for_url(shop.bye)


@pytest.mark.spec("FCL-OP-13")
def test_a_client_that_breaks_out(tab: Tab, secure: Provider, join: Join) -> None:
    """A page in a frame does not lead the browser elsewhere, and opens nothing."""
    bad, evil = join(secure, front=True), join(secure)
    script = f"""<script>
        try {{ top.location = "{evil.url}/evil"; }} catch {{}}
        open("{evil.url}/evil");
        fetch("/ran");
    </script>"""
    bad.answers["/front"] = [Answer(body=script)]
    tab.sign_in(bad)

    with tab.page.expect_request(f"{bad.url}/ran"):
        tab.log_out(id_token_hint=tab.redeem(bad))

    expect(tab.page.locator("#done h1")).to_be_visible()
    sandbox = tab.page.locator("iframe").get_attribute("sandbox") or ""
    assert evil.hits == []
    # Browsers stop a frame only until somebody has clicked on it; this does for good.
    assert set(sandbox.split()) == {
        *("allow-scripts", "allow-same-origin", "allow-forms"),
        "allow-storage-access-by-user-activation",
    }


@pytest.mark.spec("FCL-OP-01", "FCL-OP-16")
def test_hidden_cookies(open_tab: OpenTab, secure: Provider, join: Join) -> None:
    """Where frames are shown no cookies, the client is told all the same."""
    tab = open_tab(third_party_cookies=False)
    party = join(secure, front=True)
    tab.sign_in(party)
    id_token = tab.redeem(party)

    tab.log_out(id_token_hint=id_token, post_logout_redirect_uri=party.bye)
    tab.page.wait_for_url(party.bye)

    [hit] = party.hits_at("/front")
    assert hit.parameters["sid"] == [claims_of(id_token)["sid"]]


@pytest.mark.spec("RIL-OP-23")
def test_no_redirect_in_a_browser(tab: Tab, secure: Provider, join: Join) -> None:
    """Scripts of the page do not lead to an address that was refused, either."""
    party = join(secure, front=True)
    tab.sign_in(party)
    before = len(party.hits)

    tab.log_out(
        id_token_hint=tab.redeem(party),
        post_logout_redirect_uri=f"{party.url}/other",
        state="s",
    )

    expect(tab.page.locator("#done h1")).to_be_visible()
    assert tab.page.url.startswith(secure.issuer)
    assert [hit.path for hit in party.hits[before:]] == ["/front"]
