"""The administrator's pages in a real browser: wide and small, light and dark."""

from __future__ import annotations

import threading
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from playwright.sync_api import Page
from playwright.sync_api import sync_playwright
from playwright.sync_api import ViewportSize
from werkzeug.serving import make_server

from idp_session.models import SendResult
from tests.unit.admin_host import ADMIN
from tests.unit.admin_host import admin_host
from tests.unit.admin_host import session_id_of
from tests.unit.hosts import Host

from .conftest import launch

pytestmark = pytest.mark.browser

_PHONE: ViewportSize = {"width": 360, "height": 740}

Screenshot = Callable[[Page, str], None]


@pytest.fixture
def host() -> Host:
    """A host that any name leads to, with somebody signed out and somebody not."""
    host = admin_host()
    host.app.config["SERVER_NAME"] = None
    host.sender.answers["https://mail.test/back"] = SendResult(status=400)
    host.signed_in("shop", "mail").post("/logout")
    host.deliver()

    return host


@pytest.fixture
def root(host: Host, tmp_path: Path) -> Iterator[Page]:
    """The browser of the administrator, on the first of the pages."""
    server = make_server("127.0.0.1", 0, host.app, threaded=True, ssl_context="adhoc")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"https://127.0.0.1:{server.port}"

    try:
        with sync_playwright() as playwright:
            context = launch(
                playwright, tmp_path, third_party_cookies=True, ignore_https_errors=True
            )
            context.request.post(f"{address}/login/root")
            page = context.new_page()
            page.goto(f"{address}{ADMIN}/")

            yield page

            context.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_ending_and_trying_again(
    host: Host, root: Page, screenshot: Screenshot
) -> None:
    """An administrator finds somebody, ends the session, and repeats what failed."""
    session_id = session_id_of(host.signed_in("shop", "mail"))
    screenshot(root, "admin-overview")
    root.get_by_role("link", name="All sessions").click()
    root.get_by_label("User id").fill("alice")
    root.get_by_role("button", name="Search").click()
    root.get_by_role("link", name=session_id).click()
    root.get_by_role("link", name="End this session…").click()
    root.get_by_role("button", name="End the session").click()
    expect(root.locator("h1")).to_have_text("This session has ended")

    host.deliver()
    root.get_by_role("link", name="Look again").click()
    expect(root.locator("[data-delivery=refused]")).to_have_count(1)
    root.get_by_role("button", name="Try again").click()

    expect(root.locator("dd[data-delivery]")).to_have_text("waiting")
    assert host.state.store.find(session_id) is None


@pytest.mark.parametrize("path", ["/", "/sessions", "/deliveries"])
def test_small_screens(root: Page, screenshot: Screenshot, path: str) -> None:
    """On a phone only tables are moved sideways, never the page, in the dark too."""
    root.set_viewport_size(_PHONE)
    root.emulate_media(color_scheme="dark")

    root.goto(root.url.rstrip("/") + path)

    screenshot(root, f"admin-phone{path.replace('/', '-')}")
    assert root.evaluate("document.documentElement.scrollWidth") == _PHONE["width"]
