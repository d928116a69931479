"""The outbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from typing import Protocol

from ..models import Backlog
from ..models import Delivery
from ..models import DeliveryResult
from ..models import DeliveryState
from ..models import EndedSession
from ..models import FairShare

__all__ = ["DeliveryQueue"]


class DeliveryQueue(Protocol):
    """The outbox: what is owed to clients, until each has a final state."""

    def claim(
        self,
        *,
        now: datetime,
        lease: timedelta,
        limit: int,
        share: FairShare | None = None,
    ) -> tuple[Delivery, ...]:
        """Take pending deliveries that are due, the longest due first.

        Until the lease is over nobody else is given them. Their ``attempts``
        are already counted up.

        :param now: The current instant; aware UTC.
        :param lease: For how long the caller owns them.
        :param limit: How many at the most.
        :param share: How many of them may be for one host; ``None`` means all.
            What it leaves out stands in nobody's way.
        """

    def settle(self, delivery: Delivery, result: DeliveryResult) -> bool:
        """Write down what came of an attempt.

        :param delivery: As it was claimed.
        :param result: What to write.
        :returns: ``False`` if the claim is no longer the newest one, or was settled
            before, even if :meth:`retry` has come in between; nothing is written then.
        """

    def settle_all(
        self, results: Sequence[tuple[Delivery, DeliveryResult]]
    ) -> tuple[bool, ...]:
        """Write down what came of several attempts, in one go.

        One whose claim is no longer the newest does not hinder the others.

        :param results: Each delivery as it was claimed, once, and what to write.
        :returns: For each of them, what :meth:`settle` would return.
        """

    def of_session(self, session_id: str) -> tuple[Delivery, ...]:
        """All deliveries of an ended session, in the order of their ids."""

    def has_untried(self, session_id: str, *, client_id: str | None = None) -> bool:
        """Whether nothing has come yet of some delivery of an ended session.

        It is asked again and again while a response waits, and has to be cheap even
        where there are a thousand deliveries.

        :param session_id: The ended session, or one that a client has left.
        :param client_id: Only those to this client.
        """

    def next_due_at(self) -> datetime | None:
        """When the next pending delivery is due, ``None`` if none is pending."""

    def backlog(self, *, at_most: int) -> Backlog:
        """How much is pending; cheap, however much that is.

        :param at_most: How many to look at, the longest due first. If more are
            pending, the count is this number, and the oldest one may be among those
            that were not looked at.
        """

    def query(
        self,
        *,
        state: DeliveryState | None,
        client_id: str | None,
        limit: int,
        before_id: int | None,
    ) -> tuple[Delivery, ...]:
        """Some deliveries, newest first.

        :param state: Only those in this state.
        :param client_id: Only those to this client.
        :param limit: How many at the most.
        :param before_id: Only those with smaller ids, to go on in the list.
        """

    def retry(self, delivery_id: int, *, now: datetime) -> bool:
        """Have a delivery that was given up tried again.

        It is pending and due then, as if it had not been tried, but its attempts
        go on counting and its age is that of the end of the session.

        :param delivery_id: Which.
        :param now: The current instant; aware UTC.
        :returns: Whether there was such a delivery, expired, failed or refused.
        """

    def purge(self, *, finished_before: datetime, limit: int) -> int:
        """Forget deliveries that are over, those that were over first before others.

        What is pending is never forgotten, however old it is.

        :param finished_before: Those that were over before this instant; aware UTC.
        :param limit: How many at the most.
        :returns: How many were forgotten.
        """

    def owe(self, ended: EndedSession) -> bool:
        """Write down the end of a session that is kept elsewhere, such as in a cookie.

        One delivery to each participant is durably owed then, and
        :meth:`has_ended` knows of the end; both or neither, and once for each
        session. A session store that keeps its sessions itself has no need of it.

        :param ended: The session.
        :returns: ``False`` if the end was written down before. Of concurrent callers
            one gets ``True``.
        """

    def has_ended(self, session_id: str) -> bool:
        """Whether :meth:`owe` was told of a session, and nothing made it forget.

        :param session_id: As it came.
        """

    def forget_ends(self, *, before: datetime, limit: int) -> int:
        """Forget that sessions have ended, not what is owed for them.

        :param before: Those that ended before this instant; aware UTC.
        :param limit: How many at the most.
        :returns: How many were forgotten.
        """
