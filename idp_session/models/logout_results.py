"""What came of a logout, client by client."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .deliveries import Delivery
from .deliveries import DeliveryState

__all__ = ["ClientLogout", "LogoutOutcome", "LogoutResult", "latest_by_client"]


class LogoutOutcome(enum.StrEnum):
    """What a client has said of a logout; every outcome but ``PENDING`` is final."""

    #: It has answered that the session is over there.
    CONFIRMED = "confirmed"
    #: It has not been reached yet, and is tried again.
    PENDING = "pending"
    #: It has answered that it does not accept the logout.
    REFUSED = "refused"
    #: It could not be told, at once or for the whole time-to-live of the delivery.
    FAILED = "failed"
    #: It has no back-channel logout URI, or does not want to hear of this reason.
    SKIPPED = "skipped"


_OUTCOMES = {
    DeliveryState.PENDING: LogoutOutcome.PENDING,
    DeliveryState.DELIVERED: LogoutOutcome.CONFIRMED,
    DeliveryState.REFUSED: LogoutOutcome.REFUSED,
    DeliveryState.FAILED: LogoutOutcome.FAILED,
    DeliveryState.EXPIRED: LogoutOutcome.FAILED,
    DeliveryState.SKIPPED: LogoutOutcome.SKIPPED,
}


def latest_by_client(deliveries: Iterable[Delivery]) -> tuple[Delivery, ...]:
    """One delivery for each client, in the order in which the clients joined.

    :param deliveries: Those of one session, in the order of their ids; to a client
        that left the session and joined it again there are several.
    """
    return tuple({delivery.client_id: delivery for delivery in deliveries}.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientLogout:
    """What came of a logout at one client."""

    #: Identifies the client.
    client_id: str
    #: What to call it when talking to a person.
    label: str
    #: How far it is.
    outcome: LogoutOutcome
    #: How often it was tried to tell the client.
    attempts: int
    #: The HTTP status of the last answer.
    last_status: int | None
    #: What kind of failure the last attempt met, in one word.
    last_error: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoutResult:
    """What came of the end of one session, as far as it is known."""

    #: The session that ended.
    session_id: str
    #: One entry for each client, in the order in which they joined the session.
    clients: tuple[ClientLogout, ...]

    @classmethod
    def of(
        cls,
        session_id: str,
        deliveries: Iterable[Delivery],
        *,
        label: Callable[[str], str],
    ) -> LogoutResult:
        """The result that the deliveries of a session amount to.

        The latest one counts for a client that left the session and joined it again.

        :param session_id: The session that ended.
        :param deliveries: What is or was owed to its clients.
        :param label: What to call a client, by its client id.
        """
        clients = tuple(
            ClientLogout(
                client_id=delivery.client_id,
                label=label(delivery.client_id),
                outcome=_OUTCOMES[delivery.state],
                attempts=delivery.attempts,
                last_status=delivery.last_status,
                last_error=delivery.last_error,
            )
            for delivery in latest_by_client(deliveries)
        )

        return cls(session_id=session_id, clients=clients)

    @property
    def totals(self) -> Mapping[LogoutOutcome, int]:
        """How many clients there are of each outcome; every outcome is in it."""
        counts = Counter(client.outcome for client in self.clients)

        return MappingProxyType({outcome: counts[outcome] for outcome in LogoutOutcome})

    @property
    def is_complete(self) -> bool:
        """Whether nothing is pending; so it is too if no client took part."""
        return not self.totals[LogoutOutcome.PENDING]
