"""A client that registers itself, and writes down whoever comes."""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs
from urllib.parse import urlsplit

import requests

from tests.sample.processes import wait_until

from .provider import Provider

__all__ = ["LONGEST_PAUSE", "Answer", "Hit", "RelyingParty"]

#: How long a client that hangs does so, in seconds.
LONGEST_PAUSE = 120


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the client says to a request."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    #: Whether it waits with it until the client stops.
    hangs: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A request that reached the client."""

    method: str
    path: str
    #: As it came, not decoded.
    query: str
    headers: Mapping[str, str]
    body: str
    #: When, on the monotonic clock.
    at: float
    #: Version and cipher, where the client speaks https.
    tls: tuple[str | None, str] | None

    @property
    def parameters(self) -> dict[str, list[str]]:
        return parse_qs(self.query, keep_blank_values=True)

    @property
    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.body, keep_blank_values=True)


class RelyingParty:
    """A real server on 127.0.0.1, which is another site than localhost."""

    #: Where it has registered.
    provider: Provider

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.hits: list[Hit] = []
        #: By path: one answer after the other, the last one from then on.
        self.answers: dict[str, list[Answer]] = {}
        self.released = threading.Event()
        self.client_id = ""
        self.client_secret = ""
        self.metadata: dict[str, Any] = {}
        self._scheme = "https" if tls else "http"
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.client = self

        if tls:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )

        threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        ).start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    @property
    def redirect_uri(self) -> str:
        return str(self.metadata["redirect_uris"][0])

    @property
    def bye(self) -> str:
        """Where the browser comes to after a logout."""
        return str(self.metadata["post_logout_redirect_uris"][0])

    def register(self, provider: Provider, **metadata: Any) -> requests.Response:
        """Register, with addresses for everything unless ``metadata`` says ``None``."""
        defaults = {
            "redirect_uris": [f"{self.url}/callback"],
            "post_logout_redirect_uris": [f"{self.url}/bye"],
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": "openid profile email offline_access",
        }
        wanted = {
            name: value
            for name, value in (defaults | metadata).items()
            if value is not None
        }
        response = provider.register(wanted)

        if response.ok:
            self.provider = provider
            self.metadata = response.json()
            self.client_id = self.metadata["client_id"]
            self.client_secret = self.metadata.get("client_secret", "")

        return response

    def hits_at(self, path: str) -> list[Hit]:
        return [hit for hit in list(self.hits) if hit.path == path]

    @property
    def logout_tokens(self) -> list[str]:
        """What came by the back channel."""
        return [
            token
            for hit in list(self.hits)
            for token in hit.form.get("logout_token", ())
        ]

    def first_logout_token(self) -> str:
        """The first one, as soon as it is there."""
        wait_until(lambda: bool(self.logout_tokens))

        return self.logout_tokens[0]

    def stop(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> Answer:
        answers = self.answers.get(path, [Answer()])

        return answers.pop(0) if len(answers) > 1 else answers[0]


class _Server(ThreadingHTTPServer):
    """Knows whom it serves."""

    client: RelyingParty

    def handle_error(self, *_: Any) -> None:
        """Nothing: browsers break off connections that they do not need."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._respond("")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self._respond(self.rfile.read(length).decode())

    def _respond(self, body: str) -> None:
        client = self.server.client
        path = self._record(body)
        answer = client.answer(path)
        client.released.wait(LONGEST_PAUSE if answer.hangs else 0)

        # Who gave up waiting does not want to hear it any more.
        with contextlib.suppress(OSError):
            self._send(answer)

    def _record(self, body: str) -> str:
        parts = urlsplit(self.path)

        # Browsers ask for an icon by themselves.
        if parts.path != "/favicon.ico":
            hit = Hit(
                method=self.command,
                path=parts.path,
                query=parts.query,
                headers=dict(self.headers),
                body=body,
                at=time.monotonic(),
                tls=self._tls(),
            )
            self.server.client.hits.append(hit)

        return parts.path

    def _send(self, answer: Answer) -> None:
        content = answer.body.encode()
        headers = {"Content-Type": "text/html; charset=utf-8", **answer.headers}
        self.send_response(answer.status)

        for name, value in headers.items():
            self.send_header(name, value)

        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _tls(self) -> tuple[str | None, str] | None:
        if not isinstance(self.connection, ssl.SSLSocket):
            return None

        cipher = self.connection.cipher()

        return self.connection.version(), cipher[0] if cipher else ""

    def log_message(self, *_: Any) -> None:
        return
