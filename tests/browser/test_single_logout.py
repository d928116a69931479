"""Sign in once, sign out everywhere: in a real browser, on two sites."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import BrowserContext
from playwright.sync_api import expect
from playwright.sync_api import Page

from tests.browser.demo import Demo
from tests.browser.demo import sign_in
from tests.ports import free_port
from tests.sample.clients import RecordingClient
from tests.sample.clients import write_clients
from tests.sample.processes import start

pytestmark = [pytest.mark.browser, pytest.mark.process]

OpenBrowser = Callable[..., BrowserContext]
Screenshot = Callable[[Page, str], None]


@pytest.mark.parametrize(
    ("third_party_cookies", "answer"),
    [
        pytest.param(True, "unchanged", id="third-party cookies allowed"),
        pytest.param(False, "error", id="third-party cookies blocked"),
    ],
)
def test_signing_out_in_one_client_signs_out_everywhere(
    demo: Demo,
    open_browser: OpenBrowser,
    screenshot: Screenshot,
    third_party_cookies: bool,
    answer: str,
) -> None:
    """Mail's page shows the sign-out by itself, and the provider asks again."""
    demo.start()
    context = open_browser(third_party_cookies=third_party_cookies)
    shop, mail = sign_in(context, demo, "Shop"), sign_in(context, demo, "Mail")
    # SM-OP-17: a hidden cookie is an error and no reason to sign anybody out.
    expect(mail.locator("body")).to_have_attribute("data-iframe-answer", answer)
    expect(mail.locator("body")).to_have_attribute("data-signed-in", "true")
    screenshot(mail, "signed-in")

    shop.get_by_role("button", name="Sign out").click()

    shop.wait_for_url(f"{demo.url('Shop')}/**")
    expect(mail.locator("body")).to_have_attribute("data-signed-in", "false")
    told = mail.locator("#told li")
    expect(told.first).to_have_attribute("data-channel", re.compile("-channel$"))
    expect(told.last).to_have_attribute("data-channel", "provider")
    expect(mail.locator("#told")).to_contain_text("reason: rp_initiated")
    screenshot(mail, "signed-out")
    mail.click("#sign-in")
    expect(mail.locator("#password")).to_be_visible()


def test_the_iframe_alone_signs_mail_out(
    demo: Demo, open_browser: OpenBrowser, screenshot: Screenshot
) -> None:
    """A client without logout addresses learns it from the iframe: SM-OP-09."""
    demo.start(Mail=("backchannel_logout_uri", "frontchannel_logout_uri"))
    context = open_browser()
    shop, mail = sign_in(context, demo, "Shop"), sign_in(context, demo, "Mail")
    expect(mail.locator("body")).to_have_attribute("data-iframe-answer", "unchanged")

    shop.get_by_role("button", name="Sign out").click()

    expect(mail.locator("body")).to_have_attribute("data-iframe-answer", "changed")
    expect(mail.locator("body")).to_have_attribute("data-signed-in", "false")
    told = mail.locator("#told li")
    expect(told.nth(0)).to_contain_text("noticed by the iframe")
    expect(told.nth(1)).to_contain_text("reason: login_required")
    expect(told.last).to_contain_text("You signed in.")
    screenshot(mail, "signed-out-by-the-iframe")


def test_what_a_page_was_told_stays_where_it_is(
    demo: Demo, open_browser: OpenBrowser
) -> None:
    """What is new comes on top without a reload, and what is there is not read again."""
    demo.start()
    context = open_browser()
    shop, mail = sign_in(context, demo, "Shop"), sign_in(context, demo, "Mail")
    expect(mail.locator("#told li")).to_have_count(1)
    mail.evaluate("document.querySelector('#told li').id = 'there-before'")

    shop.get_by_role("button", name="Sign out").click()

    expect(mail.locator("li[data-channel=back-channel]")).to_have_count(1)
    expect(mail.locator("li[data-channel=front-channel]")).to_have_count(1)
    expect(mail.locator("#told li").last).to_have_id("there-before")
    expect(mail.locator("#told time").first).to_have_text(re.compile(r"\d:\d\d:\d\d"))


