"""What deliveries that are on their way take of the memory."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from ..fan_out.processes import receivers
from ..fan_out.providers import ours
from ..fan_out.providers import Provider
from ..fan_out.providers import uris_of
from ..places import Bench
from ..results import Outcome
from ..results import Result

__all__ = ["in_flight"]

_COUNT = 1000
_FEW = 10
_KILOBYTES = 1024 / 1000
# Long enough for all to be on their way before the first is answered.
_DELAY = 8.0


def in_flight(bench: Bench) -> Sequence[Outcome]:
    """A provider that has told ten clients, and then a thousand at once."""
    found = [_growth(bench) for _ in range(bench.few(3, quick=1))]

    return [
        Result(
            work="1,000 deliveries in flight, sender `curl`",
            ours=statistics.median(found),
            unit="MB",
            at_most=20.0,
            is_absolute=True,
            spread=(min(found), max(found)),
            note="Resident memory of the provider's process above what it had before"
            " the logout, after an earlier one that told ten clients. About 14 kB of"
            " each delivery are libcurl's handle and connection.",
        )
    ]


def _growth(bench: Bench) -> float:
    with receivers() as clients:
        uris = uris_of(_COUNT, clients.port)

        with ours(bench.directory, uris, delivery_in_flight=_COUNT) as provider:
            # So that everything is loaded, and every thread has begun.
            provider.sign_in(_FEW)
            clients.begin(expected=_FEW)
            provider.sign_out()
            clients.wait(60)
            provider.sign_in()
            clients.begin(expected=_COUNT, delay=_DELAY)
            before = _resident(provider)
            provider.sign_out()
            seen = clients.wait(60)
            after = _resident(provider)

        if seen.most_sockets < _COUNT:
            raise RuntimeError(f"only {seen.most_sockets} at once")

    return after - before


def _resident(provider: Provider) -> float:
    master = provider.process.pid
    children = Path(f"/proc/{master}/task/{master}/children").read_text()
    (worker,) = children.split()
    status = Path(f"/proc/{worker}/status").read_text()
    (line,) = [each for each in status.splitlines() if each.startswith("VmRSS")]

    return int(line.split()[1]) * _KILOBYTES / 1000
