"""A person with Chromium at the sites of Apache."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext
from playwright.sync_api import ConsoleMessage
from playwright.sync_api import expect
from playwright.sync_api import Page

from tests.conformance.provider import Provider
from tests.sample.processes import wait_until

from .sites import Site

__all__ = ["Heard", "Person"]


class Heard:
    """What the module's own frame says that the provider's iframe has answered."""

    def __init__(self, page: Page) -> None:
        self.answers: list[str] = []
        self._page = page
        page.on("console", self._note)

    def wait_for(self, answer: str) -> None:
        """Return as soon as the iframe answers so, once more."""
        self._page.wait_for_event(
            "console", lambda message: _answer(message.text) == answer
        )

    def _note(self, message: ConsoleMessage) -> None:
        if answer := _answer(message.text):
            self.answers.append(answer)


def _answer(line: str) -> str:
    found = re.match(r"receiveMessage: (\w+) from ", line)

    return found[1] if found else ""


class Person:
    """Uses one browser; every visit is in a tab of its own."""

    def __init__(self, context: BrowserContext, provider: Provider) -> None:
        self._context = context
        self._provider = provider

    def sign_in(self, address: str, username: str = "alice") -> Page:
        """Open an address of a site; give a password only if asked for it."""
        page = self.visit(address)

        if page.locator("input[name=password]").count():
            page.fill("input[name=username]", username)
            page.fill("input[name=password]", username)
            page.click("button[type=submit]")

        page.wait_for_url(address)
        expect(page.locator("#user")).to_have_text(username)

        return page

    def visit(self, address: str) -> Page:
        page = self._context.new_page()
        page.goto(address)

        return page

    def is_signed_in(self, site: Site) -> bool:
        """Whether a site still knows the person, by its own account."""
        response = self._context.request.get(site.private, max_redirects=0)

        return response.status == 200

    def wait_until_signed_out(self, site: Site) -> None:
        wait_until(lambda: not self.is_signed_in(site))

    def is_signed_in_at_the_provider(self) -> bool:
        response = self._context.request.get(f"{self._provider.issuer}/account/")

        return "/login" not in response.url

    def sign_out_at_the_provider(self) -> Page:
        """Answer its question; returns its page about it."""
        endpoint = self._provider.metadata["end_session_endpoint"]
        page = self.visit(endpoint)
        page.click("button[value=yes]")
        page.get_by_role("heading", name="You are signed out").wait_for()

        return page

    def waits_at_the_sign_in_page(self, page: Page) -> None:
        """Return as soon as a tab shows the provider's sign-in page."""
        page.wait_for_url(re.compile(re.escape(self._provider.issuer) + "/login"))