def test_blocked_cookies_never_sign_anybody_out(
    demo: Demo, open_browser: OpenBrowser
) -> None:
    """With hidden cookies no message of the iframe ever says that anything changed."""
    demo.start(Mail=("backchannel_logout_uri", "frontchannel_logout_uri"))
    context = open_browser(third_party_cookies=False)
    shop, mail = sign_in(context, demo, "Shop"), sign_in(context, demo, "Mail")
    mail.evaluate(
        """() => {
            const { clientId, sessionState } = document.body.dataset;
            const frame = document.createElement("iframe");
            frame.src = document.body.dataset.checkSessionIframe;
            document.body.append(frame);
            window.answers = [];
            window.saysMore = () => {
                const already = answers.length;
                return new Promise((done) => {
                    const timer = setInterval(() => {
                        if (answers.length > already + 5) {
                            clearInterval(timer);
                            done();
                        }
                    }, 50);
                });
            };
            window.addEventListener("message", (event) => answers.push(event.data));
            const text = `${clientId} ${sessionState}`;
            setInterval(() => frame.contentWindow.postMessage(text, "*"), 100);
        }"""
    )
    mail.evaluate("saysMore()")

    shop.get_by_role("button", name="Sign out").click()
    shop.wait_for_url(f"{demo.url('Shop')}/**")
    mail.evaluate("saysMore()")

    assert set(mail.evaluate("window.answers")) == {"error"}
    expect(mail.locator("body")).to_have_attribute("data-signed-in", "true")


def test_front_channel_alone_signs_mail_out(
    demo: Demo, open_browser: OpenBrowser
) -> None:
    """A client with only a front channel is signed out by the page: FCL-OP-01."""
    demo.start(Mail=("backchannel_logout_uri",))
    context = open_browser()
    shop, mail = sign_in(context, demo, "Shop"), sign_in(context, demo, "Mail")

    shop.get_by_role("button", name="Sign out").click()

    shop.wait_for_url(f"{demo.url('Shop')}/**")
    expect(mail.locator("#told")).to_contain_text("front channel")
    expect(mail.locator("body")).to_have_attribute("data-signed-in", "false")


def test_signing_out_at_the_provider_says_who_confirmed(
    demo: Demo, open_browser: OpenBrowser, screenshot: Screenshot
) -> None:
    """The provider asks, signs out, and says how many applications confirmed."""
    demo.start()
    context = open_browser()
    sign_in(context, demo, "Shop")
    mail = sign_in(context, demo, "Mail")
    account = context.new_page()
    account.goto(f"{demo.issuer}/account/")
    screenshot(account, "account")
    account.get_by_role("link", name="Sign out").click()
    screenshot(account, "confirm")

    account.get_by_role("button", name="Sign out").click()

    expect(account.locator("#done h1")).to_have_text("You are signed out")
    expect(account.locator("#done")).to_contain_text("2 of 2 applications confirmed")
    screenshot(account, "signed-out")
    expect(mail.locator("body")).to_have_attribute("data-signed-in", "false")


@pytest.mark.parametrize(
    "third_party_cookies",
    [pytest.param(True, id="allowed"), pytest.param(False, id="blocked")],
)
def test_a_client_confirms_in_its_frame(
    demo: Demo, open_browser: OpenBrowser, third_party_cookies: bool
) -> None:
    """A client without back channel says in its frame that the named session is over."""
    demo.start(Mail=("backchannel_logout_uri",))
    context = open_browser(third_party_cookies=third_party_cookies)
    mail = sign_in(context, demo, "Mail")
    account = context.new_page()
    account.goto(f"{demo.issuer}/connect/endsession")

    account.get_by_role("button", name="Sign out", exact=True).click()

    expect(account.locator("#done")).to_contain_text("1 of 1 application confirmed")
    expect(account.locator("#done li")).to_contain_text("signed out")
    expect(account.locator("#advice")).to_be_hidden()
    expect(mail.locator("body")).to_have_attribute("data-signed-in", "false")


