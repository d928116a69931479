"""The pages for everybody: axe finds nothing, and the keyboard reaches everything."""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from typing import Literal
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext
from playwright.sync_api import expect
from playwright.sync_api import Page
from playwright.sync_api import ViewportSize

from tests.ports import free_port
from tests.sample.clients import RecordingClient
from tests.sample.person import Person
from tests.sample.processes import start

pytestmark = [pytest.mark.browser, pytest.mark.process]

OpenBrowser = Callable[..., BrowserContext]
Screenshot = Callable[[Page, str], None]

_SIZES: dict[str, ViewportSize] = {
    "narrow": {"width": 320, "height": 640},
    "desktop": {"width": 1280, "height": 800},
}
_SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# The frames are the applications' own pages.
_OPTIONS = {"resultTypes": ["violations"], "iframes": False}
_WIDTH = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_OUTLINE = """() => {
  const style = getComputedStyle(document.activeElement);
  return [document.activeElement.value, style.outlineStyle, style.outlineWidth];
}"""


class Provider:
    """A provider, and applications of which each has something else said of it."""

    def __init__(self, folder: Path) -> None:
        self.mail = RecordingClient("Mail").start()
        self.shop = RecordingClient("Shop", status=503, front_channel=True).start()
        self.wiki = RecordingClient("Wiki", status=400).start()
        self.notes = RecordingClient("Notes", status=503).start()
        self.all = (self.mail, self.shop, self.wiki, self.notes)
        file = folder / "clients.json"
        metadata: list[dict[str, Any]] = [each.metadata for each in self.all]
        file.write_text(json.dumps(metadata))
        port = free_port()
        self.issuer = f"http://localhost:{port}"
        self._provider = start(
            "sample_idp",
            *("idp", "--port", str(port), "--clients", str(file)),
            # Each answers at once, as far as the machine lets it.
            *("--set", "IDP_SESSION_BACK_CHANNEL_WAIT=30"),
            *("--set", "IDP_SESSION_FRONT_CHANNEL_WAIT=30"),
            cwd=folder,
        )
        self._provider.wait_until_ready()

    def tab(
        self, browser: BrowserContext, language: str, *, user: str = "alice"
    ) -> Page:
        """A tab of somebody who uses all of them, and prefers a language."""
        page = browser.new_page()
        page.set_extra_http_headers({"Accept-Language": language})

        for client in self.all:
            query = {
                "client_id": client.client_id,
                "redirect_uri": f"{client.url}/callback",
                "response_type": "code",
                "scope": "openid",
            }
            page.goto(f"{self.issuer}/connect/authorize?{urlencode(query)}")

            if page.url.startswith(self.issuer):
                page.fill("#username", user)
                page.fill("#password", user)
                page.click("button[type=submit]")

            page.wait_for_url(f"{client.url}/**")

        return page

    def ask(self, page: Page) -> None:
        page.goto(f"{self.issuer}/connect/endsession?client_id=Shop")

    def stop(self) -> None:
        self._provider.close()

        for client in self.all:
            client.stop()


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    provider = Provider(tmp_path)
    yield provider
    provider.stop()


class Inspector:
    """Looks at a page in each size and in both colour schemes."""

    def __init__(self, screenshot: Screenshot) -> None:
        self._screenshot = screenshot
        #: What was found, as page, circumstances and rule.
        self.found: list[str] = []

    def look_at(self, page: Page, name: str) -> None:
        for size in _SIZES:
            page.set_viewport_size(_SIZES[size])

            for scheme in _SCHEMES:
                page.emulate_media(color_scheme=scheme)
                self._look(page, f"{name}-{size}-{scheme}")

    def _look(self, page: Page, where: str) -> None:
        self._screenshot(page, where)
        answer = Axe().run(page, options=_OPTIONS).response
        self.found += [
            f"{where}: {each['id']}: {node['html']}"
            for each in answer["violations"]
            for node in each["nodes"]
        ]

        if page.evaluate(_WIDTH) > 0:
            self.found.append(f"{where}: wider than the window")


