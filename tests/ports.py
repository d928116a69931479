"""Ports for servers that a test starts as processes."""

from __future__ import annotations

import itertools
import os
import random
import socket

__all__ = ["free_port"]

# Below those that Linux gives to connections by itself: none of them takes a port between
# the look at it and the start of its server. Each worker of pytest-xdist has its own.
_FIRST, _PER_WORKER, _WORKERS = 16_000, 500, 32

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % _WORKERS
_first = _FIRST + _worker * _PER_WORKER
_candidates = itertools.cycle(
    random.sample(range(_first, _first + _PER_WORKER), _PER_WORKER)
)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that nobody else was given."""
    for port in itertools.islice(_candidates, _PER_WORKER):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue

        return port

    raise OSError(f"every port from {_first} on is taken")
