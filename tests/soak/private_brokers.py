"""Brokers that a test may kill, since nobody else uses them."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

from ..brokers import Broker
from ..ports import free_port
from ..sample.processes import wait_until
from ..services import unavailable

__all__ = ["PrivateBroker", "private_broker"]

# Debian's command of that name would change to the user that owns the shared one.
_RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


@dataclass(kw_only=True)
class PrivateBroker:
    """A broker in a process of its own, which keeps its messages on disk."""

    broker: Broker
    command: list[str]
    environment: dict[str, str]
    folder: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Begin, and return when it takes connections."""
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=os.environ | self.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        wait_until(self._answers, 120)

    def kill(self) -> None:
        """End it as kill -9 does."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(60)

    def _answers(self) -> bool:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(self.broker.address, 1),
        ):
            return True

        return False


@contextmanager
def private_broker(name: str, folder: Path) -> Iterator[PrivateBroker]:
    """A broker that runs."""
    port = free_port()
    made = (_redis if name == "redis" else _rabbitmq)(port, folder)
    made.start()

    try:
        yield made
    finally:
        made.kill()


def _redis(port: int, folder: Path) -> PrivateBroker:
    command = shutil.which("redis-server")

    if command is None:
        unavailable("redis", "there is no redis-server")

    return PrivateBroker(
        broker=_broker(f"redis://127.0.0.1:{port}/"),
        command=[
            *(command, "--bind", "127.0.0.1", "--port", str(port)),
            *("--dir", str(folder), "--appendonly", "yes", "--appendfsync", "always"),
        ],
        environment={},
        folder=folder,
    )


def _rabbitmq(port: int, folder: Path) -> PrivateBroker:
    if not _RABBITMQ.exists():
        unavailable("rabbitmq", f"there is no {_RABBITMQ}")

    return PrivateBroker(
        broker=_broker(f"amqp://guest:guest@127.0.0.1:{port}//"),
        command=[str(_RABBITMQ)],
        environment={
            # Its cookie is kept there.
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"idp_session_{secrets.token_hex(4)}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        },
        folder=folder,
    )


def _broker(url: str) -> Broker:
    return Broker(url=url, queue=f"idp_session_{secrets.token_hex(6)}")
