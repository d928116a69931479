"""What comes of a request."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from datetime import timedelta
from typing import Any
from typing import Protocol

from .deliveries import Delivery
from .deliveries import DeliveryResult

__all__ = ["Attempt", "AttemptOutcome", "SendFailure", "SendResult"]


class SendFailure(enum.StrEnum):
    """Why a request got no answer."""

    #: No address for the host name.
    DNS = "dns"
    #: The connection was refused, reset or cut off.
    CONNECTION = "connection"
    #: The certificate or the handshake was not acceptable.
    TLS = "tls"
    #: A deadline passed.
    TIMEOUT = "timeout"
    #: The policy forbids this scheme, address or port.
    ADDRESS_REFUSED = "address_refused"
    #: The URI is not one that can be requested.
    INVALID_URI = "invalid_uri"


@dataclass(frozen=True, kw_only=True, slots=True)
class SendResult:
    """What came of one HTTP request; either a status or a failure is set."""

    #: The HTTP status of the answer.
    status: int | None = None
    #: Why there was no answer.
    failure: SendFailure | None = None
    #: What the ``Retry-After`` header asked for (RFC 9110 §10.2.3).
    retry_after: timedelta | None = None
    #: How long the request took.
    latency: timedelta = timedelta(0)
    #: How the body of the answer began, at most 1 kB; never logged.
    excerpt: bytes = field(default=b"", repr=False)


class AttemptOutcome(Protocol):
    """What comes of an attempt; a :class:`~concurrent.futures.Future` is one."""

    def cancel(self) -> bool:
        """Give the attempt up, if that can still be done."""

    def cancelled(self) -> bool:
        """Whether it was given up."""

    def done(self) -> bool:
        """Whether the outcome is there, or was given up."""

    def result(self, timeout: float | None = None) -> SendResult | DeliveryResult:
        """What came of the request, or of the delivery if there is none.

        :param timeout: For how many seconds to wait; as long as it takes without.
        """

    def add_done_callback(self, fn: Callable[[Any], object], /) -> None:
        """Have something called, with this outcome, once it is there.

        :param fn: What to call; at once if the outcome is there already.
        """


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Attempt:
    """A claimed delivery that is under way."""

    #: The delivery, as it was claimed.
    delivery: Delivery
    #: The host that it goes to; ``None`` if nothing is sent.
    host: str | None
    #: What comes of the request, or of the delivery if there is none.
    outcome: AttemptOutcome
