"""What has happened to a delivery, in words."""

from __future__ import annotations

from ...models import Delivery
from ...models import DeliveryState

__all__ = ["what_happened"]

_ERRORS = {
    "dns": "the host name had no address",
    "connection": "the connection was refused, reset or cut off",
    "tls": "the certificate or the handshake of TLS was not acceptable",
    "timeout": "there was no answer in time",
    "address_refused": "the address is one that no token may be sent to",
    "invalid_uri": "the address is not one that can be requested",
    "no_token": "no token could be signed for the client",
    "sender": "the provider's own sender failed; its log says how",
}


def what_happened(delivery: Delivery) -> str:
    """How far a delivery is, why, and what comes next.

    :param delivery: As it is now.
    """
    if delivery.state is DeliveryState.PENDING:
        return _pending(delivery)

    if delivery.state is DeliveryState.DELIVERED:
        return f"The client has confirmed, at attempt {delivery.attempts}."

    if delivery.state is DeliveryState.SKIPPED and delivery.last_error == "reason":
        return (
            "The client does not want to hear of sessions that end for this reason, so "
            "it was not told."
        )

    if delivery.state is DeliveryState.SKIPPED:
        return (
            "The client had no back-channel logout URI, or was registered no more, so "
            "there was nobody to tell."
        )

    if delivery.state is DeliveryState.EXPIRED:
        return (
            f"It was given up after {delivery.attempts - 1} attempts, the last time "
            f"because {_reason(delivery)}. {_again(delivery)}"
        )

    return (
        f"It was given up at attempt {delivery.attempts}, because "
        f"{_reason(delivery)}. {_again(delivery)}"
    )


def _pending(delivery: Delivery) -> str:
    due_at = f"{delivery.due_at:%Y-%m-%d %H:%M:%SZ}"

    if delivery.last_status is None and delivery.last_error is None:
        if delivery.attempts == 0:
            return f"Nobody has tried it yet; it is due since {due_at}."

        return (
            f"Attempt {delivery.attempts} is on its way; if whoever sends it has died, "
            f"another takes over at {due_at}."
        )

    return (
        f"It is tried again at {due_at}, because at the last attempt "
        f"{_reason(delivery)}."
    )


def _reason(delivery: Delivery) -> str:
    if delivery.last_status is not None:
        return f"the client answered {delivery.last_status}"

    return _ERRORS.get(delivery.last_error or "", delivery.last_error or "it was late")


def _again(delivery: Delivery) -> str:
    return (
        "Once the client has been repaired, 'flask idp-session deliveries retry "
        f"{delivery.id}' has it tried again."
    )
