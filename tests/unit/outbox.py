"""Deliveries that a dispatcher sends, and what comes of them."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import InvalidStateError
from datetime import datetime
from datetime import timedelta
from datetime import UTC

from idp_session.adapters.dispatch import ThreadDispatcher
from idp_session.models import Attempt
from idp_session.models import Delivery
from idp_session.models import LogoutReason
from idp_session.models import SendResult

__all__ = ["SOON", "Make", "Outbox", "delivery", "dispatchers", "under_way"]

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LONG = timedelta(hours=1)
SOON = 20.0


def delivery(number: int) -> Delivery:
    """What is owed, told from others by its number."""
    return Delivery(
        id=number,
        session_id="sid",
        client_id="shop",
        issuer="https://op.test",
        subject="alice",
        reason=LogoutReason.USER,
        created_at=NOW,
        due_at=NOW,
    )


class Outbox:
    """Deliveries that are owed, and what happens to them."""

    def __init__(self, *numbers: int) -> None:
        self.changed = threading.Condition()
        self.owed = list(numbers)
        self.asked: list[int] = []
        self.done: list[int] = []
        self.running: dict[int, Future[SendResult]] = {}
        self.most_running = 0
        #: Those whose clients do not answer.
        self.held: set[int] = set()
        #: Those with which something is wrong before anything is sent.
        self.unsignable: set[int] = set()
        self.per_host = 1000
        #: What was settled together.
        self.settled: list[list[int]] = []
        self.settle_errors: list[Exception] = []
        self.given_back: list[int] = []
        self.stops = 0
        self.claim_hold = threading.Event()
        self.claim_hold.set()
        self.claim_errors: list[BaseException] = []

    def add(self, *numbers: int) -> None:
        with self.changed:
            self.owed.extend(numbers)

    def claim(self, limit: int, *, under_way: Mapping[str, int]) -> Sequence[Delivery]:
        with self.changed:
            self.asked.append(limit)
            taken, self.owed = self.owed[:limit], self.owed[limit:]
            self.changed.notify_all()

        self.claim_hold.wait()

        if self.claim_errors:
            raise self.claim_errors.pop()

        return [delivery(number) for number in taken]

    def begin(
        self, delivery: Delivery, *, under_way: Mapping[str, int]
    ) -> Attempt | None:
        if delivery.id in self.unsignable:
            raise LookupError("the key is gone, with a secret")

        if under_way.get("shop.test", 0) >= self.per_host:
            return None

        outcome: Future[SendResult] = Future()

        with self.changed:
            self.running[delivery.id] = outcome
            on_their_way = [each for each in self.running.values() if not each.done()]
            self.most_running = max(self.most_running, len(on_their_way))
            self.changed.notify_all()

        if delivery.id not in self.held:
            _answer(outcome)

        return Attempt(delivery=delivery, host="shop.test", outcome=outcome)

    def settle(self, attempts: Sequence[Attempt]) -> None:
        if self.settle_errors:
            raise self.settle_errors.pop()

        with self.changed:
            self.settled.append([each.delivery.id for each in attempts])

            for each in attempts:
                self.running.pop(each.delivery.id)
                self.done.append(each.delivery.id)

            self.changed.notify_all()

    def give_back(self, deliveries: Sequence[Delivery]) -> None:
        with self.changed:
            self.given_back.extend(each.id for each in deliveries)
            self.changed.notify_all()

    def stop(self) -> None:
        self.stops += 1

    def answer(self, *numbers: int) -> None:
        """Have the held clients answer, or some of them."""
        self.held.difference_update(numbers or tuple(self.held))

        for number, outcome in tuple(self.running.items()):
            if number not in self.held:
                _answer(outcome)

    def wait_until(self, holds: Callable[[], bool]) -> bool:
        with self.changed:
            return self.changed.wait_for(holds, SOON)


def _answer(outcome: Future[SendResult]) -> None:
    # Who was held until this very moment may be answered by two threads.
    with contextlib.suppress(InvalidStateError):
        outcome.set_result(SendResult(status=200))


def under_way(dispatcher: ThreadDispatcher, count: int) -> bool:
    """Whether so many are on their way soon, and nothing else is just beginning."""
    with dispatcher._changed:
        return dispatcher._changed.wait_for(
            lambda: len(dispatcher._attempts) == count and not dispatcher._busy, SOON
        )


Make = Callable[..., ThreadDispatcher]


@contextlib.contextmanager
def dispatchers() -> Iterator[Make]:
    """Makes dispatchers, which are stopped in the end."""
    made: list[tuple[Outbox, ThreadDispatcher]] = []

    def make(
        outbox: Outbox,
        *,
        in_flight: int = 4,
        poll: timedelta = LONG,
        patience: timedelta = LONG,
    ) -> ThreadDispatcher:
        dispatcher = ThreadDispatcher(
            work=lambda: outbox,
            in_flight=in_flight,
            poll_interval=poll,
            logger=logging.getLogger("test"),
            patience=patience,
        )
        made.append((outbox, dispatcher))
        return dispatcher

    yield make

    for outbox, each in made:
        outbox.claim_hold.set()
        outbox.answer()
        each.stop(timedelta(seconds=SOON))
