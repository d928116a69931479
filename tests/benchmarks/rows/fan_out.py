"""How long it takes until a thousand clients know of a logout."""

from __future__ import annotations

from collections.abc import Sequence

from ..fan_out.logouts import in_turns
from ..fan_out.logouts import Logouts
from ..fan_out.logouts import OURS
from ..fan_out.logouts import PEER
from ..places import Bench
from ..places import UnavailableError
from ..results import NotMeasured
from ..results import Outcome
from ..results import Result

__all__ = ["all_told", "told_otherwise"]

_COUNT = 1000
_OTHERS = {
    "PostgreSQL": "the same on PostgreSQL",
    "requests": "the same with the sender of Requests",
}
_NOTE = (
    "From the click to the request at the last client, tokens signed with RS256, each"
    " client on an origin of its own without a connection to it. Ours is a process of"
    " gunicorn on SQLite with the worker that is built in, and `curl`; every delivery is"
    " in the database before and after. oidc-provider keeps everything in memory."
)


def all_told(bench: Bench) -> Sequence[Outcome]:
    """Clients that answer at once, and clients that take 50 ms."""
    rounds = bench.few(5, quick=3)
    at_once = in_turns(bench, [OURS, PEER], count=_COUNT, rounds=rounds)
    later = in_turns(bench, [OURS, PEER], count=_COUNT, rounds=rounds, delay=0.05)

    return [
        _beside_peer(at_once, f"{_COUNT:,} instant clients told", goal=0.6),
        _beside_peer(later, f"{_COUNT:,} clients of 50 ms told", goal=0.8),
    ]


def told_otherwise(bench: Bench) -> Sequence[Outcome]:
    """The same work of ours on another database, and by another sender."""
    rounds = bench.few(5, quick=2)

    return [_other_way(bench, name, rounds) for name in _OTHERS]


def _beside_peer(logouts: Logouts, work: str, *, goal: float) -> Result:
    return Result(
        work=work,
        ours=logouts.told.median(OURS) * 1000,
        unit="ms",
        against=PEER,
        theirs=logouts.told.median(PEER) * 1000,
        at_most=goal,
        spread=logouts.told.spread(OURS, PEER),
        note=_NOTE,
    )


def _other_way(bench: Bench, name: str, rounds: int) -> Outcome:
    work = f"{_COUNT:,} instant clients told, {_OTHERS[name]}"

    try:
        logouts = in_turns(bench, [name, OURS], count=_COUNT, rounds=rounds)
    except UnavailableError as missing:
        return NotMeasured(work=work, reason=str(missing))

    return Result(
        work=work,
        ours=logouts.told.median(name) * 1000,
        unit="ms",
        against="on SQLite with curl",
        theirs=logouts.told.median(OURS) * 1000,
        spread=logouts.told.spread(name, OURS),
    )
