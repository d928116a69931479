"""Sends what is owed, in the background of this process."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from ..models import Attempt
from ..models import AttemptOutcome
from ..models import Delivery
from .forks import forget_after_fork
from .loop import BackgroundLoop

__all__ = ["DeliveryWork", "ThreadDispatcher"]

# Few enough for their tokens to be signed long before their leases are over, and
# for the first of many to be on their way soon.
_CLAIMED_AT_ONCE = 64

# A claim of which nothing could be begun has taught us of clients on a full host, and
# behind them there may be others. Should it teach us nothing, that has to end.
_MOST_FRUITLESS = 200

# The settling thread is woken when there is something to settle.
_IDLE_SECONDS = 3600.0

# Results that come shortly after others are written down together with more. Whoever
# waits for one looks less often than that.
_GATHERED_SECONDS = 0.025

# A claim costs almost the same for one as for many.
_WORTH_A_CLAIM = 64

# A database that is away may be back soon.
_TRY_AGAIN_AT_MOST_AFTER = 1.0


class DeliveryWork(Protocol):
    """What a dispatcher has done."""

    def claim(self, limit: int, *, under_way: Mapping[str, int]) -> Sequence[Delivery]:
        """At most so many deliveries that are due.

        :param limit: How many.
        :param under_way: How many are on their way already, by host.
        """

    def begin(
        self, delivery: Delivery, *, under_way: Mapping[str, int]
    ) -> Attempt | None:
        """Send one of them on its way; ``None`` if its host has its share."""

    def settle(self, attempts: Sequence[Attempt]) -> object:
        """Write down what came of attempts whose outcome is there."""

    def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """Let others have deliveries at once."""

    def stop(self) -> None:
        """Let go of what sending needs, until the next beginning."""


class ThreadDispatcher:
    """Claims deliveries that are due, and has many of them on their way at once.

    One thread claims and begins: when it is kicked, when room for several has become
    free, whenever something was settled, and at every poll. Another one settles, as
    many at once as are done by then, and the next ones not before others could join
    them. Both are daemons, so the end of the process does not wait for them; what was
    claimed then is owed still and falls due again. After a fork the child knows
    nothing of what its parent has under way, and starts threads of its own when it is
    kicked or started.

    :param work: Gives what claims, begins and settles; called when it is needed.
    :param in_flight: How many are on their way at once. As many again may have come
        back and wait to be settled.
    :param poll_interval: How often to look without being kicked.
    :param logger: Hears of what fails; the threads live on.
    :param patience: For how long results that cannot be written down are kept. Less
        than a lease: later others have begun to send again.
    """

    def __init__(
        self,
        *,
        work: Callable[[], DeliveryWork],
        in_flight: int,
        poll_interval: timedelta,
        logger: logging.Logger,
        patience: timedelta = timedelta(seconds=10),
    ) -> None:
        self._work = work
        self._in_flight = in_flight
        self._poll_seconds = poll_interval.total_seconds()
        self._patience_seconds = patience.total_seconds()
        self._logger = logger
        self._stopped = False
        self._worth_a_claim = max(1, min(in_flight // 4, _WORTH_A_CLAIM))
        self._claiming = BackgroundLoop(
            self._claim,
            name="idp_session-claiming",
            pause=self._poll_seconds,
            logger=logger,
        )
        self._settling = BackgroundLoop(
            self._settle,
            name="idp_session-settling",
            pause=min(_TRY_AGAIN_AT_MOST_AFTER, self._patience_seconds / 10),
            logger=logger,
        )
        self.after_fork()
        forget_after_fork(self)

    def kick(self) -> None:
        """Have due deliveries sent now; does nothing after :meth:`stop`."""
        with self._changed:
            if self._stopped:
                return

            is_running = self._claiming.running

            try:
                self._settling.start()
                self._claiming.start()
            except RuntimeError as error:
                # The next kick tries again; until then others may find the work.
                self._logger.warning("no thread to deliver with: %s", error)

            if is_running:
                self._claiming.hurry()

    def start(self) -> None:
        """Begin, or begin again after :meth:`stop`; cheap if it runs already."""
        with self._changed:
            if self._stopped or not self._claiming.running:
                self._stopped = False
                self.kick()

    def stop(self, timeout: timedelta) -> bool:
        """Claim no more, and wait for the deliveries that are on their way.

        What is still on its way then is given up, and given back, so that others
        can have it at once. Of two callers the second one waits for the first.

        :param timeout: How long to wait for them.
        :returns: Whether none was on its way any more.
        """
        with self._stopping:
            quiet, left = self._come_to_rest(timeout)
            self._give_up(left)

        return quiet

    def after_fork(self) -> None:
        """Forget what is under way, which is the parent's."""
        self._stopping = threading.RLock()
        self._changed = threading.Condition(threading.RLock())
        self._busy = False
        self._forget_attempts()
        self._claimed_into = self._attempts

    def _come_to_rest(self, timeout: timedelta) -> tuple[bool, tuple[Attempt, ...]]:
        with self._changed:
            self._stopped = True
            self._claiming.stop()
            quiet = self._changed.wait_for(
                lambda: not self._attempts and not self._busy, timeout.total_seconds()
            )
            left = tuple(self._attempts.values())
            self._forget_attempts()
            self._settling.stop()

            return quiet, left

    def _forget_attempts(self) -> None:
        self._attempts: dict[AttemptOutcome, Attempt] = {}
        self._under_way: dict[str, int] = {}
        self._sending = 0
        self._freed = 0
        self._done: list[Attempt] = []
        self._failing_since: float | None = None
        self._settled_at = 0.0

    def _claim(self) -> float:
        fruitless = 0

        while fruitless < _MOST_FRUITLESS and (limit := self._begin_claim()):
            try:
                claimed = self._work().claim(limit, under_way=self._hosts())
                begun = self._begin_all(claimed)
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()

            if len(claimed) < limit:
                break

            fruitless = 0 if begun else fruitless + 1

        return self._poll_seconds

    def _begin_claim(self) -> int:
        with self._changed:
            # Each is under way, or waits to be settled.
            free = min(
                self._in_flight - self._sending,
                2 * self._in_flight - len(self._attempts),
            )
            self._freed = 0
            limit = 0 if self._stopped else min(free, _CLAIMED_AT_ONCE)
            self._busy = limit > 0
            self._claimed_into = self._attempts

            return limit

    def _begin_all(self, claimed: Sequence[Delivery]) -> bool:
        left = [
            delivery
            for delivery in claimed
            if self._stopped or not self._begin(delivery)
        ]

        if left:
            self._work().give_back(left)

        return len(left) < len(claimed)

    def _begin(self, delivery: Delivery) -> bool:
        try:
            attempt = self._work().begin(delivery, under_way=self._under_way)
        except Exception as error:
            # One client is no reason not to tell the others. Its turn comes again
            # when the lease is over.
            self._logger.warning(
                "delivery %d failed: %s", delivery.id, type(error).__name__
            )
            return True

        if attempt is None:
            return False

        if not self._count(attempt):
            attempt.outcome.cancel()
            return False

        # Nothing is made for each of them: there may be thousands on their way.
        attempt.outcome.add_done_callback(self._finished)

        return True

    def _count(self, attempt: Attempt) -> bool:
        with self._changed:
            # It has taken so long to begin that everything was given up meanwhile.
            if self._attempts is not self._claimed_into:
                return False

            self._attempts[attempt.outcome] = attempt
            self._sending += 1

            if attempt.host is not None:
                under_way = self._under_way.get(attempt.host, 0)
                self._under_way[attempt.host] = under_way + 1

            return True

    def _hosts(self) -> Mapping[str, int]:
        with self._changed:
            return dict(self._under_way)

    def _finished(self, outcome: AttemptOutcome) -> None:
        with self._changed:
            attempt = self._attempts.get(outcome)

            # What was given back is no longer ours to settle.
            if attempt is None:
                return

            self._sending -= 1
            self._freed += 1
            self._done.append(attempt)

            if attempt.host is not None:
                self._leave(attempt.host)

            is_first = len(self._done) == 1
            is_worth_a_claim = self._freed == self._worth_a_claim

        if is_first:
            self._settling.hurry()

        if is_worth_a_claim:
            self._claiming.hurry()

    def _leave(self, host: str) -> None:
        # What is no longer needed goes: or it would grow with every host there ever was.
        if self._under_way[host] > 1:
            self._under_way[host] -= 1
        else:
            del self._under_way[host]

    def _settle(self) -> float:
        time.sleep(max(0.0, self._settled_at + _GATHERED_SECONDS - time.monotonic()))

        with self._changed:
            done, self._done = self._done, []

        if done:
            self._settle_or_keep(done)
            self._settled_at = time.monotonic()

        return _IDLE_SECONDS

    def _settle_or_keep(self, done: list[Attempt]) -> None:
        is_settled = False

        try:
            self._work().settle(done)
            is_settled = True
        finally:
            if is_settled or not self._has_patience():
                self._failing_since = None
                self._free(done)
            else:
                self._keep(done)

    def _has_patience(self) -> bool:
        now = time.monotonic()
        self._failing_since = self._failing_since or now

        return now - self._failing_since < self._patience_seconds

    def _keep(self, done: list[Attempt]) -> None:
        # Whoever has answered is not asked again, if this can still be written down.
        with self._changed:
            self._done = [
                each for each in done if each.outcome in self._attempts
            ] + self._done

    def _free(self, done: Sequence[Attempt]) -> None:
        with self._changed:
            for each in done:
                self._attempts.pop(each.outcome, None)

            self._changed.notify_all()
            # The claim may have left something out while these were under way.
            self._claiming.hurry()

    def _give_up(self, attempts: Sequence[Attempt]) -> None:
        try:
            if attempts:
                self._work().give_back([attempt.delivery for attempt in attempts])

            for attempt in attempts:
                attempt.outcome.cancel()

            self._work().stop()
        except Exception as error:
            # Whoever stops has nobody to tell; their leases run out by themselves.
            self._logger.warning("giving back failed: %s", type(error).__name__)
