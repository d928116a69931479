"""How long the user waits for the answer to a logout."""

from __future__ import annotations

from collections.abc import Sequence

from ..fan_out.logouts import in_turns
from ..fan_out.logouts import Logouts
from ..fan_out.logouts import OURS
from ..fan_out.logouts import PEER
from ..places import Bench
from ..results import Outcome
from ..results import Result

__all__ = ["response"]

_NOTE = (
    "From the click to the answer, with `IDP_SESSION_BACK_CHANNEL_WAIT` at 0."
    " oidc-provider answers when every client has, or after 2.5 seconds."
)


def response(bench: Bench) -> Sequence[Outcome]:
    """One client that hangs, and a thousand that answer at once."""
    hanging = in_turns(
        bench,
        [OURS, PEER],
        count=1,
        rounds=bench.few(5, quick=2),
        hanging=[0],
    )
    many = in_turns(bench, [OURS, PEER], count=1000, rounds=bench.few(5, quick=3))

    return [
        _result(hanging, "answer to a logout, one client that hangs", goal=0.01),
        _result(many, "answer to a logout, 1,000 instant clients", goal=0.10),
    ]


def _result(logouts: Logouts, work: str, *, goal: float) -> Result:
    return Result(
        work=work,
        ours=logouts.response.median(OURS) * 1000,
        unit="ms",
        against=PEER,
        theirs=logouts.response.median(PEER) * 1000,
        at_most=goal,
        spread=logouts.response.spread(OURS, PEER),
        note=_NOTE,
    )
