"""What is owed to clients."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from operator import attrgetter

from ...models import Backlog
from ...models import Delivery
from ...models import DeliveryResult
from ...models import DeliveryState
from ...models import EndedSession
from ...models import FairShare
from ...models import Participant

__all__ = ["MemoryDeliveryQueue"]

_GIVEN_UP = {DeliveryState.EXPIRED, DeliveryState.FAILED, DeliveryState.REFUSED}


class MemoryDeliveryQueue:
    """A :class:`~idp_session.ports.DeliveryQueue` that a restart empties."""

    def __init__(self) -> None:
        #: Held while anything is read or written, here and in the session store.
        self.lock = threading.RLock()
        self._ids = itertools.count(1)
        self._deliveries: dict[int, Delivery] = {}
        self._ends: dict[str, datetime] = {}

    def add(self, ended: EndedSession) -> None:
        """Add one pending delivery per participant.

        :param ended: The session that has just ended.
        """
        with self.lock:
            for participant in ended.participants:
                delivery = _owed(next(self._ids), participant, ended)
                self._deliveries[delivery.id] = delivery

    def claim(
        self,
        *,
        now: datetime,
        lease: timedelta,
        limit: int,
        share: FairShare | None = None,
    ) -> tuple[Delivery, ...]:
        fair = share or FairShare(per_host=limit)

        with self.lock:
            due = [each for each in self._pending() if each.due_at <= now]
            due.sort(key=attrgetter("due_at", "id"))
            picked = fair.pick(due, limit=limit)
            claimed = tuple(_claimed(each, now + lease) for each in picked)
            self._deliveries.update({each.id: each for each in claimed})

        return claimed

    def settle(self, delivery: Delivery, result: DeliveryResult) -> bool:
        with self.lock:
            current = self._deliveries.get(delivery.id)

            if current is None or _claim_of(current) != (
                delivery.attempts,
                delivery.due_at,
                DeliveryState.PENDING,
            ):
                return False

            self._deliveries[delivery.id] = result.applied_to(current)

        return True

    def settle_all(
        self, results: Sequence[tuple[Delivery, DeliveryResult]]
    ) -> tuple[bool, ...]:
        with self.lock:
            return tuple(self.settle(delivery, result) for delivery, result in results)

    def of_session(self, session_id: str) -> tuple[Delivery, ...]:
        with self.lock:
            return tuple(
                each
                for each in self._deliveries.values()
                if each.session_id == session_id
            )

    def has_untried(self, session_id: str, *, client_id: str | None = None) -> bool:
        return any(
            client_id in {None, each.client_id} and not each.was_tried
            for each in self.of_session(session_id)
        )

    def next_due_at(self) -> datetime | None:
        with self.lock:
            return min((each.due_at for each in self._pending()), default=None)

    def backlog(self, *, at_most: int) -> Backlog:
        with self.lock:
            pending = sorted(self._pending(), key=attrgetter("due_at"))[:at_most]

        return Backlog(
            pending=len(pending),
            oldest_created_at=min((each.created_at for each in pending), default=None),
        )

    def query(
        self,
        *,
        state: DeliveryState | None,
        client_id: str | None,
        limit: int,
        before_id: int | None,
    ) -> tuple[Delivery, ...]:
        with self.lock:
            found = [
                each
                for each in reversed(self._deliveries.values())
                if state in {None, each.state}
                and client_id in {None, each.client_id}
                and (before_id is None or each.id < before_id)
            ]

        return tuple(found[:limit])

    def retry(self, delivery_id: int, *, now: datetime) -> bool:
        with self.lock:
            delivery = self._deliveries.get(delivery_id)

            if delivery is None or delivery.state not in _GIVEN_UP:
                return False

            self._deliveries[delivery_id] = _renewed(delivery, now)

        return True

    def purge(self, *, finished_before: datetime, limit: int) -> int:
        with self.lock:
            over = [
                (each.finished_at, each.id)
                for each in self._deliveries.values()
                if each.finished_at and each.finished_at < finished_before
            ]

            for _, delivery_id in (gone := sorted(over)[:limit]):
                del self._deliveries[delivery_id]

        return len(gone)

    def owe(self, ended: EndedSession) -> bool:
        with self.lock:
            if ended.session_id in self._ends:
                return False

            self._ends[ended.session_id] = ended.ended_at
            self.add(ended)

        return True

    def has_ended(self, session_id: str) -> bool:
        with self.lock:
            return session_id in self._ends

    def forget_ends(self, *, before: datetime, limit: int) -> int:
        with self.lock:
            over = [each for each, at in self._ends.items() if at < before][:limit]

            for session_id in over:
                del self._ends[session_id]

        return len(over)

    def _pending(self) -> list[Delivery]:
        return [
            each
            for each in self._deliveries.values()
            if each.state is DeliveryState.PENDING
        ]


def _owed(number: int, participant: Participant, ended: EndedSession) -> Delivery:
    return Delivery(
        id=number,
        session_id=ended.session_id,
        client_id=participant.client_id,
        issuer=participant.issuer,
        subject=participant.subject,
        reason=ended.reason,
        created_at=ended.ended_at,
        due_at=ended.ended_at,
    )


def _claimed(delivery: Delivery, due_at: datetime) -> Delivery:
    return dataclasses.replace(delivery, due_at=due_at, attempts=delivery.attempts + 1)


def _claim_of(delivery: Delivery) -> tuple[int, datetime, DeliveryState]:
    return delivery.attempts, delivery.due_at, delivery.state


def _renewed(delivery: Delivery, now: datetime) -> Delivery:
    again = DeliveryResult(state=DeliveryState.PENDING, at=now, due_at=now)

    return again.applied_to(delivery)
