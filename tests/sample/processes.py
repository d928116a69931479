"""Starts the sample as its contract says, and ends whatever was started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

__all__ = ["Running", "python", "start", "wait_until"]

_ROOT = Path(__file__).parents[2]

# How long what must come may take, in seconds. It costs nothing when it comes, and a
# machine may do ten other things.
_PATIENCE = 60.0


class Running:
    """A process with everything that it has said so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=(stream,), daemon=True)
            for stream in (process.stdout, process.stderr)
        ]
        for reader in self._readers:
            reader.start()

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def wait_until_ready(self, timeout: float = 2 * _PATIENCE) -> str:
        """The line that says so."""
        self.wait_until(lambda: self._ready_line() is not None, timeout)
        line = self._ready_line()
        assert line is not None

        return line

    def wait_until(self, holds: Callable[[], bool], timeout: float = _PATIENCE) -> None:
        """Return as soon as something holds; a process that is in vain is ended."""
        try:
            wait_until(lambda: holds() or self.process.poll() is not None, timeout)
            assert holds(), self.text
        except BaseException:
            self.close()
            raise

    def terminate(self) -> float:
        """End it politely and return how many seconds that took."""
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(_PATIENCE)

        return time.monotonic() - began

    def kill(self) -> None:
        """End it and its children as kill -9 does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(_PATIENCE)

    def close(self) -> None:
        """Leave nothing behind, whatever the test did."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(_PATIENCE)
        for reader in self._readers:
            reader.join(_PATIENCE)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _ready_line(self) -> str | None:
        return next((line for line in self.lines if line.startswith("ready: ")), None)

    def _read(self, stream: IO[str] | None) -> None:
        for line in stream or ():
            self.lines.append(line)


def start(
    *arguments: str, cwd: Path, environment: dict[str, str] | None = None
) -> Running:
    """``python -m …`` in a process group of its own."""
    return Running(
        subprocess.Popen(
            python(*arguments),
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": str(_ROOT)} | (environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    )


def python(*arguments: str) -> list[str]:
    """A command line for a module of ours."""
    return [sys.executable, "-m", *arguments]


def wait_until(holds: Callable[[], bool], timeout: float = _PATIENCE) -> None:
    """Return as soon as something holds; fail when it never does."""
    deadline = time.monotonic() + timeout

    while not holds():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
