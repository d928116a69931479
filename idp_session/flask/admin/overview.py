"""How much there is: bounded counts, however many sessions and deliveries there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta

from ...models import Delivery
from ...models import DeliveryState
from ...models import SessionFilter
from ..state import app_state

__all__ = [
    "AT_MOST",
    "Count",
    "DeliveriesInTime",
    "Overview",
    "SessionsInTime",
    "overview",
]

#: Nobody counts further than this in one place.
AT_MOST = 1000

_DAYS = 14
_SPANS = 24
_DAY = timedelta(days=1)
_SHORTEST = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """A number that may be larger in truth."""

    number: int
    #: Whether nobody counted further: there are more.
    is_lower_bound: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionsInTime:
    """How many of the sessions that go on began in a span of time."""

    begins_at: datetime
    ends_at: datetime
    count: Count


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveriesInTime:
    """What has become of the deliveries that began to be owed in a span of time."""

    begins_at: datetime
    ends_at: datetime
    by_state: Counter[DeliveryState]


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """How much there is."""

    #: All sessions; ``None`` where they are in cookies.
    sessions: Count | None
    #: Day by day, the oldest first; empty where sessions are in cookies.
    sessions_in_time: tuple[SessionsInTime, ...]
    #: The deliveries that are pending.
    pending: Count
    #: When the session of the oldest of them ended, as far as they were counted.
    oldest_pending_at: datetime | None
    #: What has become of the latest deliveries.
    by_state: Counter[DeliveryState]
    #: How many were looked at.
    looked_at: int
    #: They in time, the oldest first.
    deliveries_in_time: tuple[DeliveriesInTime, ...]


def overview() -> Overview:
    """How much there is now."""
    app = app_state()
    has_list = app.options.tickets != "cookie"
    backlog = app.queue.backlog(at_most=AT_MOST + 1)
    latest = app.deliveries.query(limit=AT_MOST)

    return Overview(
        sessions=_count(SessionFilter()) if has_list else None,
        sessions_in_time=_sessions_in_time() if has_list else (),
        pending=_bounded(backlog.pending),
        oldest_pending_at=backlog.oldest_created_at,
        by_state=Counter(each.state for each in latest),
        looked_at=len(latest),
        deliveries_in_time=_deliveries_in_time(latest, app.clock.now()),
    )


def _sessions_in_time() -> tuple[SessionsInTime, ...]:
    today = app_state().clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    days = [today - _DAY * number for number in reversed(range(_DAYS))]

    return tuple(
        SessionsInTime(
            begins_at=day,
            ends_at=day + _DAY,
            count=_count(SessionFilter(created_after=day, created_before=day + _DAY)),
        )
        for day in days
    )


def _deliveries_in_time(
    latest: Sequence[Delivery], now: datetime
) -> tuple[DeliveriesInTime, ...]:
    if not latest:
        return ()

    begin = min(each.created_at for each in latest)
    # Clocks of processes differ a little.
    end = max(now, *(each.created_at for each in latest), begin + _SHORTEST)
    span = (end - begin) / _SPANS
    counted: list[Counter[DeliveryState]] = [Counter() for _ in range(_SPANS)]

    for each in latest:
        counted[min((each.created_at - begin) // span, _SPANS - 1)][each.state] += 1

    return tuple(
        DeliveriesInTime(
            begins_at=begin + span * number,
            ends_at=begin + span * (number + 1),
            by_state=by_state,
        )
        for number, by_state in enumerate(counted)
    )


def _count(wanted: SessionFilter) -> Count:
    return _bounded(app_state().store.count(wanted, at_most=AT_MOST + 1))


def _bounded(number: int) -> Count:
    return Count(number=min(number, AT_MOST), is_lower_bound=number > AT_MOST)
