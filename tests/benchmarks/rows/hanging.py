"""What clients that hang cost those that do not."""

from __future__ import annotations

from collections.abc import Sequence

from ..fan_out.logouts import in_turns
from ..fan_out.logouts import Logouts
from ..fan_out.logouts import OURS
from ..places import Bench
from ..results import Outcome
from ..results import Result

__all__ = ["others_told"]

_COUNT = 1000
_MOST_SOCKETS = 256
_NOTE = "Every tenth client takes the connection and never answers."


def others_told(bench: Bench) -> Sequence[Outcome]:
    """A tenth of the clients hangs; the others, and how long they take alone."""
    turns = bench.few(4, quick=2)
    alone: list[Logouts] = []
    beside: list[Logouts] = []

    for _ in range(turns):
        alone.append(in_turns(bench, [OURS], count=_COUNT * 9 // 10, rounds=2))
        beside.append(
            in_turns(
                bench,
                [OURS],
                count=_COUNT,
                rounds=2,
                hanging=range(0, _COUNT, 10),
            )
        )

    without = [each.told.median(OURS) for each in alone]
    others = [each.told.median(OURS) for each in beside]
    sockets = max(each.most_sockets[OURS] for each in beside)

    return [
        Result(
            work="900 clients told, beside 100 that hang",
            ours=_median(others) * 1000,
            unit="ms",
            against="without those that hang",
            theirs=_median(without) * 1000,
            at_most=1.3,
            spread=_spread(others, without),
            note=_NOTE,
        ),
        Result(
            work="connections at once, 100 of 1,000 clients hang",
            ours=sockets,
            unit="",
            at_most=_MOST_SOCKETS,
            is_absolute=True,
        ),
    ]


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def _spread(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float]:
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]

    return min(ratios), max(ratios)
