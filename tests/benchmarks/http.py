"""Servers of the benchmarks, and a client that keeps them busy."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import ExitStack
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

import sqlalchemy as sa

__all__ = ["Load", "served"]

_PATIENCE = 30
#: How many requests are on their way at once; the server has as many threads.
_CONNECTIONS = 4
_END_OF_HEAD = b"\r\n\r\n"


@contextmanager
def served(name: str, *, url: sa.URL, directory: Path) -> Iterator[Path]:
    """Serve an application with gunicorn: one worker, four threads.

    :param name: As ``served.py`` knows it.
    :param url: Its database.
    :param directory: Where the socket is made.
    :returns: The socket.
    """
    path = directory / f"{name.replace(' ', '-')}.sock"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gunicorn",
            "--worker-class=gthread",
            f"--threads={_CONNECTIONS}",
            "--keep-alive=60",
            "--log-level=error",
            f"--bind=unix:{path}",
            "tests.benchmarks.served:application",
        ],
        env={
            **os.environ,
            "BENCH_APPLICATION": name,
            "BENCH_DATABASE": url.render_as_string(hide_password=False),
        },
    )

    try:
        _wait_for(path, process)
        yield path
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + _PATIENCE

    while not path.exists():
        if process.poll() is not None or time.monotonic() > give_up_at:
            raise RuntimeError(f"no server at {path.name}")

        time.sleep(0.05)


@dataclass(slots=True)
class Load:
    """Requests of one browser to one server, over connections that stay open."""

    path: Path
    _cookies: dict[str, str] = field(default_factory=dict)

    def sign_in(self) -> None:
        """Have the cookies of a user."""
        with self._connected() as connection:
            connection.sendall(self._request("POST", "/login"))
            head, _ = _answer(connection)

        for line in head.decode("latin-1").split("\r\n"):
            name, _, value = line.partition(": ")

            if name.lower() == "set-cookie":
                cookie, _, content = value.partition(";")[0].partition("=")
                self._cookies[cookie] = content

    def body(self) -> bytes:
        """What the home page says."""
        with self._connected() as connection:
            connection.sendall(self._request("GET", "/"))

            return _answer(connection)[1]

    def run(self, count: int) -> None:
        """Ask for the home page again and again, several times at once.

        :param count: How often, all in all.
        """
        request = self._request("GET", "/")

        with ExitStack() as stack:
            connections = [
                stack.enter_context(self._connected()) for _ in range(_CONNECTIONS)
            ]

            for connection in connections:
                connection.sendall(request)

            for number in range(count):
                connection = connections[number % _CONNECTIONS]
                _answer(connection)

                if number + _CONNECTIONS < count:
                    connection.sendall(request)

    @contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE)
            connection.connect(str(self.path))
            yield connection

    def _request(self, method: str, path: str) -> bytes:
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        lines = [f"{method} {path} HTTP/1.1", "Host: idp.test", "Content-Length: 0"]

        if cookie:
            lines.append(f"Cookie: {cookie}")

        return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _answer(connection: socket.socket) -> tuple[bytes, bytes]:
    received = b""

    while _END_OF_HEAD not in received:
        received += _more(connection)

    head, _, body = received.partition(_END_OF_HEAD)
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])

    while len(body) < length:
        body += _more(connection)

    if not head.startswith(b"HTTP/1.1 2"):
        raise RuntimeError(head.partition(b"\r\n")[0].decode())

    return head, body


def _more(connection: socket.socket) -> bytes:
    received = connection.recv(65536)

    if not received:
        raise ConnectionError("the server has hung up")

    return received
