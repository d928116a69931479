"""The pictures of the README, which are taken of what is really there."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext
from playwright.sync_api import expect
from playwright.sync_api import Page

from tests.browser.demo import Demo
from tests.browser.demo import sign_in

pytestmark = [pytest.mark.browser, pytest.mark.process]

OpenBrowser = Callable[..., BrowserContext]

#: ``make screenshots`` copies them from here to the docs; git ignores it.
_FOLDER = Path(__file__).parents[2] / "artefacts" / "screenshots"
#: The ports of the demo, which ``make screenshots`` names; else any that are free.
_PORTS = tuple(map(int, os.environ.get("SCREENSHOT_PORTS", "").split()))
_LARGEST = 100_000
_DESK, _WIDE, _HALF, _PHONE = 1200, 640, 450, 360
_SIDEWAYS = (
    "document.documentElement.scrollWidth > document.documentElement.clientWidth"
)
_ON_WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)
_ON_ANDROID = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Mobile Safari/537.36"
)

_ALBUM = "body { margin: 0; display: flex; align-items: start; background: #f6f7f6 }"


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path, ports=_PORTS)
    demo.start()
    yield demo
    demo.stop()


def _keep(page: Page, name: str, *, folder: Path = _FOLDER) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    page.screenshot(path=path, full_page=True)

    assert path.stat().st_size < _LARGEST


def _take_on_a_phone(page: Page, name: str) -> None:
    """A picture to look at: a small screen in the dark, which nothing overflows."""
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.set_viewport_size({"width": _PHONE, "height": 640})
    _keep(page, name, folder=_FOLDER / "phone")
    page.emulate_media(color_scheme="light", reduced_motion="reduce")

    assert not page.evaluate(_SIDEWAYS), f"{name} scrolls sideways on a phone"


def _take(page: Page, name: str, *, height: int = 480, width: int = _WIDE) -> None:
    _take_on_a_phone(page, name)
    page.set_viewport_size({"width": width, "height": height})
    _keep(page, name)


def _beside(context: BrowserContext, name: str, *pages: Page) -> None:
    """One picture of several pages, as in windows side by side."""
    album = context.new_page()
    album.set_viewport_size({"width": 2 * _HALF, "height": 320})
    album.set_content("<!doctype html><body>")
    album.add_style_tag(content=_ALBUM)

    for page in pages:
        page.set_viewport_size({"width": _HALF, "height": 740})
        # All of it, and in a small file.
        page.evaluate("document.documentElement.style.zoom = 0.85")
        picture = base64.b64encode(page.screenshot()).decode()
        album.evaluate(
            """(picture) => {
                const image = new Image();
                image.src = `data:image/png;base64,${picture}`;
                document.body.append(image);
                return image.decode();
            }""",
            picture,
        )

    _keep(album, name)
    album.close()


def test_shop_and_mail_after_a_sign_out(demo: Demo, open_browser: OpenBrowser) -> None:
    """Both applications show, side by side, how each of them came to know."""
    context = open_browser()
    shop, mail = sign_in(context, demo, "Shop"), sign_in(context, demo, "Mail")

    shop.get_by_role("button", name="Sign out").click()
    shop.wait_for_url(f"{demo.url('Shop')}/**")

    for page in (shop, mail):
        expect(page.locator("li[data-channel=back-channel]")).to_have_count(1)
        expect(page.locator("li[data-channel=front-channel]")).to_have_count(1)
        expect(page.locator("#status")).to_contain_text("signed out")
    _take_on_a_phone(shop, "shop")
    _take_on_a_phone(mail, "mail")
    _beside(context, "shop-and-mail", shop, mail)


def test_the_pages_of_the_provider(demo: Demo, open_browser: OpenBrowser) -> None:
    """The sign-in, the account, the devices, the question and what came of it."""
    elsewhere = open_browser(user_agent=_ON_ANDROID)
    sign_in(elsewhere, demo, "Mail")
    context = open_browser(user_agent=_ON_WINDOWS)
    page = context.new_page()
    page.goto(f"{demo.url('Shop')}/login")
    expect(page.locator("#password")).to_be_visible()
    _take(page, "login")

    sign_in(context, demo, "Shop")
    sign_in(context, demo, "Mail")
    page.goto(f"{demo.issuer}/account/")
    _take(page, "account")
    page.get_by_role("link", name="Your devices").click()
    expect(page.locator(".entries > li")).to_have_count(2)
    _take(page, "devices")
    page.goto(f"{demo.issuer}/account/")
    page.get_by_role("link", name="Sign out").click()
    _take(page, "confirm-logout", height=320)
    page.get_by_role("button", name="Sign out", exact=True).click()

    expect(page.locator("#done")).to_contain_text("2 of 2 applications confirmed")
    _take(page, "signed-out", height=400)


def test_the_pages_of_administrators(demo: Demo, open_browser: OpenBrowser) -> None:
    """How much there is, a list of sessions, and what one end of a session led to."""
    for user_agent in (_ON_ANDROID, _ON_WINDOWS):
        elsewhere = open_browser(user_agent=user_agent)
        sign_in(elsewhere, demo, "Shop")
        sign_in(elsewhere, demo, "Mail")

    page = open_browser().new_page()
    page.goto(f"{demo.issuer}/administration/sessions")
    page.fill("#username", "admin")
    page.fill("#password", "admin")
    page.click("button[type=submit]")
    expect(page.locator("tbody tr")).to_have_count(3)
    _take(page, "admin-sessions", width=_DESK)
    page.get_by_label("Name begins with").fill("Alice")
    page.get_by_role("button", name="Search").click()
    page.locator("td a").first.click()
    page.get_by_role("link", name="End this session…").click()
    page.get_by_role("button", name="End the session").click()
    expect(page.locator("td[data-delivery=delivered]")).to_have_count(2)
    _take(page, "admin-ended", width=_DESK, height=320)
    page.get_by_role("link", name="Overview").click()
    _take(page, "admin-overview")
