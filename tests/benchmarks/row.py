"""What a row of the benchmarks is."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass

from .places import Bench
from .results import Outcome

__all__ = ["Row"]


@dataclass(frozen=True, slots=True)
class Row:
    """Some work that is measured in a process of its own."""

    #: Short, with hyphens.
    name: str
    #: What is done, for whoever waits or reads.
    work: str
    #: Does it.
    #:
    #: :raises UnavailableError: If something is missing without which there is
    #:     nothing to measure.
    run: Callable[[Bench], Sequence[Outcome]]
    #: Whether the page shows a picture of it; then all its figures have one unit.
    is_pictured: bool = False