@pytest.fixture
def inspector(screenshot: Screenshot) -> Inspector:
    return Inspector(screenshot)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_pages_of_a_logout(
    provider: Provider, open_browser: OpenBrowser, inspector: Inspector, language: str
) -> None:
    """Nobody is kept out, by size, by colours or by what reads the page aloud."""
    page = provider.tab(open_browser(), language)
    provider.ask(page)
    expect(page.locator("html")).to_have_attribute("lang", language)
    inspector.look_at(page, "question")
    page.locator("button[value=no]").click()
    inspector.look_at(page, "still-signed-in")
    provider.ask(page)
    page.locator("button[value=only]").click()
    page.wait_for_url("**/endsession/callback")
    expect(page.locator("#done")).to_be_visible()
    inspector.look_at(page, "signed-out-of-one")
    page.goto(f"{provider.issuer}/connect/endsession")
    page.locator("button[value=yes]").click()
    page.wait_for_url("**/endsession/callback")
    expect(page.locator("#done")).to_be_visible()
    expect(page.locator("#applications li")).to_have_count(4)
    expect(page.locator("li[data-state=waiting]")).to_have_count(1)
    inspector.look_at(page, "signed-out")

    assert inspector.found == []


@pytest.mark.timeout(240)
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_pages_of_devices(
    provider: Provider, open_browser: OpenBrowser, inspector: Inspector, language: str
) -> None:
    """The same holds for the list of devices, its question and what came of it."""
    phone = Person(provider.issuer)
    phone.sign_in(provider.mail)
    page = provider.tab(open_browser(), language)
    page.goto(f"{provider.issuer}/account/sessions")
    expect(page.locator("html")).to_have_attribute("lang", language)
    inspector.look_at(page, "devices")
    page.locator("li a.button").last.click()
    inspector.look_at(page, "devices-question")
    page.locator("form button[type=submit]").click()
    expect(page.locator("#ended")).to_be_visible()
    inspector.look_at(page, "devices-ended")

    assert inspector.found == []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_pages_of_administrators(
    provider: Provider, open_browser: OpenBrowser, inspector: Inspector, language: str
) -> None:
    """The same holds for each of theirs, with something on it and with nothing."""
    phone = Person(provider.issuer)
    phone.sign_in(provider.mail)
    phone.sign_in(provider.wiki)
    page = provider.tab(open_browser(), language, user="admin")
    start = f"{provider.issuer}/administration"
    page.goto(f"{start}/sessions?subject_id=alice")
    expect(page.locator("html")).to_have_attribute("lang", language)
    inspector.look_at(page, "admin-sessions")
    page.locator("td a").click()
    inspector.look_at(page, "admin-session")
    page.locator("a.primary").click()
    inspector.look_at(page, "admin-question")
    page.locator("button.primary").click()
    inspector.look_at(page, "admin-ended")
    page.goto(f"{start}/deliveries")
    expect(page.locator("td[data-delivery=refused] .state")).to_be_visible()
    inspector.look_at(page, "admin-deliveries")
    page.locator("tbody th a").first.click()
    inspector.look_at(page, "admin-delivery")

    for name, path in {
        "overview": "/",
        "none": "/sessions?subject_id=nobody",
        "problem": "/sessions?limit=0",
    }.items():
        page.goto(start + path)
        inspector.look_at(page, f"admin-{name}")

    assert inspector.found == []


def test_the_keyboard_reaches_each_answer(
    provider: Provider, open_browser: OpenBrowser
) -> None:
    """In the order in which they are read, and it can be seen which one is meant."""
    page = provider.tab(open_browser(), "en")
    provider.ask(page)
    reached = []

    for _ in range(3):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(_OUTLINE))

    assert reached == [[answer, "solid", "3px"] for answer in ("yes", "only", "no")]
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("You are still signed in")
