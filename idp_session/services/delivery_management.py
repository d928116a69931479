"""Deliveries as administrators see them: listed, tried again and forgotten."""

from __future__ import annotations

from datetime import timedelta

from ..models import Delivery
from ..models import DeliveryState
from ..ports import Clock
from ..ports import DeliveryQueue
from ..ports import Dispatcher

__all__ = ["DeliveryManagementService"]

_LARGEST_PAGE = 1000
_BATCH = 500


class DeliveryManagementService:
    """Looks after the outbox.

    :param queue: The outbox.
    :param clock: Tells when deliveries are due, and how old they are.
    :param dispatcher: Who gets them going.
    """

    def __init__(
        self, *, queue: DeliveryQueue, clock: Clock, dispatcher: Dispatcher
    ) -> None:
        self._queue = queue
        self._clock = clock
        self._dispatcher = dispatcher

    def query(
        self,
        *,
        state: DeliveryState | None = None,
        client_id: str | None = None,
        limit: int = 50,
        before_id: int | None = None,
    ) -> tuple[Delivery, ...]:
        """Some deliveries, newest first.

        :param state: Only those in this state.
        :param client_id: Only those to this client, as it came.
        :param limit: How many at the most, up to 1000.
        :param before_id: Only those with smaller ids: the last one of a list leads
            to its continuation.
        :raises ValueError: If the limit is out of bounds.
        """
        if not 1 <= limit <= _LARGEST_PAGE:
            raise ValueError(f"limit must be between 1 and {_LARGEST_PAGE}")

        return self._queue.query(
            state=state, client_id=client_id, limit=limit, before_id=before_id
        )

    def get(self, delivery_id: int) -> Delivery | None:
        """The delivery with an id, any number.

        :param delivery_id: As it came.
        """
        found = self._queue.query(
            state=None, client_id=None, limit=1, before_id=delivery_id + 1
        )

        return found[0] if found and found[0].id == delivery_id else None

    def retry(self, delivery_id: int) -> bool:
        """Have a delivery that was given up tried again, now.

        It is tried at least once, and then again until its time-to-live is over,
        which began when the session ended.

        :param delivery_id: As it came.
        :returns: Whether it is expired, failed or refused; otherwise nothing is
            done, and nobody is told twice.
        """
        retried = self._queue.retry(delivery_id, now=self._clock.now())

        if retried:
            self._dispatcher.kick()

        return retried

    def purge(self, *, older_than: timedelta) -> int:
        """Forget deliveries that have been over for some time; never pending ones.

        :param older_than: For how long; not negative.
        :returns: How many were forgotten, in batches.
        :raises ValueError: If the time is negative.
        """
        if older_than < timedelta(0):
            raise ValueError("older_than must not be negative")

        before = self._clock.now() - older_than
        forgotten = 0

        while batch := self._queue.purge(finished_before=before, limit=_BATCH):
            forgotten += batch

        return forgotten
