"""Where the bars of a plot stand; the template draws them."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ...models import DeliveryState
from .overview import DeliveriesInTime
from .overview import SessionsInTime

__all__ = ["HEIGHT", "WIDTH", "Bar", "Part", "Plot", "of_deliveries", "of_sessions"]

#: The size of a plot, in units of its own.
WIDTH = 600
HEIGHT = 120

_GAP = 0.2
#: Which parts a bar has, from the bottom to the top, and the states in each.
_PARTS: Mapping[str, frozenset[DeliveryState]] = {
    "confirmed": frozenset({DeliveryState.DELIVERED}),
    "waiting": frozenset({DeliveryState.PENDING}),
    "not-told": frozenset(
        {DeliveryState.REFUSED, DeliveryState.FAILED, DeliveryState.EXPIRED}
    ),
    "not-sent": frozenset({DeliveryState.SKIPPED}),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A rectangle of a bar."""

    #: What it stands for.
    kind: str
    number: int
    y: float
    height: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """What there was in a span of time."""

    begins_at: datetime
    number: int
    #: Whether there were more.
    is_lower_bound: bool
    x: float
    width: float
    parts: tuple[Part, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """Bars side by side."""

    bars: tuple[Bar, ...]
    #: The number that the highest bar stands for.
    highest: int
    ends_at: datetime

    @property
    def begins_at(self) -> datetime:
        """When the first bar begins."""
        return self.bars[0].begins_at


@dataclass(frozen=True, kw_only=True, slots=True)
class _Column:
    begins_at: datetime
    ends_at: datetime
    parts: Mapping[str, int]
    is_lower_bound: bool = False

    @property
    def number(self) -> int:
        return sum(self.parts.values())


def of_sessions(spans: Sequence[SessionsInTime]) -> Plot | None:
    """The plot of sessions; ``None`` if there is nothing to see.

    :param spans: The oldest first.
    """
    return _plot(
        _Column(
            begins_at=each.begins_at,
            ends_at=each.ends_at,
            parts={"sessions": each.count.number},
            is_lower_bound=each.count.is_lower_bound,
        )
        for each in spans
    )


def of_deliveries(spans: Sequence[DeliveriesInTime]) -> Plot | None:
    """The plot of deliveries; ``None`` if there is nothing to see.

    :param spans: The oldest first.
    """
    return _plot(
        _Column(
            begins_at=span.begins_at,
            ends_at=span.ends_at,
            parts={
                kind: sum(span.by_state[state] for state in states)
                for kind, states in _PARTS.items()
            },
        )
        for span in spans
    )


def _plot(given: Iterable[_Column]) -> Plot | None:
    columns = tuple(given)
    highest = max((each.number for each in columns), default=0)

    if not highest:
        return None

    step = WIDTH / len(columns)

    return Plot(
        bars=tuple(
            Bar(
                begins_at=column.begins_at,
                number=column.number,
                is_lower_bound=column.is_lower_bound,
                x=round(step * (place + _GAP / 2), 2),
                width=round(step * (1 - _GAP), 2),
                parts=tuple(_parts(column.parts, highest)),
            )
            for place, column in enumerate(columns)
        ),
        highest=highest,
        ends_at=columns[-1].ends_at,
    )


def _parts(numbers: Mapping[str, int], highest: int) -> Iterable[Part]:
    below = 0

    for kind, number in numbers.items():
        below += number

        if number:
            yield Part(
                kind=kind,
                number=number,
                y=round(HEIGHT * (1 - below / highest), 2),
                height=round(HEIGHT * number / highest, 2),
            )
