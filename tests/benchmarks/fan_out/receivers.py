"""Clients on a loopback address each, all in one process of their own.

It costs little, for it shares the processor with whoever is measured. Its standard
input takes one order a line: ``{"delay": 0.05, "hanging": [3], "expected": 999}`` begins
a round, without any connection, and is answered by an empty line. Once the expected
number of clients, those that hang left out, was told, there is a line that reports the
round: when each client was told, on the machine's monotonic clock, the token that the
last of them got, and how many sockets there were at the most.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import json
import selectors
import socket
import sys
import time
from typing import Any

__all__ = ["address_of"]

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_PER_NETWORK = 250


def address_of(number: int) -> str:
    """The loopback address of a client.

    :param number: Which client.
    """
    return f"127.3.{number // _PER_NETWORK}.{number % _PER_NETWORK + 1}"


def _number_at(address: str) -> int:
    _, _, network, place = map(int, address.split("."))

    return network * _PER_NETWORK + place - 1


class _Connection:
    """A socket, whose it is, and what was read of a request."""

    def __init__(self, peer: socket.socket) -> None:
        self.peer = peer
        self.number = _number_at(peer.getsockname()[0])
        self.buffer = b""


class _Receivers:
    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("0.0.0.0", 0), backlog=4096)  # noqa: S104 - any loopback address
        self._listener.settimeout(0)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        self._open: set[_Connection] = set()
        self._turn = itertools.count()
        self._begin({})
        self.port = int(self._listener.getsockname()[1])

    def serve(self) -> None:
        while True:
            ready = [key for key, _ in self._selector.select(self._patience())]

            for key in ready:
                if key.data is not None:
                    self._read(key.data)
                elif key.fileobj is self._listener:
                    self._accept()
                elif line := sys.stdin.readline():
                    self._begin(json.loads(line))
                    print(flush=True)  # noqa: T201 - the answer
                else:
                    return

            while self._late and self._late[0][0] <= time.monotonic():
                self._answer(heapq.heappop(self._late)[2])

    def _begin(self, order: dict[str, Any]) -> None:
        for connection in tuple(self._open):
            self._close(connection)

        self._delay = float(order.get("delay", 0))
        self._hanging = frozenset(order.get("hanging", ()))
        self._expected = int(order.get("expected", 0))
        self._told: dict[int, float] = {}
        self._late: list[tuple[float, int, _Connection]] = []
        self._most_sockets = 0

    def _patience(self) -> float | None:
        return max(0.0, self._late[0][0] - time.monotonic()) if self._late else None

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                connection = _Connection(self._listener.accept()[0])
                connection.peer.settimeout(0)
                # Whoever closes one connection and then makes another has closed it by
                # now: or else it would count beside the new one.
                self._read_all()
                self._open.add(connection)
                # Before it is answered, for it may be over as soon as that.
                self._most_sockets = max(self._most_sockets, len(self._open))
                self._selector.register(
                    connection.peer, selectors.EVENT_READ, connection
                )
                self._read(connection)

    def _read_all(self) -> None:
        for key, _ in self._selector.select(0):
            if key.data is not None:
                self._read(key.data)

    def _read(self, connection: _Connection) -> None:
        try:
            received = connection.peer.recv(16384)
        except BlockingIOError:
            return
        except OSError:
            received = b""

        if not received:
            self._close(connection)
            return

        connection.buffer += received
        head, end, body = connection.buffer.partition(b"\r\n\r\n")

        if end and len(body) >= _length(head):
            connection.buffer = b""
            self._tell(connection, body)

    def _tell(self, connection: _Connection, body: bytes) -> None:
        if connection.number in self._hanging:
            return

        is_new = connection.number not in self._told
        self._told.setdefault(connection.number, time.monotonic())

        if self._delay:
            due_at = time.monotonic() + self._delay
            heapq.heappush(self._late, (due_at, next(self._turn), connection))
        else:
            self._answer(connection)

        if is_new and len(self._told) == self._expected:
            self._report(body.decode())

    def _answer(self, connection: _Connection) -> None:
        with contextlib.suppress(OSError):
            connection.peer.send(_OK)

    def _close(self, connection: _Connection) -> None:
        if connection in self._open:
            self._open.remove(connection)
            self._selector.unregister(connection.peer)
            connection.peer.close()

    def _report(self, body: str) -> None:
        report = {
            "told": self._told,
            "body": body,
            "most_sockets": self._most_sockets,
        }
        print(json.dumps(report), flush=True)  # noqa: T201 - the answer


def _length(head: bytes) -> int:
    return int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])


def _main() -> None:
    receivers = _Receivers()
    print(receivers.port, flush=True)  # noqa: T201 - the first line
    receivers.serve()


if __name__ == "__main__":
    _main()
