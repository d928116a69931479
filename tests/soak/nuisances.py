"""Twenty-odd kinds of clients, and what must become of what they are owed."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import trustme

from idp_session.models import DeliveryState
from idp_session.testing.servers import Behaviour
from idp_session.testing.servers import LocalServer
from idp_session.testing.servers import over_tls
from idp_session.testing.servers import received
from idp_session.testing.servers import serving
from idp_session.testing.servers import silent
from tests.ports import free_port

from .ledger import Ledger
from .ledger import Told

__all__ = ["RETRY_AFTER", "Crowd", "crowd"]

#: What the overloaded client asks for, in seconds.
RETRY_AFTER = 2

DELIVERED = DeliveryState.DELIVERED
EXPIRED = DeliveryState.EXPIRED
FAILED = DeliveryState.FAILED
REFUSED = DeliveryState.REFUSED

#: Answers a request that is the so many-th for its session, from 0.
Answer = Callable[[socket.socket, Told, int], object]


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Clients that are there."""

    #: The back-channel logout URI of each.
    uris: dict[str, str]
    #: The state in which each of their deliveries must end.
    states: dict[str, DeliveryState]
    ledger: Ledger
    #: Where a redirect points to; nobody may come here.
    canary: LocalServer
    #: Have the one that was down come up.
    come_up: Callable[[], None]


def _answers(*statuses: int, fields: str = "", pause: float = 0) -> Answer:
    """Gives one status after the other for each session; the last one stays."""

    def answer(connection: socket.socket, told: Told, count: int) -> None:
        time.sleep(pause)
        status = statuses[min(count, len(statuses) - 1)]
        head = f"HTTP/1.1 {status} So\r\nContent-Length: 0\r\n{fields}\r\n"
        # Before it is sent: a provider that is killed meanwhile may have got it.
        told.status = status
        connection.sendall(head.encode())

    return answer


def _hang(connection: socket.socket, *_: object) -> None:
    silent(connection)


def _hang_up(*_: object) -> None:
    """The connection is closed in good order, without an answer."""


def _reset(connection: socket.socket, *_: object) -> None:
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def _break_off(connection: socket.socket, *_: object) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")


def _gibberish(connection: socket.socket, *_: object) -> None:
    connection.sendall(b"220 mail.test ESMTP\r\n")


def _drip_head(connection: socket.socket, *_: object) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nServer: " + b"a" * 10_000:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def _drip_body(connection: socket.socket, told: Told, _: int) -> None:
    told.status = 200
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")

    while True:
        connection.sendall(b"a")
        time.sleep(0.05)


def _long_head(connection: socket.socket, *_: object) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")

    while True:
        connection.sendall(b"A: " + b"a" * 4000 + b"\r\n")


def _long_body(connection: socket.socket, told: Told, _: int) -> None:
    told.status = 200
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n")

    for _ in range(160):
        connection.sendall(b"a" * 65536)


def _reset_once(connection: socket.socket, told: Told, count: int) -> None:
    (_reset if count == 0 else _answers(200))(connection, told, count)


_KINDS: dict[str, tuple[Answer, DeliveryState]] = {
    "fast": (_answers(200), DELIVERED),
    "slow": (_answers(200, pause=0.05), DELIVERED),
    "no-content": (_answers(204), DELIVERED),
    "twice-500": (_answers(500, 500, 200), DELIVERED),
    "once-429": (_answers(429, 204), DELIVERED),
    "overloaded": (
        _answers(503, 200, fields=f"Retry-After: {RETRY_AFTER}\r\n"),
        DELIVERED,
    ),
    "reset-once": (_reset_once, DELIVERED),
    "drips-body": (_drip_body, DELIVERED),
    "long-body": (_long_body, DELIVERED),
    "refuses": (_answers(400), REFUSED),
    "not-found": (_answers(404), REFUSED),
    "hangs": (_hang, EXPIRED),
    "drips-head": (_drip_head, EXPIRED),
    "long-head": (_long_head, EXPIRED),
    "resets": (_reset, EXPIRED),
    "hangs-up": (_hang_up, EXPIRED),
    "breaks-off": (_break_off, EXPIRED),
    "gibberish": (_gibberish, EXPIRED),
}


def _behaviour(client_id: str, answer: Answer, ledger: Ledger) -> Behaviour:
    def behave(connection: socket.socket) -> None:
        request = received(connection)

        # Whoever connects and is killed has told nobody anything.
        if b"logout_token=" not in request:
            return

        with (
            ledger.writing(client_id, request) as (told, count),
            contextlib.suppress(OSError),
        ):
            answer(connection, told, count)

    return behave


def _context(authority: trustme.CA, host: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)

    return context


@contextlib.contextmanager
def crowd(trusted: trustme.CA) -> Iterator[Crowd]:
    """One client of each kind, each on an address of its own.

    :param trusted: The authority that the provider trusts.
    """
    ledger = Ledger()
    uris: dict[str, str] = {}
    states = {client_id: state for client_id, (_, state) in _KINDS.items()}

    with ExitStack() as stack:
        canary = stack.enter_context(serving(silent))
        redirect = _answers(302, fields=f"Location: {canary.uri()}\r\n")
        kinds = {client_id: answer for client_id, (answer, _) in _KINDS.items()}
        kinds["redirects"], states["redirects"] = redirect, FAILED

        for number, (client_id, answer) in enumerate(kinds.items(), 1):
            host = f"127.0.1.{number}"
            behave = _behaviour(client_id, answer, ledger)
            uris[client_id] = stack.enter_context(serving(behave, host)).uri(host=host)

        for client_id, host, authority, state in (
            ("tls", "127.0.2.1", trusted, DELIVERED),
            ("wrong-certificate", "127.0.2.2", trustme.CA(), EXPIRED),
        ):
            behave = over_tls(
                _context(authority, host), _behaviour(client_id, kinds["fast"], ledger)
            )
            server = stack.enter_context(serving(behave, host))
            uris[client_id], states[client_id] = server.uri("https", host), state

        late = _behaviour("down-at-first", kinds["fast"], ledger)
        port = free_port()
        uris["down-at-first"] = f"http://127.0.2.3:{port}/logout"
        uris["no-such-name"] = "https://nowhere.invalid/logout"
        uris["forbidden"] = "http://10.11.12.13:8080/logout"
        states["down-at-first"] = DELIVERED
        states["no-such-name"] = EXPIRED
        states["forbidden"] = FAILED

        def come_up() -> None:
            stack.callback(LocalServer(late, "127.0.2.3", port).close)

        yield Crowd(
            uris=uris, states=states, ledger=ledger, canary=canary, come_up=come_up
        )
