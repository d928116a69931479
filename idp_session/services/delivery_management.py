"""Deliveries as administrators see them: listed, tried again and forgotten."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from datetime import timedelta

from ..models import Client
from ..models import Delivery
from ..models import DeliveryState
from ..models import LogoutResult
from ..ports import ClientStore
from ..ports import Clock
from ..ports import DeliveryQueue
from ..ports import Dispatcher
from .turns import Turns

__all__ = ["DeliveryManagementService"]

_LARGEST_PAGE = 1000
_BATCH = 500


class DeliveryManagementService:
    """Looks after the outbox.

    :param queue: The outbox.
    :param clients: Knows what the clients are called.
    :param clock: Tells when deliveries are due, and how old they are.
    :param dispatcher: Who gets them going.
    :param pause: Waits some seconds; need not where writers do not wait for others.
    """

    def __init__(
        self,
        *,
        queue: DeliveryQueue,
        clients: ClientStore,
        clock: Clock,
        dispatcher: Dispatcher,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._queue = queue
        self._clients = clients
        self._clock = clock
        self._dispatcher = dispatcher
        self._pause = pause

    def query(
        self,
        *,
        state: DeliveryState | None = None,
        client_id: str | None = None,
        session_id: str | None = None,
        limit: int = 50,
        before_id: int | None = None,
    ) -> tuple[Delivery, ...]:
        """Some deliveries, newest first.

        :param state: Only those in this state.
        :param client_id: Only those to this client, as it came.
        :param session_id: Only those of this session, as it came.
        :param limit: How many at the most, up to 1000.
        :param before_id: Only those with smaller ids: the last one of a list leads
            to its continuation.
        :raises ValueError: If the limit is out of bounds.
        """
        if not 1 <= limit <= _LARGEST_PAGE:
            raise ValueError(f"limit must be between 1 and {_LARGEST_PAGE}")

        if session_id is None:
            return self._queue.query(
                state=state, client_id=client_id, limit=limit, before_id=before_id
            )

        # A session has as many deliveries as it had clients, which is not many.
        found = (
            each
            for each in reversed(self._queue.of_session(session_id))
            if state in {None, each.state}
            and client_id in {None, each.client_id}
            and (before_id is None or each.id < before_id)
        )

        return tuple(itertools.islice(found, limit))

    def get(self, delivery_id: int) -> Delivery | None:
        """The delivery with an id, any number.

        :param delivery_id: As it came.
        """
        found = self._queue.query(
            state=None, client_id=None, limit=1, before_id=delivery_id + 1
        )

        return found[0] if found and found[0].id == delivery_id else None

    def result_of(
        self, session_id: str, *, client_id: str | None = None
    ) -> LogoutResult:
        """What came of the end of a session, as far as it is known by now.

        Of a session that goes on it has the clients that have left it. It has none
        if the session is unknown, if no client took part in it, or if its
        deliveries have been forgotten.

        :param session_id: As it came.
        :param client_id: Only what came of it at this client, as it came.
        """
        deliveries = [
            each
            for each in self._queue.of_session(session_id)
            if client_id in {None, each.client_id}
        ]

        return LogoutResult.of(session_id, deliveries, label=self._label)

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

    def purge(self, *, older_than: timedelta, at_most: int | None = None) -> int:
        """Forget deliveries that have been over for some time; never pending ones.

        In batches, between two of which others have their turn.

        :param older_than: For how long; not negative.
        :param at_most: How many at the most; all without.
        :returns: How many were forgotten.
        :raises ValueError: If the time is negative.
        """
        if older_than < timedelta(0):
            raise ValueError("older_than must not be negative")

        before = self._clock.now() - older_than

        return self._forget(
            lambda limit: self._queue.purge(finished_before=before, limit=limit),
            at_most=at_most,
        )

    def forget_ends(self, *, older_than: timedelta, at_most: int | None = None) -> int:
        """Forget which sessions of cookies have ended, some time after they have.

        Not done by :meth:`purge`: whoever clears the list of deliveries today must
        not thereby bring a session of yesterday back to life.

        :param older_than: How long ago; longer than a cookie opens unrenewed.
        :param at_most: How many at the most; all without.
        :returns: How many were forgotten.
        """
        before = self._clock.now() - older_than

        return self._forget(
            lambda limit: self._queue.forget_ends(before=before, limit=limit),
            at_most=at_most,
        )

    def _forget(self, some: Callable[[int], int], *, at_most: int | None) -> int:
        turns = Turns(self._pause)
        forgotten = 0

        while True:
            batch = _BATCH if at_most is None else min(_BATCH, at_most - forgotten)
            gone = turns.take(some, batch)
            forgotten += gone

            if gone < batch or forgotten == at_most:
                return forgotten

            turns.give()

    def _label(self, client_id: str) -> str:
        client = self._clients.get(client_id) or Client(client_id=client_id)

        return client.label
