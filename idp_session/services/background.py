"""What a process does besides answering requests."""

from __future__ import annotations

import time
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import timedelta
from types import MappingProxyType

from ..models import Attempt
from ..models import Delivery
from .delivery import DeliveryService
from .delivery_management import DeliveryManagementService
from .sweeping import SweepService

__all__ = ["BackgroundWork"]

# So few that deliveries do not wait for them.
_SWEPT_AT_ONCE = 200
_FORGOTTEN_AT_ONCE = 1000


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

    def claim(
        self, limit: int, *, under_way: Mapping[str, int] = MappingProxyType({})
    ) -> tuple[Delivery, ...]:
        """Deliveries that are due, after a sweep if it is time for one.

        :param limit: How many at the most.
        :param under_way: How many are on their way already, by host.
        """
        if time.monotonic() >= self._next_sweep:
            # Before the sweep: one that fails does not keep deliveries waiting.
            self._next_sweep = time.monotonic() + self._interval
            self._clean_up()

        return self._delivery.claim(limit, under_way=under_way)

    def _clean_up(self) -> None:
        # First what clients are to hear of: the rest may fail, for example on a
        # database that is not upgraded yet.
        swept = self._sweep.run_once(limit=_SWEPT_AT_ONCE)
        forgotten = (
            self._deliveries.purge(
                older_than=self._retention, at_most=_FORGOTTEN_AT_ONCE
            ),
            self._deliveries.forget_ends(
                older_than=self._retention, at_most=_FORGOTTEN_AT_ONCE
            ),
        )

        # At the end: what fails each time would keep every claim from being made.
        if swept == _SWEPT_AT_ONCE or _FORGOTTEN_AT_ONCE in forgotten:
            # There may be more. What ended has kicked the dispatcher, so that the next
            # claim is soon; in between deliveries get their turn.
            self._next_sweep = 0.0

    def begin(
        self, delivery: Delivery, *, under_way: Mapping[str, int] = MappingProxyType({})
    ) -> Attempt | None:
        """Send a claimed delivery on its way.

        :param delivery: As :meth:`claim` gave it.
        :param under_way: How many are on their way already, by host.
        """
        return self._delivery.begin(delivery, under_way=under_way)

    def settle(self, attempts: Sequence[Attempt]) -> object:
        """Write down what came of attempts.

        :param attempts: Those whose outcome is there.
        """
        return self._delivery.settle(attempts)

    def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """Let others have deliveries at once.

        :param deliveries: As :meth:`claim` gave them.
        """
        self._delivery.give_back(deliveries)

    def stop(self) -> None:
        """Let go of what sending needs."""
        self._delivery.stop()
