"""A provider on localhost and, on another site, clients with frames of every kind."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask
from flask import Response
from playwright.sync_api import BrowserContext
from playwright.sync_api import Page
from werkzeug.serving import make_server

from idp_session import Client
from idp_session.flask import protocol_blueprint
from idp_session.models import SendResult
from tests.ports import free_port
from tests.unit.hosts import Host
from tests.unit.hosts import host_app

__all__ = ["Clients", "Site", "serving_site"]

_COOKIE = "client_session"
_MESSAGE = "idp_session.front_channel_logout"


class Clients:
    """One server on 127.0.0.1; what it does is in the path of the frame."""

    def __init__(self) -> None:
        #: The paths that were asked for, in order.
        self.asked: list[str] = []
        #: Whoever hangs goes on when this is set.
        self.released = threading.Event()
        #: The origin of the provider.
        self.provider = ""
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.clients = self
        threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        ).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def client(self, kind: str, *, back_channel: bool = False) -> Client:
        """A client whose frame behaves like this."""
        return Client(
            client_id=kind,
            redirect_uris=(f"{self.url}/",),
            post_logout_redirect_uris=(f"{self.url}/bye",),
            front_channel_logout_uri=f"{self.url}/{kind}",
            back_channel_logout_uri=f"{self.url}/back" if back_channel else None,
        )

    def stop(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    clients: Clients
    daemon_threads = True
    block_on_close = False


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.server.clients.asked.append(path)

        if path in {"/hangs", "/until-released"}:
            self.server.clients.released.wait(300)

        body = self._body(path).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))

        if path == "/refuses":
            self.send_header("X-Frame-Options", "DENY")

        if path == "/login":
            value = f"{_COOKIE}=mine; SameSite=None; Secure; Path=/"
            self.send_header("Set-Cookie", value)

        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass

    def _body(self, path: str) -> str:
        if path == "/nested":
            return '<iframe src="/impostor"></iframe>'

        if path == "/by-cookie" and _COOKIE not in self.headers.get("Cookie", ""):
            script = says("parent", "no-session")
        elif path == "/as-documented":
            script = documented(self.server.clients.provider)
        else:
            script = _SCRIPTS.get(path, "")

        return f"<!doctype html><script>{script}</script>"


def says(window: str, state: str) -> str:
    """The statement by which a frame says what has come of it."""
    message = json.dumps({"type": _MESSAGE, "state": state})

    return f"{window}.postMessage({message}, '*');"


def documented(provider: str) -> str:
    """The script of the guide, for a provider at another origin."""
    guide = Path(__file__).parents[2] / "docs" / "guides" / "front-channel-logout.md"
    [script] = re.findall(r"^```javascript\n(.*?)^```$", guide.read_text(), re.M | re.S)
    written = '"https://login.example.com"'
    assert script.count(written) == 1

    return str(script.replace(written, json.dumps(provider)))


_SIGNED_OUT = says("parent", "signed-out")
_SCRIPTS = {
    "/says-so": _SIGNED_OUT,
    "/by-cookie": _SIGNED_OUT,
    # Long after its load event, and after the word that it takes longer.
    "/later": f"{says('parent', 'pending')}setTimeout(() => {{ {_SIGNED_OUT} }}, 900);",
    # The same, as long as the test wants it.
    "/held": (
        f"{says('parent', 'pending')}"
        f"fetch('/until-released').then(() => {{ {_SIGNED_OUT} }});"
    ),
    "/impostor": says("top", "signed-out"),
    "/nonsense": (
        f"for (const it of [null, 1, 'signed-out', {{}}, [], {{type: '{_MESSAGE}'}},"
        f" {{type: '{_MESSAGE}', state: 'x'}}]) parent.postMessage(it, '*');"
    ),
    # The same window, on another origin.
    "/elsewhere": (
        "location = location.href.replace('127.0.0.1', 'localhost')"
        ".replace('elsewhere', 'says-so');"
    ),
    "/breaks-out": "try { top.location = '/evil'; } catch {} alert(1);",
}


class Site:
    """The provider, and a person's way through it."""

    def __init__(self, host: Host, url: str, clients: Clients) -> None:
        self.host = host
        self.url = url
        self.clients = clients

    def sign_in(self, context: BrowserContext, *kinds: str) -> Page:
        """At the provider and these clients."""
        context.request.post(f"{self.url}/login/alice")

        for kind in kinds:
            context.request.post(f"{self.url}/join/{kind}")

        page = context.new_page()
        page.goto(f"{self.clients.url}/login")

        return page

    def sign_out(self, page: Page) -> None:
        """At the provider, which then says how it went."""
        page.goto(f"{self.url}/connect/endsession")
        page.get_by_role("button", name="Sign out", exact=True).click(
            no_wait_after=True
        )

    def sign_out_for(self, page: Page, kind: str) -> None:
        """As a client asks for it, to which the browser then goes."""
        page.goto(
            f"{self.url}/connect/endsession?post_logout_redirect_uri="
            f"{self.clients.url}/bye&id_token_hint={self.host.hint(kind)}",
            wait_until="commit",
        )


@contextmanager
def serving_site(
    *kinds: str,
    wait: float = 60,
    policy: str | None = None,
    back_channel: tuple[str, ...] = (),
    answer: SendResult | None = None,
) -> Iterator[Site]:
    """A provider and its clients, while the block lasts.

    :param kinds: What their frames do; also their ids.
    :param wait: What a frame has, in seconds.
    :param policy: The Content-Security-Policy of the host.
    :param back_channel: Which of them have a back channel too.
    :param answer: What they answer there.
    """
    clients, port = Clients(), free_port()
    clients.provider = f"http://localhost:{port}"
    host = host_app(
        clients=tuple(
            clients.client(kind, back_channel=kind in back_channel) for kind in kinds
        ),
        register=lambda app: _register(app, policy),
        config={
            "SERVER_NAME": None,
            "PREFERRED_URL_SCHEME": "http",
            "IDP_SESSION_ISSUER": f"http://localhost:{port}",
            "IDP_SESSION_FRONT_CHANNEL_WAIT": wait,
            "IDP_SESSION_CHECK_SESSION": False,
        },
    )

    if answer is not None:
        host.sender.answers[f"{clients.url}/back"] = answer

    server = make_server("localhost", port, host.app, threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    try:
        yield Site(host, f"http://localhost:{port}", clients)
    finally:
        server.shutdown()
        server.server_close()
        clients.stop()


def _register(app: Flask, policy: str | None) -> None:
    app.register_blueprint(protocol_blueprint(), url_prefix="/connect")

    @app.after_request
    def hardened(response: Response) -> Response:
        if policy is not None:
            response.headers["Content-Security-Policy"] = policy

        return response
