"""How long a logout keeps a person waiting, whatever the clients do."""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from idp_session.testing.servers import Behaviour
from idp_session.testing.servers import dripping
from idp_session.testing.servers import full_backlog
from idp_session.testing.servers import over_tls
from idp_session.testing.servers import received
from idp_session.testing.servers import serving
from idp_session.testing.servers import silent
from tests.ports import free_port

from .clients import RecordingClient
from .clients import write_clients
from .person import Person
from .processes import start

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("bounded-wait")]

WAIT = 0.5
#: What the response may take beside: it ends the session, and looks once more, on a
#: machine that may stand still for a while.
WORK = 15.0
#: Whoever waited for the clients would wait for so long, to connect or to hear from them.
GIVES_UP_AFTER = 30
HEAD = b"HTTP/1.1 200 OK\r\n"


@dataclass
class NuisanceClient(RecordingClient):
    """A client whose back-channel endpoint is not its own server."""

    back_channel_uri: str = ""

    @property
    def metadata(self) -> dict[str, object]:
        return super().metadata | {"backchannel_logout_uri": self.back_channel_uri}


def _flood(line: bytes) -> Behaviour:
    def behave(connection: socket.socket) -> None:
        received(connection)
        connection.sendall(HEAD)

        while True:
            connection.sendall(line)

    return behave


def _answer(connection: socket.socket, *, answer: bytes, pause: float = 0) -> None:
    received(connection)
    time.sleep(pause)
    connection.sendall(answer)


def _tls(behave: Behaviour) -> Behaviour:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    return over_tls(context, behave)


def _answering(answer: bytes, *, pause: float = 0) -> Behaviour:
    return functools.partial(_answer, answer=answer, pause=pause)


#: What each does, and the scheme under which it is known.
NUISANCES: dict[str, tuple[Behaviour, str]] = {
    "hangs": (silent, "http"),
    "hangs-in-handshake": (silent, "https"),
    "wrong-certificate": (_tls(silent), "https"),
    "answers-late": (_answering(HEAD + b"\r\n", pause=1.5), "http"),
    "drips-status": (dripping(b"HTTP/1.1 200", b" "), "http"),
    "drips-head": (dripping(HEAD, b"A: a\r\n"), "http"),
    "drips-body": (dripping(HEAD + b"Content-Length: 9999\r\n\r\n", b"a"), "http"),
    "floods-head": (_flood(b"A: " + b"a" * 4000 + b"\r\n"), "http"),
    "floods-body": (_flood(b"\r\n" + b"a" * 65536), "http"),
    "hangs-up": (received, "http"),
    "fails": (_answering(b"HTTP/1.1 500 No\r\n\r\n"), "http"),
    "asks-for-time": (
        _answering(b"HTTP/1.1 503 No\r\nRetry-After: 3600\r\n\r\n"),
        "http",
    ),
    "redirects-to-itself": (
        _answering(b"HTTP/1.1 307 No\r\nLocation: /logout\r\n\r\n"),
        "http",
    ),
}
OTHERS = ("full-backlog", "no-such-name", "nobody-there")


@contextlib.contextmanager
def _uris() -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        uris = {
            name: stack.enter_context(serving(behave)).uri(scheme)
            for name, (behave, scheme) in NUISANCES.items()
        }
        port = stack.enter_context(full_backlog("127.0.0.1"))

        yield uris | {
            "full-backlog": f"http://127.0.0.1:{port}/logout",
            "no-such-name": "https://nowhere.invalid/logout",
            "nobody-there": f"http://127.0.0.1:{free_port()}/logout",
        }


@pytest.fixture(scope="module", params=["curl", "requests"])
def issuer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A provider that knows them all."""
    directory: Path = tmp_path_factory.mktemp("bounded-wait")

    with _uris() as uris:
        clients = [
            NuisanceClient(name, port=8000, back_channel_uri=uri)
            for name, uri in uris.items()
        ]
        provider = start(
            "sample_idp",
            *("idp", "--port", str(free_port())),
            *("--clients", str(write_clients(directory / "clients.json", *clients))),
            *("--set", f"IDP_SESSION_DELIVERY_SENDER={request.param}"),
            *("--set", f"IDP_SESSION_BACK_CHANNEL_WAIT={WAIT}"),
            *("--set", f"IDP_SESSION_DELIVERY_TIMEOUT={GIVES_UP_AFTER}"),
            *("--set", f"IDP_SESSION_DELIVERY_CONNECT_TIMEOUT={GIVES_UP_AFTER}"),
            *("--set", f"IDP_SESSION_DELIVERY_LEASE={2 * GIVES_UP_AFTER}"),
            cwd=directory,
        )

        try:
            yield provider.wait_until_ready()[7:-1]
        finally:
            provider.close()


@pytest.mark.parametrize(
    "names",
    [*((name,) for name in (*NUISANCES, *OTHERS)), (*NUISANCES, *OTHERS)],
    ids=lambda names: names[0] if len(names) == 1 else "all",
)
def test_no_client_keeps_a_person_waiting(issuer: str, names: tuple[str, ...]) -> None:
    """The response that ends a session is there when its wait is over."""
    person = Person(issuer)
    for name in names:
        person.sign_in(NuisanceClient(name, port=8000))

    answer = person.confirm_sign_out()

    assert answer.status_code == 303
    assert answer.elapsed.total_seconds() < WAIT + WORK
