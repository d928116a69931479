"""What was measured, and whether it reached its goal."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Broken", "NotMeasured", "Outcome", "Result", "from_json", "to_json"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """One figure of ours, beside that of somebody else if there is one.

    What is compared with the goal is the ratio of the two, or our own figure alone
    if ``is_absolute``.
    """

    #: What was done, in words.
    work: str
    #: Our figure.
    ours: float
    #: Of which unit both are.
    unit: str
    #: Beside whom.
    against: str = ""
    #: Their figure.
    theirs: float | None = None
    #: The goal, unless it is ``at_least``; without either, it is only shown.
    at_most: float | None = None
    #: The goal, unless it is ``at_most``.
    at_least: float | None = None
    #: Whether the goal is about our figure and not about the ratio.
    is_absolute: bool = False
    #: The least and the greatest of what was compared, among the rounds.
    spread: tuple[float, float] | None = None
    #: What a reader has to know to read the figures.
    note: str = ""

    def __post_init__(self) -> None:
        if self.at_most is not None and self.at_least is not None:
            raise ValueError("a goal is a greatest or a least figure, not both")

        if self.has_goal and not self.is_absolute and self.theirs is None:
            raise ValueError("a ratio needs the figure of somebody else")

    @property
    def has_goal(self) -> bool:
        """Whether there is something to reach."""
        return self.at_most is not None or self.at_least is not None

    @property
    def ratio(self) -> float | None:
        """Ours as a multiple of theirs."""
        return self.ours / self.theirs if self.theirs else None

    @property
    def is_met(self) -> bool | None:
        """Whether the goal was reached; ``None`` without one."""
        reached = self.ours if self.is_absolute else self.ratio

        if not self.has_goal:
            return None

        # Nothing is a multiple of zero, and no goal is reached by it.
        if reached is None:
            return False

        if self.at_most is not None:
            return reached <= self.at_most

        return self.at_least is not None and reached >= self.at_least


@dataclass(frozen=True, kw_only=True, slots=True)
class NotMeasured:
    """Work that needs what this machine does not have."""

    #: What would have been done.
    work: str
    #: What is missing.
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """Work that did not come to its end."""

    #: What was to be done.
    work: str
    #: How it ended.
    reason: str


Outcome = Result | NotMeasured | Broken

_KINDS: Mapping[str, type[Outcome]] = {
    kind.__name__: kind for kind in (Result, NotMeasured, Broken)
}


def to_json(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON values."""
    return {"kind": type(outcome).__name__, **dataclasses.asdict(outcome)}


def from_json(values: Mapping[str, Any]) -> Outcome:
    """The outcome that :func:`to_json` was given."""
    members = dict(values)
    kind = _KINDS[members.pop("kind")]

    if spread := members.get("spread"):
        members["spread"] = tuple(spread)

    return kind(**members)
