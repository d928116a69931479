"""Sends what is owed for a bounded time, in the thread of whoever asks."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from ..models import Attempt
from ..models import Delivery
from .dispatch import DeliveryWork

__all__ = ["Shift"]

# While some clients keep us waiting, others become due.
_LOOK_EVERY = 0.5
# Few enough for their tokens to be signed long before their leases are over.
_CLAIMED_AT_ONCE = 64


class Shift:
    """Claims deliveries that are due, and has many of them on their way at once.

    :param work: What claims, begins and settles.
    :param in_flight: How many are on their way at once.
    :param logger: Hears of deliveries that cannot be begun, and of a database that is
        away for a while; others are no worse off.
    """

    def __init__(
        self, work: DeliveryWork, *, in_flight: int, logger: logging.Logger
    ) -> None:
        self._work = work
        self._in_flight = in_flight
        self._logger = logger
        self._attempts: set[Attempt] = set()
        self._changed = threading.Event()

    def work_off(self, at_most: timedelta) -> bool:
        """Deliver until nothing is due and nothing is on its way, or time is up.

        :param at_most: For how long.
        :returns: Whether nothing was left; else some are on their way, to be given to
            :meth:`finish`, and more may be due.
        """
        until = time.monotonic() + at_most.total_seconds()

        while (left := until - time.monotonic()) > 0:
            self._begin()

            if not self._attempts:
                return True

            self._settle(min(left, _LOOK_EVERY))

        return False

    def finish(self, at_most: timedelta) -> None:
        """Wait for what is on its way, and give back what is not done then.

        :param at_most: How long to wait.
        """
        until = time.monotonic() + at_most.total_seconds()

        while self._attempts and (left := until - time.monotonic()) > 0:
            self._settle(min(left, _LOOK_EVERY))

        unfinished = [each for each in self._attempts if each.outcome.cancel()]
        self._work.give_back([each.delivery for each in unfinished])
        self._attempts -= set(unfinished)

        # Whoever was done in the meantime could not be cancelled.
        if self._attempts:
            self._settle(_LOOK_EVERY)

    def _begin(self) -> None:
        free = min(self._in_flight - len(self._attempts), _CLAIMED_AT_ONCE)

        if free <= 0:
            return

        too_many = []

        for delivery in self._claim(free):
            try:
                attempt = self._work.begin(delivery, under_way=self._under_way())
            except Exception as error:
                # The border of a task: its turn comes again when the lease is over.
                self._logger.warning(
                    "delivery %d failed: %s", delivery.id, type(error).__name__
                )
                continue

            if attempt is None:
                too_many.append(delivery)
            else:
                self._attempts.add(attempt)
                attempt.outcome.add_done_callback(lambda _: self._changed.set())

        if too_many:
            self._work.give_back(too_many)

    def _claim(self, limit: int) -> Sequence[Delivery]:
        try:
            return self._work.claim(limit, under_way=self._under_way())
        except Exception as error:
            # Whoever is under way would be told again if nobody waited for them.
            if not self._attempts:
                raise

            self._logger.warning("claiming failed: %s", type(error).__name__)
            return ()

    def _settle(self, seconds: float) -> None:
        self._changed.wait(seconds)
        # Before the look: what is done from now on is seen, here or the next time.
        self._changed.clear()
        done = {each for each in self._attempts if each.outcome.done()}

        if not done:
            return

        try:
            self._work.settle(sorted(done, key=_number))
        except Exception as error:
            # A database that is away may be back at the next look.
            self._logger.warning("settling failed: %s", type(error).__name__)
        else:
            self._attempts -= done

    def _under_way(self) -> Counter[str]:
        return Counter(each.host for each in self._attempts if each.host is not None)


def _number(attempt: Attempt) -> int:
    return attempt.delivery.id
