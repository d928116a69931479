"""The processes of a measurement: who is told, and who tells them."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import IO

__all__ = ["Receivers", "Round", "receivers", "running", "wait_for_port"]

_ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, kw_only=True)
class Round:
    """Who was told when, and at what price."""

    #: When each client was told, on the monotonic clock.
    told: Mapping[int, float]
    #: The request of whoever was told last.
    body: str
    #: How many connections there were at once.
    most_sockets: int


class Receivers:
    """The clients' process.

    :param process: As :func:`running` has started it.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = int(self._line(30))

    def begin(
        self, *, expected: int, delay: float = 0.0, hanging: Sequence[int] = ()
    ) -> None:
        """Begin a round, without any connection.

        :param expected: How many clients will be told.
        :param delay: For how many seconds each keeps its answer back.
        :param hanging: Which of them never answer.
        """
        order = {"delay": delay, "hanging": list(hanging), "expected": expected}
        print(json.dumps(order), file=self._process.stdin, flush=True)
        self._line(30)

    def wait(self, seconds: float) -> Round:
        """The round, once everybody who was expected to was told.

        :param seconds: For how long to wait.
        """
        report = json.loads(self._line(seconds))

        return Round(
            told={int(number): at for number, at in report["told"].items()},
            body=report["body"],
            most_sockets=report["most_sockets"],
        )

    def _line(self, seconds: float) -> str:
        output: IO[str] | None = self._process.stdout
        assert output is not None
        ready, _, _ = select.select([output], [], [], seconds)

        if not ready:
            raise TimeoutError("not all clients were told")

        return output.readline()


@contextlib.contextmanager
def running(
    *command: str, environment: Mapping[str, str] | None = None, **settings: Any
) -> Iterator[subprocess.Popen[str]]:
    """A process, as long as it is needed.

    :param command: What to run.
    :param environment: What it sees besides the environment of this process.
    """
    process = subprocess.Popen(
        command,
        cwd=settings.pop("cwd", _ROOT),
        env={**os.environ, **(environment or {})},
        text=True,
        **settings,
    )

    try:
        yield process
    finally:
        process.terminate()

        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


@contextlib.contextmanager
def receivers() -> Iterator[Receivers]:
    """The clients, as long as they are needed."""
    with running(
        sys.executable,
        "-m",
        "tests.benchmarks.fan_out.receivers",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        yield Receivers(process)


def wait_for_port(port: int, process: subprocess.Popen[str]) -> None:
    """Return when a process listens.

    :param port: Where.
    :param process: Who should.
    """
    until = time.monotonic() + 60

    while time.monotonic() < until and process.poll() is None:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), 1),
        ):
            return

        time.sleep(0.05)

    raise RuntimeError(f"{process.args!r} does not listen")
