"""A network that can fail between a process and a server."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Proxy", "proxied"]


class Proxy:
    """Passes what comes to its port on to a server, until it is told not to.

    :param server: Where the server is.
    """

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._broken = False
        self._silent = False
        #: How many connections came to nothing.
        self.failures = 0
        self._closed = False
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def cut(self) -> None:
        """Break all connections, and every new one at once."""
        with self._lock:
            self._broken = True

        self._drop()

    def silence(self) -> None:
        """Break all connections; take new ones, and never say a word to them."""
        self._silent = True
        self._drop()

    def mend(self) -> None:
        """Pass new connections on again; whoever has a silent one keeps it."""
        self._broken = self._silent = False

    def close(self) -> None:
        with self._lock:
            self._closed = self._broken = True

        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._drop()

        for thread in self._threads:
            thread.join(30)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while not self._closed:
                client, _ = self._listener.accept()
                self._begin(client)

    def _begin(self, client: socket.socket) -> None:
        if not self._keep(client):
            self.failures += 1
            return

        if self._silent:
            self.failures += 1
            return

        server = socket.create_connection(self._server)

        # It may have been cut while that took its time.
        if not self._keep(server, beside=client):
            return

        for pair in ((client, server), (server, client)):
            thread = threading.Thread(target=self._pass_on, args=pair, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _keep(
        self, connection: socket.socket, *, beside: socket.socket | None = None
    ) -> bool:
        with self._lock:
            is_kept = not self._broken and (beside is None or beside in self._open)

            if is_kept:
                self._open.append(connection)

        if not is_kept:
            connection.close()

        return is_kept

    def _drop(self) -> None:
        with self._lock:
            connections, self._open = self._open, []

        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

            connection.close()

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)

        for connection in (source, target):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxied(host: str, port: int) -> Iterator[Proxy]:
    """A way to a server that can be cut."""
    proxy = Proxy((host, port))

    try:
        yield proxy
    finally:
        proxy.close()
