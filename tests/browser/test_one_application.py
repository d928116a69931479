"""Signing out of one application only, in a real browser."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import BrowserContext
from playwright.sync_api import expect
from playwright.sync_api import Page
from playwright.sync_api import ViewportSize

from tests.ports import free_port
from tests.sample.clients import claims_of
from tests.sample.clients import RecordingClient
from tests.sample.processes import start

pytestmark = [pytest.mark.browser, pytest.mark.process]

OpenBrowser = Callable[..., BrowserContext]
Screenshot = Callable[[Page, str], None]

_PHONE: ViewportSize = {"width": 320, "height": 640}
_ONLY = "Only sign out of Shop"


def _metadata(client: RecordingClient) -> dict[str, Any]:
    return {**client.metadata, "client_uri": f"{client.url}/home"}


class Applications:
    """A provider, and two applications with both channels."""

    def __init__(self, folder: Path) -> None:
        self.shop = RecordingClient("Shop", front_channel=True).start()
        self.mail = RecordingClient("Mail", front_channel=True).start()
        file = folder / "clients.json"
        file.write_text(json.dumps([_metadata(self.shop), _metadata(self.mail)]))
        port = free_port()
        self.issuer = f"http://localhost:{port}"
        self._provider = start(
            "sample_idp",
            *("idp", "--port", str(port), "--clients", str(file)),
            # Who clicks twice does so before the first click is answered.
            *("--set", "IDP_SESSION_BACK_CHANNEL_WAIT=8"),
            *("--set", "IDP_SESSION_FRONT_CHANNEL_WAIT=30"),
            cwd=folder,
        )
        self._provider.wait_until_ready()

    def sign_in(self, page: Page, client: RecordingClient) -> bool:
        """At an application.

        :returns: Whether the provider asked for the password.
        """
        query = {
            "client_id": client.client_id,
            "redirect_uri": f"{client.url}/callback",
            "response_type": "code",
            "scope": "openid",
        }
        page.goto(f"{self.issuer}/connect/authorize?{urlencode(query)}")
        asked = page.url.startswith(self.issuer)

        if asked:
            page.fill("#username", "alice")
            page.fill("#password", "alice")
            page.click("button[type=submit]")

        page.wait_for_url(f"{client.url}/**")

        return asked

    def ask(self, page: Page) -> None:
        """What the shop's own page does: send the user to sign out."""
        page.goto(f"{self.issuer}/connect/endsession?client_id=Shop")

    def stop(self) -> None:
        self._provider.close()
        self.shop.stop()
        self.mail.stop()


@pytest.fixture
def applications(tmp_path: Path) -> Iterator[Applications]:
    applications = Applications(tmp_path)
    yield applications
    applications.stop()


@pytest.fixture
def page(applications: Applications, open_browser: OpenBrowser) -> Page:
    """A tab of somebody who uses both applications."""
    page = open_browser().new_page()
    applications.sign_in(page, applications.shop)
    applications.sign_in(page, applications.mail)

    return page


def _frames(client: RecordingClient) -> list[str]:
    return [path for path in client.hits if path.startswith("/front")]


def _wait_for(page: Page, happened: Callable[[], object]) -> None:
    until = time.monotonic() + 60

    while not happened():
        assert time.monotonic() < until
        page.wait_for_timeout(50)


def _expect_left(page: Page, applications: Applications) -> None:
    expect(page.locator("#done h1")).to_have_text("You are signed out of Shop")
    expect(page.locator("#done")).to_contain_text("You are still signed in as")
    expect(page.locator("li")).to_have_count(1)
    expect(page.locator("li")).to_contain_text("signed out")
    _wait_for(page, lambda: _frames(applications.shop))
    expect(page.locator("#done h1")).to_be_visible()
    assert len(_frames(applications.shop)) == 1
    assert [claims_of(each)["aud"] for each in applications.shop.tokens] == ["Shop"]
    assert _frames(applications.mail) == []
    assert applications.mail.tokens == []


def test_only_one_application(
    applications: Applications, page: Page, screenshot: Screenshot
) -> None:
    """The shop is told by both channels, mail by none, and nobody signs in again."""
    applications.ask(page)
    screenshot(page, "question")

    page.get_by_role("button", name=_ONLY).click()

    _expect_left(page, applications)
    screenshot(page, "left")
    page.get_by_role("link", name="Back to Shop").click()
    page.wait_for_url(f"{applications.shop.url}/home")
    assert not applications.sign_in(page, applications.mail)
    assert not applications.sign_in(page, applications.shop)


def test_without_scripts(applications: Applications, page: Page) -> None:
    """The answer is a button of a form, and the frame loads by itself."""
    page.context.new_cdp_session(page).send(
        "Emulation.setScriptExecutionDisabled", {"value": True}
    )
    applications.ask(page)

    page.get_by_role("button", name=_ONLY).click()

    _expect_left(page, applications)


def test_on_a_phone(
    applications: Applications, page: Page, screenshot: Screenshot
) -> None:
    """On a small screen all three answers are there, whole, and large enough."""
    page.set_viewport_size(_PHONE)
    applications.ask(page)
    screenshot(page, "question")

    boxes = [each.bounding_box() for each in page.get_by_role("button").all()]

    assert len(boxes) == 3
    assert all(box and box["x"] >= 0 for box in boxes)
    assert all(box and box["x"] + box["width"] <= 320 for box in boxes)
    assert all(box and box["height"] >= 40 for box in boxes)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320

    page.get_by_role("button", name=_ONLY).click()

    _expect_left(page, applications)
    screenshot(page, "left")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_by_the_keyboard(applications: Applications, page: Page) -> None:
    """The answers are reached in order, and Enter gives the one that has the focus."""
    applications.ask(page)

    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=_ONLY)).to_be_focused()
    page.keyboard.press("Enter")

    _expect_left(page, applications)


def test_a_second_click_keeps_the_frames(
    applications: Applications, page: Page
) -> None:
    """Whoever clicks again, since nothing happens, signs out of all by frames too."""
    applications.shop.hangs = True
    applications.ask(page)
    box = page.get_by_role("button", name="Sign out", exact=True).bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 9, box["y"] + 9)
    # The session has ended, and the provider waits for the shop before it answers.
    _wait_for(page, lambda: applications.shop.tokens)

    page.mouse.click(box["x"] + 9, box["y"] + 9)

    _wait_for(page, lambda: _frames(applications.mail))
    _wait_for(page, lambda: _frames(applications.shop))
    expect(page.locator("#done h1")).to_have_text("You are signed out")
    assert len(applications.mail.tokens) == 1
