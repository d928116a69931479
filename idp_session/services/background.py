"""What a process does besides answering requests."""

from __future__ import annotations

import time
from datetime import timedelta

from ..models import Delivery
from .delivery import DeliveryService
from .delivery_management import DeliveryManagementService
from .ending import SweepService

__all__ = ["BackgroundWork"]

# So few that deliveries do not wait for them.
_SWEPT_AT_ONCE = 200


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
            # Before the sweep: one that fails does not keep deliveries waiting.
            self._next_sweep = time.monotonic() + self._interval
            self._deliveries.purge(older_than=self._retention)

            if self._sweep.run_once(limit=_SWEPT_AT_ONCE) == _SWEPT_AT_ONCE:
                # There may be more. What ended has kicked the dispatcher, so that the
                # next claim is soon; in between deliveries get their turn.
                self._next_sweep = 0.0

        return self._delivery.claim(limit)

    def deliver(self, delivery: Delivery) -> Delivery:
        """Try a claimed delivery once.

        :param delivery: As :meth:`claim` gave it.
        """
        return self._delivery.deliver(delivery)
