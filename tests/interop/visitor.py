"""A person who uses several sites."""

from __future__ import annotations

import requests

from tests.conformance.browser import asks_for_password
from tests.conformance.browser import Browser
from tests.conformance.provider import Provider
from tests.sample.processes import wait_until

from .sites import Site

__all__ = ["Visitor"]


class Visitor:
    """Has a browser without scripts and frames."""

    def __init__(self, provider: Provider) -> None:
        self.browser = Browser(provider)

    def sign_in(self, site: Site, username: str = "alice") -> requests.Response:
        """Open the private page of a site; give a password only if asked for it."""
        page = self.browser.get(site.private)

        if asks_for_password(page):
            page = self.browser.log_in(page, username)

        assert page.status_code == 200, page.text
        assert page.url == site.private, page.text
        assert username in page.text

        return page

    def sign_in_again(self, site: Site) -> None:
        """Open the private page of a site while signed in at the provider."""
        assert not self.is_asked_for_a_password(site)

    def is_asked_for_a_password(self, site: Site) -> bool:
        """Whether the private page leads to a sign-in page now."""
        return asks_for_password(self.browser.get(site.private))

    def is_signed_in(self, site: Site) -> bool:
        """Whether the site still knows the person, by its own account."""
        page = self.browser.get(site.private, follow=False)
        assert page.status_code in {200, 302}, page.text

        return page.status_code == 200

    def wait_until_signed_out(self, site: Site) -> None:
        wait_until(lambda: not self.is_signed_in(site))

    def sign_out_at_the_provider(self) -> requests.Response:
        """There, and not at a site; the provider asks."""
        return self.browser.confirm(self.browser.log_out())

    def sign_out_at(self, site: Site) -> requests.Response:
        """By the site's own "sign out", to where that leads."""
        return self.browser.get(site.log_out)

    def close(self) -> None:
        self.browser.close()
