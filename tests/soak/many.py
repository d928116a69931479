"""A thousand clients, each on an address of its own, in one thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator

from tests.sample.clients import claims_of
from tests.sample.processes import wait_until

from .ledger import token_in

__all__ = ["ManyClients", "many_clients"]

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_PER_NETWORK = 250


class ManyClients:
    """Clients that answer at once, and some that never do.

    :param count: How many.
    :param hanging: How many of them hang.
    """

    def __init__(self, count: int, *, hanging: int) -> None:
        self._count = count
        self._hanging = hanging
        self._addresses = {_address(number): number for number in range(count)}
        #: When each client was told first, by session; from a monotonic clock.
        self.told_at: dict[str, dict[int, float]] = {}
        #: How many requests there were.
        self.requests = 0
        self.port = 0

    @property
    def uris(self) -> dict[str, str]:
        """The back-channel logout URI of each."""
        return {
            f"client-{number:04}": f"http://{address}:{self.port}/logout"
            for address, number in self._addresses.items()
        }

    def wait_until_told(self, session_id: str, *, timeout: float) -> float:
        """When the last of those that answer heard of a session's end.

        :param timeout: For how long to wait, in seconds.
        """
        wait_until(lambda: len(self._answered(session_id)) == self.answering, timeout)

        return max(self._answered(session_id))

    @property
    def answering(self) -> int:
        """How many answer."""
        return self._count - self._hanging

    async def serve(self, ready: threading.Event, stop: threading.Event) -> None:
        """Listen until told to stop."""
        server = await asyncio.start_server(self._treat, "0.0.0.0", 0, backlog=1024)  # noqa: S104 - any loopback address
        self.port = server.sockets[0].getsockname()[1]
        ready.set()

        while not stop.is_set():
            await asyncio.sleep(0.05)

        server.close()

        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _treat(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
            while True:
                await self._answer(reader, writer)

        writer.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        request = head + await reader.readexactly(length)
        session_id = claims_of(token_in(request))["sid"]
        number = self._addresses[writer.get_extra_info("sockname")[0]]
        self.requests += 1
        self.told_at.setdefault(session_id, {}).setdefault(number, time.monotonic())

        if number < self._hanging:
            await reader.read()
        else:
            writer.write(_OK)

    def _answered(self, session_id: str) -> list[float]:
        told = self.told_at.get(session_id, {})

        return [at for number, at in tuple(told.items()) if number >= self._hanging]


def _address(number: int) -> str:
    return f"127.3.{number // _PER_NETWORK}.{number % _PER_NETWORK + 1}"


@contextlib.contextmanager
def many_clients(count: int, *, hanging: int) -> Iterator[ManyClients]:
    """The clients, as long as they are needed.

    :param count: How many.
    :param hanging: How many of them hang.
    """
    clients = ManyClients(count, hanging=hanging)
    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(clients.serve(ready, stop)))
    thread.start()

    try:
        assert ready.wait(60)
        yield clients
    finally:
        stop.set()
        thread.join()
