"""A provider with WebSockets, in a server process of its own."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

from tests.ports import free_port
from tests.sample.processes import Running
from tests.sample.processes import start

__all__ = ["Server"]


class Server:
    """gunicorn with threads; close its process at the end.

    :param folder: Where it runs.
    """

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.process: Running = start(
            "gunicorn",
            "--worker-class=gthread",
            "--threads=8",
            "--access-logfile=-",
            f"--bind=127.0.0.1:{self.port}",
            "tests.unit.websocket_host:create_app()",
            cwd=folder,
            environment={"ISSUER": self.origin},
        )
        self.process.wait_until(self._answers)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True

        return False
