"""Debian's Chromium, with and without third-party cookies."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext
from playwright.sync_api import expect
from playwright.sync_api import Page
from playwright.sync_api import Playwright
from playwright.sync_api import sync_playwright

from tests.browser.demo import Demo

_REQUIRED = "chromium" in os.environ.get("IDP_SESSION_REQUIRE", "").split(",")
_CHROMIUM = shutil.which("chromium")

# Without these it looks for servers of its maker, which tests must not need.
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

#: Where screenshots go; git ignores it.
_ARTEFACTS = Path(__file__).parents[2] / "artefacts"

OpenBrowser = Callable[..., BrowserContext]

# How long what must come may take, in milliseconds. It costs nothing when it comes, and
# a machine may do ten other things.
_PATIENCE = 60_000
expect.set_options(timeout=_PATIENCE)


def launch(
    playwright: Playwright,
    profile: Path,
    *,
    third_party_cookies: bool,
    ignore_https_errors: bool = False,
    user_agent: str | None = None,
) -> BrowserContext:
    """Start it with a new profile; skip the test if it is not installed."""
    if _CHROMIUM is None:
        reason = "chromium is not installed"
        pytest.fail(reason) if _REQUIRED else pytest.skip(reason)

    _write_preferences(profile, third_party_cookies=third_party_cookies)
    context = playwright.chromium.launch_persistent_context(
        str(profile),
        executable_path=_CHROMIUM,
        headless=True,
        args=_QUIET,
        ignore_https_errors=ignore_https_errors,
        user_agent=user_agent,
        timeout=_PATIENCE,
    )
    context.set_default_timeout(_PATIENCE)

    return context


@pytest.fixture
def open_browser(tmp_path: Path) -> Iterator[OpenBrowser]:
    """Opens Chromium with a new profile."""
    with sync_playwright() as playwright:
        contexts: list[BrowserContext] = []

        def open_browser(
            *, third_party_cookies: bool = True, user_agent: str | None = None
        ) -> BrowserContext:
            contexts.append(
                launch(
                    playwright,
                    tmp_path / f"profile-{len(contexts)}",
                    third_party_cookies=third_party_cookies,
                    user_agent=user_agent,
                )
            )
            return contexts[-1]

        yield open_browser

        for context in contexts:
            context.close()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """The provider and two clients, not started yet."""
    demo = Demo(tmp_path)
    yield demo
    demo.stop()


@pytest.fixture
def screenshot(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Keeps a picture of a page."""
    _ARTEFACTS.mkdir(exist_ok=True)

    def screenshot(page: Page, name: str) -> None:
        page.screenshot(path=_ARTEFACTS / f"{request.node.name}-{name}.png")

    return screenshot


def _write_preferences(profile: Path, *, third_party_cookies: bool) -> None:
    # Debian's Chromium blocks them unless the profile says otherwise.
    preferences = {
        "profile": {
            "block_third_party_cookies": not third_party_cookies,
            "cookie_controls_mode": 0 if third_party_cookies else 1,
        }
    }
    folder = profile / "Default"
    folder.mkdir(parents=True)
    (folder / "Preferences").write_text(json.dumps(preferences))
