"""Servers on loopback that treat each connection as they are told."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator

__all__ = [
    "OK",
    "TOKEN",
    "Behaviour",
    "LocalServer",
    "answering",
    "dripping",
    "full_backlog",
    "over_tls",
    "received",
    "recording",
    "serving",
    "silent",
]

#: What the tests post.
TOKEN = "header.claims.signature"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

Behaviour = Callable[[socket.socket], object]


class LocalServer:
    """Accepts connections on loopback, each in a thread.

    :param behave: What to do with a connection; it is closed afterwards.
    :param host: The address to listen on.
    :param port: The port; 0 for any.
    """

    def __init__(
        self, behave: Behaviour, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=1024)
        self._behave = behave
        self._open: set[socket.socket] = set()
        #: How many connections there were.
        self.connections = 0
        #: Where it listens.
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def uri(self, scheme: str = "http", host: str = "127.0.0.1") -> str:
        """A URI of it with a query that nobody should log.

        :param scheme: The scheme.
        :param host: The host, an IPv6 address in brackets.
        """
        return f"{scheme}://{host}:{self.port}/logout?key=confidential"

    def close(self) -> None:
        """Cut off what is open, and wait for the threads."""
        self._listener.shutdown(socket.SHUT_RDWR)
        # Before the rest: what it has accepted just now has to be cut off, too.
        self._threads[0].join()
        self._listener.close()

        for connection in tuple(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.add(connection)
                thread = threading.Thread(target=self._treat, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _treat(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self._behave(connection)

        self._open.discard(connection)


@contextlib.contextmanager
def serving(behave: Behaviour, host: str = "127.0.0.1") -> Iterator[LocalServer]:
    """A server as long as it is needed.

    :param behave: What to do with a connection.
    :param host: The address to listen on.
    """
    server = LocalServer(behave, host)

    try:
        yield server
    finally:
        server.close()


def received(connection: socket.socket) -> bytes:
    """The whole request that a connection carries."""
    request = b""

    while not _is_whole(request):
        chunk = connection.recv(65536)

        if not chunk:
            break

        request += chunk

    return request


def _is_whole(request: bytes) -> bool:
    head, _, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *([0-9]+)", head)

    return length is not None and len(body) >= int(length[1])


def answering(answer: bytes) -> Behaviour:
    """Reads a request and sends an answer."""

    def behave(connection: socket.socket) -> None:
        received(connection)
        connection.sendall(answer)

    return behave


def recording(requests: list[bytes], answer: bytes = OK) -> Behaviour:
    """The same, and keeps the request."""

    def behave(connection: socket.socket) -> None:
        requests.append(received(connection))
        connection.sendall(answer)

    return behave


def dripping(start: bytes, drop: bytes, *, seconds: float = 0.05) -> Behaviour:
    """Sends a beginning at once and then a few bytes at a time, without end."""

    def behave(connection: socket.socket) -> None:
        received(connection)
        connection.sendall(start)

        while True:
            connection.sendall(drop)
            time.sleep(seconds)

    return behave


def silent(connection: socket.socket) -> None:
    """Reads until the other side gives up."""
    while connection.recv(65536):
        pass


def over_tls(context: ssl.SSLContext, behave: Behaviour) -> Behaviour:
    """Speaks TLS first.

    :param context: With the certificate of the server.
    :param behave: What to do with what is decrypted.
    """

    def behave_over_tls(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as encrypted:
            behave(encrypted)

    return behave_over_tls


@contextlib.contextmanager
def full_backlog(host: str, port: int = 0) -> Iterator[int]:
    """The port of an address where connecting hangs, because nobody accepts."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(0)

        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(listener.getsockname())

        yield listener.getsockname()[1]
