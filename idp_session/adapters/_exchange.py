"""Connections that go to permitted addresses only and are over by a deadline."""

from __future__ import annotations

import functools
import http.client
import io
import queue
import socket
import time
from collections.abc import Callable
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from urllib3.connection import HTTPConnection
from urllib3.connection import HTTPSConnection

from ..models import SendFailure
from .address_policy import AddressPolicy
from .threads import DaemonThreads

__all__ = [
    "Endpoint",
    "Exchange",
    "ExchangeHTTPConnection",
    "ExchangeHTTPSConnection",
    "Resolver",
    "resolve_name",
]

_MOST_BYTES = 128 * 1024

_Address = tuple[Any, ...]
#: An address family and a socket address whose first member is numeric.
Endpoint = tuple[int, _Address]
#: Gives the endpoints of a host name and a port, or raises ``OSError``.
Resolver = Callable[[str, int], Sequence[Endpoint]]


def resolve_name(host: str, port: int) -> list[Endpoint]:
    """Ask the operating system for the endpoints of a host name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


class Exchange:
    """One request: its limits, and why it went no further.

    :param target: Path and query to request.
    :param policy: Which addresses are permitted.
    :param resolve: How names are looked up.
    :param threads: Where. A lookup cannot be interrupted; its thread is left behind
        when its time is up.
    :param connect_timeout: Seconds for the lookup and for connecting.
    :param timeout: Seconds for everything.
    """

    def __init__(
        self,
        *,
        target: str,
        policy: AddressPolicy,
        resolve: Resolver,
        threads: DaemonThreads[Callable[[], None]],
        connect_timeout: float,
        timeout: float,
    ) -> None:
        self.target = target
        self.failure: SendFailure | None = None
        #: Whether the head of the answer is there.
        self.is_answered = False
        self._received = 0
        self._policy = policy
        self._resolve = resolve
        self._threads = threads
        self._deadline = time.monotonic() + timeout
        self._connected_by = time.monotonic() + min(connect_timeout, timeout)

    def remaining(self) -> float:
        """The seconds that are left, more than 0.

        :raises TimeoutError: If none are; ``failure`` says so as well.
        """
        return self._until(self._deadline)

    def shorten(self, seconds: float) -> None:
        """Bring the deadline closer."""
        self._deadline = min(self._deadline, time.monotonic() + seconds)

    def count(self, size: int) -> None:
        """Note that bytes were received, whatever a parser takes them for.

        :raises OSError: If they are too many for an answer.
        """
        self._received += size

        if self._received > _MOST_BYTES:
            raise self._failed(SendFailure.CONNECTION)

    def connect(self, host: str, port: int) -> socket.socket:
        """A socket that is connected to a permitted address of the host.

        The name is looked up once and each address is checked before it is
        connected to. If one does not answer, the next one still has its share of
        the time.

        :raises OSError: If there is no such connection; ``failure`` says why.
        """
        endpoints = [
            endpoint
            for endpoint in self._look_up(host, port)
            if self._policy.permits(endpoint[1][0], host=host)
        ]

        if not endpoints:
            raise self._failed(SendFailure.ADDRESS_REFUSED)

        failure = SendFailure.CONNECTION

        for position, endpoint in enumerate(endpoints):
            share = self._until(self._connected_by) / (len(endpoints) - position)

            try:
                return self._connect_to(endpoint, host, share)
            except _RefusedPeerError:
                failure = SendFailure.ADDRESS_REFUSED
            except TimeoutError:
                failure = SendFailure.TIMEOUT
            except OSError:
                failure = SendFailure.CONNECTION

        raise self._failed(failure)

    def _look_up(self, host: str, port: int) -> Sequence[Endpoint]:
        answers: queue.SimpleQueue[Sequence[Endpoint]] = queue.SimpleQueue()
        resolve = self._resolve

        def look_up() -> None:
            try:
                answers.put(resolve(host, port))
            except (OSError, UnicodeError):
                answers.put(())

        self._threads.run(look_up)

        try:
            endpoints = answers.get(timeout=self._until(self._connected_by))
        except queue.Empty:
            raise self._failed(SendFailure.TIMEOUT) from None

        if not endpoints:
            raise self._failed(SendFailure.DNS)

        return endpoints

    def _connect_to(
        self, endpoint: Endpoint, host: str, timeout: float
    ) -> socket.socket:
        family, address = endpoint
        connection = socket.socket(family, socket.SOCK_STREAM)

        try:
            # Head and body of the request are two small writes.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(timeout)
            connection.connect(address)

            if not self._policy.permits(connection.getpeername()[0], host=host):
                raise _RefusedPeerError

            connection.settimeout(self.remaining())
        except OSError:
            connection.close()
            raise

        return connection

    def _failed(self, failure: SendFailure) -> OSError:
        self.failure = failure
        return OSError(failure)

    def _until(self, instant: float) -> float:
        seconds = instant - time.monotonic()

        if seconds <= 0:
            self.failure = SendFailure.TIMEOUT
            raise TimeoutError(self.failure)

        return seconds


class _RefusedPeerError(OSError):
    """The other end of a connection is not where it was asked for."""


class _BoundReader(io.RawIOBase):
    """Reads from a socket, never waiting beyond the deadline."""

    def __init__(
        self, exchange: Exchange, connection: socket.socket, raw: io.RawIOBase
    ) -> None:
        self._exchange = exchange
        self._connection = connection
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        # A timeout of the socket holds for one read: a server that drips would
        # get it anew with each byte.
        self._connection.settimeout(self._exchange.remaining())
        size = self._raw.readinto(buffer)
        self._exchange.count(size or 0)

        if not size and not self._exchange.is_answered:
            # A parser would take the end of the connection for that of the head.
            raise ConnectionResetError

        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundResponse(http.client.HTTPResponse):
    def __init__(
        self,
        exchange: Exchange,
        connection: socket.socket,
        debuglevel: int = 0,
        method: str | None = None,
    ) -> None:
        super().__init__(connection, debuglevel, method)
        raw = self.fp.detach()
        self.fp = io.BufferedReader(_BoundReader(exchange, connection, raw))

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]

        # RFC 9110 §15.2: any number of answers may come before the answer. Python
        # knows of "100 Continue" only, and leaves that one out.
        if status < HTTPStatus.OK:
            status = HTTPStatus.CONTINUE

        return version, status, reason


class ExchangeHTTPConnection(HTTPConnection):
    """A connection for one exchange.

    :param exchange: Where it may go, and until when.
    """

    def __init__(self, *args: Any, exchange: Exchange, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._exchange = exchange
        # It is only ever called.
        self.response_class = functools.partial(  # type: ignore[assignment]
            _BoundResponse, exchange
        )

    def putrequest(self, method: str, url: str, *args: Any, **settings: Any) -> None:
        # The pool, which logs what it requests, was told the path only.
        super().putrequest(method, self._exchange.target, *args, **settings)

    def send(self, data: Any) -> None:
        if self.sock is not None:
            self.sock.settimeout(self._exchange.remaining())

        super().send(data)

    def _new_conn(self) -> socket.socket:
        return self._exchange.connect(self._dns_host, self.port)


class ExchangeHTTPSConnection(ExchangeHTTPConnection, HTTPSConnection):
    """The same, with TLS."""
