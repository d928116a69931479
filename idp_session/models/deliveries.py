"""What is owed to clients."""

from __future__ import annotations

import dataclasses
import enum
from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from .sessions import LogoutReason

__all__ = ["Backlog", "Delivery", "DeliveryResult", "DeliveryState", "FairShare"]

_NOTHING: Mapping[str, int] = MappingProxyType({})
_NO_HOSTS: Mapping[str, str | None] = MappingProxyType({})


class DeliveryState(enum.StrEnum):
    """How far a delivery is; every state but ``PENDING`` is final."""

    #: Owed: waiting, on its way, or to be tried again.
    PENDING = "pending"
    #: The client answered 200 or 204 (Back-Channel Logout 1.0 §2.8).
    DELIVERED = "delivered"
    #: The client answered that it does not accept the request.
    REFUSED = "refused"
    #: It can never succeed: a redirect, a forbidden address, no usable key.
    FAILED = "failed"
    #: It was tried for its whole time-to-live.
    EXPIRED = "expired"
    #: The client has no back-channel logout URI, or does not want to hear of sessions
    #: that end for this reason; ``last_error`` is ``"reason"`` then.
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One logout notification owed to one participant."""

    #: Identifies the delivery within its outbox; it grows with time.
    id: int
    #: The session that ended.
    session_id: str
    #: Whom to tell.
    client_id: str
    #: The issuer under which the client knows the session.
    issuer: str
    #: The ``sub`` that this client was given.
    subject: str
    #: Why the session ended.
    reason: LogoutReason
    #: When the session ended; aware UTC.
    created_at: datetime
    #: From when on it may be tried. A claim moves this to the end of its lease.
    due_at: datetime
    #: How often it was claimed. The number also tells one claim from another.
    attempts: int = 0
    #: How far it is.
    state: DeliveryState = DeliveryState.PENDING
    #: The HTTP status of the last answer.
    last_status: int | None = None
    #: What kind of failure the last attempt met.
    last_error: str | None = None
    #: How long the last attempt took.
    latency: timedelta | None = None
    #: When the state became final; aware UTC.
    finished_at: datetime | None = None

    @property
    def was_tried(self) -> bool:
        """Whether something has come of it, and not only a claim."""
        return (
            self.state is not DeliveryState.PENDING
            or self.last_status is not None
            or self.last_error is not None
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryResult:
    """What to write down after one attempt."""

    #: The state after the attempt; ``PENDING`` means: again at ``due_at``.
    state: DeliveryState
    #: When the attempt was over; aware UTC.
    at: datetime
    #: When to try again; set if and only if the state is ``PENDING``.
    due_at: datetime | None = None
    #: The HTTP status of the answer.
    status: int | None = None
    #: What kind of failure it was, in one word.
    error: str | None = None
    #: How long the attempt took.
    latency: timedelta | None = None

    @classmethod
    def given_back(cls, delivery: Delivery, *, at: datetime) -> DeliveryResult:
        """Nothing came of a claim: whoever likes may have the delivery at once.

        :param delivery: As it was claimed; what its last attempt met stays known.
        :param at: The current instant; aware UTC.
        """
        return cls(
            state=DeliveryState.PENDING,
            at=at,
            due_at=at,
            status=delivery.last_status,
            error=delivery.last_error,
            latency=delivery.latency,
        )

    def applied_to(self, delivery: Delivery) -> Delivery:
        """The delivery as it is after this attempt."""
        # By name: dataclasses.replace() takes five times as long, for each delivery.
        return Delivery(
            id=delivery.id,
            session_id=delivery.session_id,
            client_id=delivery.client_id,
            issuer=delivery.issuer,
            subject=delivery.subject,
            reason=delivery.reason,
            created_at=delivery.created_at,
            attempts=delivery.attempts,
            **self.changes(delivery),
        )

    def changes(self, delivery: Delivery) -> dict[str, Any]:
        """The members of a delivery that are others after this attempt.

        :param delivery: As it was claimed.
        """
        return {
            "state": self.state,
            "due_at": self.due_at or delivery.due_at,
            "last_status": self.status,
            "last_error": self.error,
            "latency": self.latency,
            "finished_at": None if self.state is DeliveryState.PENDING else self.at,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class FairShare:
    """How much of a sender one host may take, so that none keeps others waiting.

    Clients that share a host share what it may take.
    """

    #: How many deliveries to one host may be under way at once.
    per_host: int
    #: How many are under way already, by host.
    under_way: Mapping[str, int] = field(default_factory=lambda: _NOTHING)
    #: The hosts of clients that are known; ``None`` for those to whom nothing is
    #: sent, which are no burden. A client that is not in it counts by itself.
    hosts: Mapping[str, str | None] = field(default_factory=lambda: _NO_HOSTS)

    def pick(self, due: Iterable[Delivery], *, limit: int) -> tuple[Delivery, ...]:
        """The first deliveries that fit.

        :param due: What is due, in the order in which it should be sent.
        :param limit: How many at the most.
        """
        counts = dict(self.under_way)
        picked: list[Delivery] = []

        for delivery in due:
            if len(picked) == limit:
                break

            host = self._host(delivery.client_id)

            if host is None:
                picked.append(delivery)
            elif (count := counts.get(host, 0)) < self.per_host:
                counts[host] = count + 1
                picked.append(delivery)

        return tuple(picked)

    def after(self, picked: Sequence[Delivery]) -> FairShare:
        """The share that is left when some more are under way.

        :param picked: What was picked.
        """
        if not picked:
            return self

        counts = Counter(self.under_way)
        hosts = (self._host(delivery.client_id) for delivery in picked)
        counts.update(host for host in hosts if host is not None)

        return dataclasses.replace(self, under_way=counts)

    @property
    def crowded(self) -> tuple[str, ...]:
        """The clients to which no more may be sent for now."""
        full = {
            host for host, count in self.under_way.items() if count >= self.per_host
        }
        unknown = full - self.hosts.keys()

        return (
            *(client_id for client_id, host in self.hosts.items() if host in full),
            *unknown,
        )

    def _host(self, client_id: str) -> str | None:
        return self.hosts.get(client_id, client_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Backlog:
    """How much is owed."""

    #: How many deliveries are pending; counting stops at a limit.
    pending: int
    #: When the session of the oldest of those ended; ``None`` if nothing is pending.
    oldest_created_at: datetime | None
