"""Makes results of rounds."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

from .measuring import Rounds
from .results import Result

__all__ = ["BARE", "OURS", "above_bare"]

#: The contestant that is measured.
OURS = "ours"
#: The one that knows nobody.
BARE = "bare"

_MICROSECONDS = 1e6


def above_bare(
    rounds: Rounds,
    names: Sequence[str],
    *,
    work: str,
    at_most: Mapping[str, float],
    bares: Mapping[str, str] | None = None,
    note: str = "",
) -> list[Result]:
    """What our work costs above the bare request, beside what others take.

    :param rounds: With ``OURS`` and ``BARE`` among the contestants.
    :param names: The others, in the order of the table.
    :param work: What was done.
    :param at_most: The goals, by who is beside.
    :param bares: Another bare contestant, for those that have one.
    :param note: As a result takes it.
    """
    own = bares or {}

    return [
        Result(
            work=work,
            ours=rounds.median(OURS, above=BARE) * _MICROSECONDS,
            unit="µs",
            against=name,
            theirs=rounds.median(name, above=own.get(name, BARE)) * _MICROSECONDS,
            at_most=at_most.get(name),
            spread=rounds.spread(OURS, name, above=BARE, theirs_above=own.get(name)),
            note=note,
        )
        for name in names
    ]
