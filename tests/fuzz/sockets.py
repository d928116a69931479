"""Bytes to a server, and what comes back."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["RawAnswer", "exchange"]

# Under load; a server that is well answers within milliseconds.
_PATIENCE = 60


@dataclass(frozen=True, kw_only=True)
class RawAnswer:
    """The first answer on a connection."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


def exchange(port: int, sent: bytes) -> RawAnswer | None:
    """Send bytes, stop sending, and read until the server closes.

    :param port: On 127.0.0.1.
    :param sent: All of it.
    :returns: ``None`` if the server closed the connection without a word.
    :raises TimeoutError: If it does neither.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as connection:
        # Who refuses a large body need not read it.
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)

        received = b"".join(_chunks(connection))

    return _parsed(received) if received else None


def _chunks(connection: socket.socket) -> Iterator[bytes]:
    # What was not read of a large body makes the end a reset.
    with contextlib.suppress(ConnectionError):
        while chunk := connection.recv(65_536):
            yield chunk


def _parsed(received: bytes) -> RawAnswer:
    head, gap, body = received.partition(b"\r\n\r\n")
    assert gap, received[:300]
    status_line, *lines = head.split(b"\r\n")
    version, status, _ = status_line.split(b" ", 2)
    assert version in {b"HTTP/1.0", b"HTTP/1.1"}, status_line
    headers = []

    for line in lines:
        name, colon, value = line.decode("latin-1").partition(": ")
        assert colon, line
        headers.append((name, value))

    return RawAnswer(status=int(status), headers=headers, body=_body(headers, body))


def _body(headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
    lengths = [value for name, value in headers if name.lower() == "content-length"]

    return body[: int(lengths[0])] if lengths else b""
