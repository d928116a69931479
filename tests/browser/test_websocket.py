"""A browser opens WebSockets for the provider's pages, and for a stranger's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext
from playwright.sync_api import Page

from tests.unit.websocket_server import Server

pytestmark = [pytest.mark.browser, pytest.mark.process]

OpenBrowser = Callable[..., BrowserContext]

#: What a page asks the socket of the provider, and gets as an answer.
ASK = """([address, question]) => new Promise((resolve, reject) => {
    const socket = new WebSocket(address);
    socket.onopen = () => socket.send(question);
    socket.onmessage = (event) => { resolve(event.data); socket.close(); };
    socket.onerror = () => reject(new Error("no socket"));
})"""


class _Stranger(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>not the provider</title>")

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.process.close()


@pytest.fixture
def stranger() -> Iterator[str]:
    """Another origin of the same site, to which browsers send the same cookies."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Stranger)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    thread.join()
    http.server_close()


def ask(page: Page, server: Server, question: str) -> Any:
    return page.evaluate(ASK, [f"ws://127.0.0.1:{server.port}/socket", question])


def test_sockets_of_pages(
    open_browser: OpenBrowser, server: Server, stranger: str
) -> None:
    """The browser sends the cookie for both pages; it counts for the provider's own."""
    context = open_browser()
    context.request.post(f"{server.origin}/login/alice")
    page = context.new_page()

    page.goto(f"{server.origin}/whoami")
    own = ask(page, server, "who")
    page.goto(stranger)
    cookies, foreign = ask(page, server, "cookies"), ask(page, server, "who")

    assert own == "alice"
    assert "idp_session" in cookies
    assert foreign == "nobody"
