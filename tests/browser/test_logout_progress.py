"""The signed-out page follows the sign-out, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import BrowserContext
from playwright.sync_api import expect
from playwright.sync_api import Page
from playwright.sync_api import ViewportSize

from tests.ports import free_port
from tests.sample.clients import RecordingClient
from tests.sample.clients import write_clients
from tests.sample.processes import start

pytestmark = [pytest.mark.browser, pytest.mark.process]

OpenBrowser = Callable[..., BrowserContext]
Screenshot = Callable[[Page, str], None]

_PHONE: ViewportSize = {"width": 360, "height": 640}


class Applications:
    """A provider, one application that answers, one that is down, one that refuses."""

    def __init__(self, folder: Path) -> None:
        self.mail = RecordingClient("Mail").start()
        self.shop = RecordingClient("Shop", status=503).start()
        self.wiki = RecordingClient("Wiki", status=400).start()
        self.all = (self.mail, self.shop, self.wiki)
        file = write_clients(folder / "clients.json", *self.all)
        port = free_port()
        self.issuer = f"http://localhost:{port}"
        settings = (
            *("--set", "IDP_SESSION_DELIVERY_RETRY_AFTER=1"),
            # The page comes when each has answered, however busy the machine is.
            *("--set", "IDP_SESSION_BACK_CHANNEL_WAIT=30"),
        )
        self._provider = start(
            "sample_idp",
            *("idp", "--port", str(port), "--clients", str(file), *settings),
            cwd=folder,
        )
        self._provider.wait_until_ready()

    def sign_in(self, page: Page) -> None:
        """At the provider, and so at every application."""
        for client in self.all:
            query = {
                "client_id": client.client_id,
                "redirect_uri": f"{client.url}/callback",
                "response_type": "code",
                "scope": "openid",
            }
            page.goto(f"{self.issuer}/connect/authorize?{urlencode(query)}")

            if page.url.startswith(self.issuer):
                page.fill("#username", "alice")
                page.fill("#password", "alice")
                page.click("button[type=submit]")

            page.wait_for_url(f"{client.url}/**")

    def sign_out(self, page: Page) -> None:
        page.goto(f"{self.issuer}/connect/endsession")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/endsession/callback")

    def stop(self) -> None:
        self._provider.close()

        for client in self.all:
            client.stop()


@pytest.fixture
def applications(tmp_path: Path) -> Iterator[Applications]:
    applications = Applications(tmp_path)
    yield applications
    applications.stop()


def _row(page: Page, name: str) -> str:
    return " ".join(page.locator("li", has_text=name).inner_text().split())


def _expect_waiting(page: Page) -> None:
    expect(page.locator("#summary")).to_have_text("1 of 3 applications confirmed.")
    assert _row(page, "Mail") == "Mail signed out"
    assert _row(page, "Shop") == "Shop not reached yet; we keep trying"
    assert _row(page, "Wiki").startswith("Wiki could not be told; sign out there")


def test_the_page_follows_the_sign_out(
    applications: Applications, open_browser: OpenBrowser, screenshot: Screenshot
) -> None:
    """What is reached later is shown later, without a reload, and then all is quiet."""
    page = open_browser().new_page()
    errors: list[str] = []
    asked: list[str] = []
    page.on("console", lambda said: errors.append(f"{said.text} {said.location}"))
    page.on("pageerror", lambda error: errors.append(str(error)))
    applications.sign_in(page)
    errors.clear()
    page.on("request", lambda r: asked.append(r.url) if "/progress" in r.url else None)
    applications.sign_out(page)
    _expect_waiting(page)
    screenshot(page, "waiting")
    page.set_viewport_size(_PHONE)
    screenshot(page, "waiting-on-a-phone")

    applications.shop.status = 200

    expect(page.locator("li", has_text="Shop")).to_contain_text("signed out")
    expect(page.locator("#summary")).to_have_text("2 of 3 applications confirmed.")
    screenshot(page, "done-on-a-phone")
    until_now = len(asked)
    page.wait_for_timeout(3000)
    assert until_now >= 1
    assert len(asked) == until_now
    assert {url.partition("?")[2] for url in asked} == {""}
    assert [error for error in errors if "favicon.ico" not in error] == []


def test_the_page_needs_no_script(
    applications: Applications, open_browser: OpenBrowser
) -> None:
    """Without scripts it says what was known when it was made."""
    context = open_browser()
    page = context.new_page()
    applications.sign_in(page)
    context.new_cdp_session(page).send(
        "Emulation.setScriptExecutionDisabled", {"value": True}
    )

    applications.sign_out(page)

    _expect_waiting(page)
    expect(page.locator("#done h1")).to_have_text("You are signed out")


def test_what_changes_is_read_out_as_a_whole(
    applications: Applications, open_browser: OpenBrowser
) -> None:
    """Who listens to the page hears the name with the news, and is not interrupted."""
    page = open_browser().new_page()
    applications.sign_in(page)

    applications.sign_out(page)

    row = page.locator("li", has_text="Shop")
    assert row.get_attribute("aria-atomic") == "true"
    assert page.locator("[aria-live=polite]").locator(row).count() == 1


def test_a_provider_that_is_away_for_a_moment(
    applications: Applications, open_browser: OpenBrowser
) -> None:
    """An answer that fails is asked for again; the page stays as it was."""
    page = open_browser().new_page()
    applications.sign_in(page)
    page.route(
        "**/endsession/progress", lambda route: route.fulfill(status=503), times=1
    )
    applications.sign_out(page)
    _expect_waiting(page)

    applications.shop.status = 200

    expect(page.locator("li", has_text="Shop")).to_contain_text("signed out")