def test_reloading_the_logout_page_shows_nothing(
    demo: Demo, open_browser: OpenBrowser
) -> None:
    """The page's address shows no frames a second time: FCL-OP-15."""
    demo.start()
    context = open_browser()
    sign_in(context, demo, "Shop")
    account = context.new_page()
    account.goto(f"{demo.issuer}/connect/endsession")
    account.get_by_role("button", name="Sign out").click()
    expect(account.locator("#done")).to_contain_text("1 of 1 application confirmed")

    account.goto(f"{demo.issuer}/connect/endsession/callback")

    expect(account.locator("h1")).to_have_text("You are signed out")
    expect(account.locator("iframe")).to_have_count(0)
    expect(account.locator("li")).to_have_count(0)


def test_a_second_tab_that_stays_is_not_lost(
    demo: Demo, open_browser: OpenBrowser
) -> None:
    """A client that joined in a second tab is told like the first one."""
    demo.start()
    context = open_browser()
    account = context.new_page()
    account.goto(f"{demo.issuer}/account/")
    second = context.new_page()
    second.goto(f"{demo.issuer}/account/")
    for page in (account, second):
        page.fill("#username", "alice")
        page.fill("#password", "alice")
    account.click("button[type=submit]")
    account.wait_for_url(f"{demo.issuer}/account/")
    mail = sign_in(context, demo, "Mail")
    second.click("button[type=submit]")
    second.wait_for_url(f"{demo.issuer}/account/")

    second.get_by_role("link", name="Sign out").click()
    second.get_by_role("button", name="Sign out").click()

    expect(mail.locator("body")).to_have_attribute("data-signed-in", "false")


def test_a_frame_that_hangs_does_not_hold_the_user(
    tmp_path: Path, open_browser: OpenBrowser
) -> None:
    """The logout page goes on in time, whatever a client does: FCL-OP-13."""
    with contextlib.ExitStack() as ending:
        page = _signed_in_where_it_hangs(tmp_path, open_browser, ending)

        page.get_by_role("button", name="Sign out").click(no_wait_after=True)

        expect(page.locator("#working h1")).to_have_text("Signing you out of slow…")
        expect(page.locator("#done h1")).to_be_visible()
        # It has a back channel, too, and that one is tried again.
        expect(page.locator("#done li")).to_contain_text("not reached yet")


def _signed_in_where_it_hangs(
    tmp_path: Path, open_browser: OpenBrowser, ending: contextlib.ExitStack
) -> Page:
    """The question of a provider, of somebody who uses a client that hangs."""
    client = RecordingClient("slow", front_channel=True, hangs=True).start()
    ending.callback(client.stop)
    file = write_clients(tmp_path / "clients.json", client)
    port = free_port()
    settings = ("--set", "IDP_SESSION_FRONT_CHANNEL_WAIT=1")
    provider = start(
        "sample_idp",
        *("idp", "--port", str(port), "--clients", str(file), *settings),
        cwd=tmp_path,
    )
    ending.callback(provider.close)
    provider.wait_until_ready()
    page = open_browser().new_page()
    query = urlencode(
        {
            "client_id": "slow",
            "redirect_uri": f"{client.url}/callback",
            "response_type": "code",
            "scope": "openid",
        }
    )
    page.goto(f"http://localhost:{port}/connect/authorize?{query}")
    page.fill("#username", "alice")
    page.fill("#password", "alice")
    page.click("button[type=submit]")
    page.wait_for_url(f"{client.url}/**")
    page.goto(f"http://localhost:{port}/connect/endsession")

    return page
