"""The servers of the demo, on ports of their own."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext
from playwright.sync_api import expect
from playwright.sync_api import Page

from tests.ports import free_port
from tests.sample.processes import Running
from tests.sample.processes import start

__all__ = ["Demo", "sign_in"]

_COOKIES_FOR_BROWSERS = (
    "IDP_SESSION_COOKIE_SECURE=true",
    "IDP_SESSION_COOKIE_SAME_SITE=None",
    "IDP_SESSION_CHECK_SESSION_COOKIE_SECURE=true",
    "IDP_SESSION_CHECK_SESSION_COOKIE_SAME_SITE=None",
)
_REASONS = ("IDP_SESSION_LOGOUT_REASON_CLAIM=true",)
# Nobody hangs here, so that these say what a busy machine may take.
_WAITS = (
    "IDP_SESSION_BACK_CHANNEL_WAIT=30",
    "IDP_SESSION_FRONT_CHANNEL_WAIT=30",
)

_NAMES = ("idp", "Shop", "Mail")


class Demo:
    """The provider on localhost and clients on 127.0.0.1, which is another site."""

    def __init__(self, folder: Path, *, ports: Iterable[int] = ()) -> None:
        chosen = tuple(ports) or [free_port() for _ in _NAMES]
        self._folder = folder
        self._running: list[Running] = []
        self._ports = dict(zip(_NAMES, chosen, strict=True))

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self._ports['idp']}"

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._ports[name]}"

    def start(self, **left_out: tuple[str, ...]) -> None:
        """Start all; ``Mail=("backchannel_logout_uri",)`` leaves a member out."""
        file = self._folder / "clients.json"
        file.write_text(
            json.dumps(
                [
                    self._metadata(name, left_out.get(name, ()))
                    for name in ("Shop", "Mail")
                ]
            )
        )
        settings = [
            part
            for text in _COOKIES_FOR_BROWSERS + _REASONS + _WAITS
            for part in ("--set", text)
        ]
        port = str(self._ports["idp"])
        self._start(
            "sample_idp", "idp", "--port", port, "--clients", str(file), *settings
        )
        self._start_client("Shop")
        self._start_client("Mail")

        for running in self._running:
            running.wait_until_ready()

    def stop(self) -> None:
        for running in self._running:
            running.close()

    def _start_client(self, name: str) -> None:
        given = {
            "name": name,
            "client_id": name.lower(),
            "client_secret": f"the secret of {name}, long enough",
            "issuer": self.issuer,
            "base_url": self.url(name),
        }
        self._start(
            "sample_idp.demo_client", environment={"DEMO_CLIENT": json.dumps(given)}
        )

    def _start(self, *arguments: str, **options: Any) -> None:
        self._running.append(start(*arguments, cwd=self._folder, **options))

    def _metadata(self, name: str, left_out: tuple[str, ...]) -> dict[str, Any]:
        url = self.url(name)
        metadata = {
            "client_id": name.lower(),
            "client_secret": f"the secret of {name}, long enough",
            "client_name": name,
            "client_uri": f"{url}/",
            "redirect_uris": [f"{url}/callback"],
            "post_logout_redirect_uris": [f"{url}/"],
            "frontchannel_logout_uri": f"{url}/front-channel-logout",
            "backchannel_logout_uri": f"{url}/back-channel-logout",
        }

        return {key: metadata[key] for key in metadata if key not in left_out}


def sign_in(context: BrowserContext, demo: Demo, name: str) -> Page:
    page = context.new_page()
    page.goto(demo.url(name))
    page.click("#sign-in")

    if page.url.startswith(demo.issuer):
        page.fill("#username", "alice")
        page.fill("#password", "alice")
        page.click("button[type=submit]")

    expect(page.locator("body")).to_have_attribute("data-signed-in", "true")

    return page
