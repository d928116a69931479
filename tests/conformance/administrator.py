"""The administrator's pages, as the sample has them."""

from __future__ import annotations

import re

import pytest
import requests

from .browser import asks_for_password
from .browser import Browser

__all__ = ["Administrator"]

_CELL = re.compile(r"<td class=\"[a-z]+\">([a-z]+)</td>\s*<td>(\d+)</td>")


class Administrator:
    """Somebody who ends sessions and looks after logout notifications."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        page = self._get("sessions")

        if page.status_code == 404:
            pytest.skip("this provider has no pages for an administrator")

        if asks_for_password(page):
            self._browser.log_in(page, "admin")

    def end(self, session_id: str) -> None:
        """End a session."""
        response = self._browser.post(self._url(f"sessions/{session_id}/end"))

        assert response.status_code == 200

    def deliveries(self, client_id: str) -> list[tuple[str, int]]:
        """The state of each notification of a client, and how often it was sent."""
        page = self._get("deliveries", client_id)

        return [(state, int(times)) for state, times in _CELL.findall(page.text)]

    def _get(self, name: str, client: str | None = None) -> requests.Response:
        return self._browser.get(self._url(name), client=client)

    def _url(self, name: str) -> str:
        return f"{self._browser.provider.issuer}/admin/{name}"
