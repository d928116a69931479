"""A real WebSocket at a real server: gunicorn, flask-sock, simple-websocket."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from simple_websocket import Client
from simple_websocket import ConnectionClosed

from tests.sample.processes import wait_until

from .websocket_server import Server

pytestmark = pytest.mark.process

_SECONDS = 30


class Browser:
    """Somebody's cookies, for requests and for sockets."""

    def __init__(self, server: Server, subject: str | None = None) -> None:
        self.server = server
        self.http = requests.Session()

        if subject:
            self.post(f"/login/{subject}")

    def post(self, path: str) -> None:
        url = self.server.origin + path
        self.http.post(url, timeout=_SECONDS).raise_for_status()

    def get(self, path: str) -> Any:
        return self.http.get(self.server.origin + path, timeout=_SECONDS).json()

    @property
    def handle(self) -> str:
        return str(self.http.cookies["idp_session"])

    def socket(
        self, *, origin: str | None = None, path: str = "/socket"
    ) -> contextlib.AbstractContextManager[Client]:
        cookies = "; ".join(f"{c.name}={c.value}" for c in self.http.cookies)
        given = {"Cookie": cookies, "Origin": origin or self.server.origin}

        return connect(self.server, path, **given)


@contextmanager
def connect(server: Server, path: str = "/socket", **headers: str) -> Iterator[Client]:
    """An open socket, closed at the end unless the server was first."""
    client = Client.connect(f"ws://127.0.0.1:{server.port}{path}", headers=headers)

    try:
        yield client
    finally:
        with contextlib.suppress(ConnectionClosed, OSError):
            client.close()
        client.thread.join(_SECONDS)


def hear(client: Client) -> Any:
    """The next message."""
    message = client.receive(timeout=_SECONDS)
    assert message is not None

    return message


def ask(client: Client, question: str) -> Any:
    """What the host answers."""
    client.send(question)

    return hear(client)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.process.close()


@pytest.fixture
def alice(server: Server) -> Iterator[Browser]:
    browser = Browser(server, "alice")
    yield browser
    browser.http.close()


def test_a_page_of_the_provider_sees_the_user(alice: Browser) -> None:
    """The session of the browser is that of the socket, which works in both ways."""
    with alice.socket() as client:
        assert ask(client, "who") == "alice"
        assert ask(client, "join shop") == "shop"

    assert alice.get("/whoami")["clients"] == ["shop"]


def test_a_page_of_somebody_else_sees_nobody(alice: Browser) -> None:
    """The browser sends its cookie with the stranger's handshake, to no avail."""
    with alice.socket(origin="https://evil.test") as client:
        assert ask(client, "who") == "nobody"


def test_a_tool_brings_its_handle(server: Server, alice: Browser) -> None:
    """Without cookie and Origin there is the header."""
    given = {"Authorization": f"Session {alice.handle}"}

    with connect(server, **given) as client:
        assert ask(client, "who") == "alice"


def test_an_end_elsewhere_is_told(alice: Browser) -> None:
    """The socket hears that the user has signed out in another tab, and is closed."""
    with alice.socket() as client:
        ask(client, "who")
        alice.post("/logout")

        assert hear(client) == "ended"
        with pytest.raises(ConnectionClosed):
            client.receive(timeout=_SECONDS)


def test_the_session_is_ended_on_the_socket(alice: Browser) -> None:
    """A socket can sign out, and the other tab is signed out too."""
    with alice.socket() as client:
        assert ask(client, "sign-out") == "True"
        assert hear(client) == "ended"

    assert alice.get("/whoami")["subject"] is None


def test_the_guide_works(alice: Browser, server: Server) -> None:
    """The view of the guide talks to the user until the session ends."""
    with alice.socket(path="/live") as client:
        assert ask(client, "hello") == "alice: hello"
        alice.post("/logout")
        with pytest.raises(ConnectionClosed):
            client.receive(timeout=_SECONDS)

    stranger = Browser(server)
    with stranger.socket(path="/live") as client, pytest.raises(ConnectionClosed):
        client.receive(timeout=_SECONDS)
    stranger.http.close()


def test_nobody_signs_in_on_a_socket(server: Server) -> None:
    """The error says where it can be done, and the server has nothing to regret."""
    browser = Browser(server)

    with browser.socket() as client:
        assert "before the socket is opened" in ask(client, "sign-in carol")

    browser.http.close()


@pytest.mark.parametrize("how", ["politely", "abruptly"])
def test_data_is_saved_when_the_socket_is_over(alice: Browser, how: str) -> None:
    """What is set while the socket is open is kept at its end, whichever that is."""
    with alice.socket() as client:
        ask(client, f"keep {how}")
        before = alice.get("/data")

        if how == "abruptly":
            client.sock.shutdown(socket.SHUT_RDWR)

    wait_until(lambda: alice.get("/data") == {"kept": how})
    assert before == {}


def test_a_socket_that_fails_keeps_nothing(alice: Browser, server: Server) -> None:
    """What a socket has left half done when its view raises, it has not done."""
    with alice.socket() as client:
        ask(client, "keep nothing")
        client.send("fail")
        # What the server says now is not for a WebSocket: the client may have found
        # that out by itself, and have closed.
        with contextlib.suppress(OSError):
            client.sock.shutdown(socket.SHUT_RD)
        wait_until(lambda: '"GET /socket HTTP/1.1" 500' in server.process.text)

    # It is told on another stream, which may be the later one.
    wait_until(lambda: "ZeroDivisionError" in server.process.text)
    assert alice.get("/data") == {}


def test_the_log_has_no_handle(alice: Browser, server: Server) -> None:
    """The server has said nothing of the handle, and wondered about nothing else."""
    with alice.socket() as client:
        ask(client, "who")

    assert alice.handle not in server.process.text
