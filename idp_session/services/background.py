"""What a process does besides answering requests."""

from __future__ import annotations

import time
from datetime import timedelta

from ..models import Delivery
from .delivery import DeliveryService
from .delivery_management import DeliveryManagementService
from .ending import SweepService

__all__ = ["BackgroundWork"]


class BackgroundWork:
    """Hands out deliveries; now and then ends what has expired and forgets what is over.

    :param delivery: Who sends.
    :param deliveries: Who forgets deliveries.
    :param sweep: Who ends expired sessions.
    :param sweep_interval: How long to leave between two looks for either.
    :param retention: For how long deliveries that are over are kept.
    """

    def __init__(
        self,
        *,
        delivery: DeliveryService,
        deliveries: DeliveryManagementService,
        sweep: SweepService,
        sweep_interval: timedelta,
        retention: timedelta,
    ) -> None:
        self._delivery = delivery
        self._deliveries = deliveries
        self._sweep = sweep
        self._retention = retention
        self._interval = sweep_interval.total_seconds()
        self._next_sweep = 0.0

    def claim(self, limit: int) -> tuple[Delivery, ...]:
        """Deliveries that are due, after a sweep if it is time for one.

        :param limit: How many at the most.
        """
        if time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + self._interval
            self._sweep.run_once()
            self._deliveries.purge(older_than=self._retention)

        return self._delivery.claim(limit)

    def deliver(self, delivery: Delivery) -> Delivery:
        """Try a claimed delivery once.

        :param delivery: As :meth:`claim` gave it.
        """
        return self._delivery.deliver(delivery)
