"""Pages of clients in a real browser, on another site than the provider's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import BrowserContext
from playwright.sync_api import Page
from playwright.sync_api import Request

from tests.sample.clients import query_of

from .provider import Provider
from .relying_party import RelyingParty

__all__ = ["OpenTab", "Tab"]

OpenTab = Callable[..., "Tab"]

_ASK = """async ([iframe, message, settle]) => {
    let frame = document.getElementById("op");
    if (!frame) {
        frame = document.createElement("iframe");
        frame.id = "op";
        const loaded = new Promise((done) => (frame.onload = done));
        frame.src = iframe;
        document.body.append(frame);
        await loaded;
    }
    const heard = [];
    const listen = (event) =>
        heard.push({ origin: event.origin, data: event.data });
    window.addEventListener("message", listen);
    frame.contentWindow.postMessage(message, new URL(iframe).origin);
    const end = performance.now() + settle;
    while (!heard.length && performance.now() < end) {
        await new Promise((done) => setTimeout(done, 10));
    }
    window.removeEventListener("message", listen);
    return heard;
}"""


class Tab:
    """One tab, at one provider."""

    def __init__(self, context: BrowserContext, provider: Provider) -> None:
        self.page: Page = context.new_page()
        self._provider = provider

    def authorize(self, client: RelyingParty, **parameters: str) -> dict[str, str]:
        """An authorization request; returns what the client got, if it did."""
        self.page.goto(self._authorization_address(client, **parameters))

        return query_of(self.page.url)

    def _authorization_address(self, client: RelyingParty, **parameters: str) -> str:
        request = {
            "client_id": client.client_id,
            "redirect_uri": client.redirect_uri,
            "response_type": "code",
            "scope": "openid",
            **parameters,
        }
        endpoint = self._provider.metadata["authorization_endpoint"]

        return f"{endpoint}?{urlencode(request)}"

    def authorize_in_frame(
        self, client: RelyingParty, **parameters: str
    ) -> dict[str, str]:
        """The same in a hidden frame of the page that is open."""
        before = len(client.hits)
        address = self._authorization_address(client, **parameters)
        self.page.evaluate(
            """(address) => new Promise((done) => {
                const frame = document.createElement("iframe");
                frame.hidden = true;
                frame.onload = done;
                frame.src = address;
                document.body.append(frame);
            })""",
            address,
        )
        [hit] = [
            each
            for each in client.hits[before:]
            if client.redirect_uri.endswith(each.path)
        ]

        return {name: values[0] for name, values in hit.parameters.items()}

    def sign_in(
        self, client: RelyingParty, username: str = "alice", **parameters: str
    ) -> str:
        """Sign in and return the ``session_state``; the tab stays at the client."""
        self.authorize(client, **parameters)

        if self.page.locator("input[name=password]").count():
            self.page.fill("input[name=username]", username)
            self.page.fill("input[name=password]", username)
            self.page.click("button[type=submit]")

        self.page.wait_for_url(f"{client.redirect_uri}**")

        return query_of(self.page.url)["session_state"]

    def redeem(self, client: RelyingParty) -> str:
        """The ID token for the code that the tab has come back with."""
        tokens: dict[str, Any] = self._provider.token(
            (client.client_id, client.client_secret),
            grant_type="authorization_code",
            code=query_of(self.page.url)["code"],
            redirect_uri=client.redirect_uri,
        ).json()

        return str(tokens["id_token"])

    def log_out(self, **parameters: str) -> None:
        """A logout request."""
        endpoint = self._provider.metadata["end_session_endpoint"]
        self.page.goto(f"{endpoint}?{urlencode(parameters)}")

    def ask(self, message: object, *, settle: int = 60_000) -> list[dict[str, Any]]:
        """Post a message to the check-session iframe; returns what came back."""
        heard: list[dict[str, Any]] = self.page.evaluate(
            _ASK, [self._provider.metadata["check_session_iframe"], message, settle]
        )

        return heard

    def verdict(self, client: RelyingParty, session_state: str) -> str:
        """What the iframe says of a session state."""
        [answer] = self.ask(f"{client.client_id} {session_state}")

        return str(answer["data"])

    def requests(self) -> list[Request]:
        """From now on, the requests of the tab; grows by itself."""
        seen: list[Request] = []
        self.page.on("request", lambda request: seen.append(request))

        return seen
