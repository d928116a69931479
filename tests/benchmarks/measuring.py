"""Takes the time of several contestants in turns, so that noise meets them alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Rounds", "interleaved", "timed"]


@dataclass(frozen=True, slots=True)
class Rounds:
    """Seconds per call, by contestant: one figure for each round."""

    seconds: Mapping[str, Sequence[float]]

    def median(self, name: str, *, above: str | None = None) -> float:
        """The median of the rounds.

        :param name: Of which contestant.
        :param above: If given, what it costs more than this one.
        """
        return statistics.median(self._above(name, above))

    def spread(
        self,
        name: str,
        against: str,
        *,
        above: str | None = None,
        theirs_above: str | None = None,
    ) -> tuple[float, float]:
        """The least and the greatest ratio of two contestants among the rounds.

        :param name: Whose ratio.
        :param against: To which other.
        :param above: If given, what both cost more than this one counts.
        :param theirs_above: If given, what the other is compared with instead.
        """
        ours = self._above(name, above)
        theirs = self._above(against, theirs_above or above)
        # A difference that drowned in noise has no ratio.
        ratios = [a / b for a, b in zip(ours, theirs, strict=True) if b > 0]

        return (min(ratios), max(ratios)) if ratios else (float("nan"), float("nan"))

    def _above(self, name: str, bare: str | None) -> list[float]:
        if bare is None:
            return list(self.seconds[name])

        return [
            whole - part
            for whole, part in zip(self.seconds[name], self.seconds[bare], strict=True)
        ]


def interleaved(
    contestants: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    calls: int,
    turns: int = 5,
    clock: Callable[[], float] = time.perf_counter,
) -> Rounds:
    """Let contestants do their work in turns.

    The order is another one at each turn. Garbage that was there before is collected
    before each turn, and what a turn makes is collected on its account.

    :param contestants: What each of them calls.
    :param rounds: How many figures to take.
    :param calls: How many calls make a turn.
    :param turns: How many turns each has in a round; the one that was disturbed
        least counts.
    :param clock: Tells seconds: of the world, or of the processor for work that
        waits for nobody.
    """
    names = list(contestants)
    taken: dict[str, list[float]] = {name: [] for name in names}

    for call in contestants.values():
        timed(call, calls)

    gc.collect()
    gc.freeze()

    for number in range(rounds):
        turn: dict[str, list[float]] = {name: [] for name in names}

        for repetition in range(turns):
            at = (number + repetition) % len(names)

            for name in names[at:] + names[:at]:
                gc.collect()
                turn[name].append(timed(contestants[name], calls, clock=clock))

        for name in names:
            taken[name].append(min(turn[name]))

    gc.unfreeze()

    return Rounds(taken)


def timed(
    call: Callable[[], object],
    calls: int = 1,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """How many seconds a call takes.

    :param call: What to call.
    :param calls: How often.
    :param clock: Tells seconds.
    """
    began_at = clock()

    for _ in range(calls):
        call()

    return (clock() - began_at) / calls
