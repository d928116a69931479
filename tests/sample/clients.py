"""A client whose every endpoint writes down who came."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from dataclasses import dataclass
from dataclasses import field
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from urllib.parse import urlsplit

from tests.ports import free_port

__all__ = ["RecordingClient", "claims_of", "write_clients"]

# Whoever hangs does so for longer than anybody should wait for it, in seconds.
_LONGEST_PAUSE = 120


@dataclass
class RecordingClient:
    """A real server on loopback, with the metadata that it would register."""

    client_id: str
    #: What its back-channel endpoint answers; a test may change it.
    status: int = 200
    port: int = 0
    front_channel: bool = False
    hangs: bool = False
    tokens: list[str] = field(default_factory=list)
    hits: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> RecordingClient:
        """Listen, on the same port as before if there was one."""
        client = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                client.hits.append(self.path)
                if client.hangs and self.path.startswith("/front"):
                    client.released.wait(_LONGEST_PAUSE)
                self._answer(200)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                client.tokens += parse_qs(body)["logout_token"]
                client.released.wait(_LONGEST_PAUSE if client.hangs else 0)
                self._answer(client.status)

            def _answer(self, status: int) -> None:
                # Who gave up waiting does not want to hear it any more.
                with contextlib.suppress(ConnectionError):
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        # While it is down nobody else takes the port, not even to connect from.
        self.port = self.port or free_port()
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

        return self

    def stop(self) -> None:
        """Be down."""
        self.released.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def metadata(self) -> dict[str, Any]:
        """What it registers."""
        front = {
            "frontchannel_logout_uri": f"{self.url}/front",
            "frontchannel_logout_session_required": True,
        }

        return {
            "client_id": self.client_id,
            "client_secret": f"{self.client_id}-secret-that-is-long-enough",
            "redirect_uris": [f"{self.url}/callback"],
            "post_logout_redirect_uris": [f"{self.url}/bye"],
            "backchannel_logout_uri": f"{self.url}/back",
            "backchannel_logout_session_required": True,
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": "openid profile email offline_access",
        } | (front if self.front_channel else {})


def write_clients(path: Path, *clients: RecordingClient) -> Path:
    """A client file."""
    path.write_text(json.dumps([client.metadata for client in clients]))

    return path


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a JWS, unverified."""
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    )

    return claims


def query_of(url: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
