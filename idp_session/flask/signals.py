"""Every signal, with its sender and its arguments."""

from __future__ import annotations

import logging
from typing import Any

from blinker import NamedSignal
from blinker import Namespace

from ..models import Delivery
from ..models import DeliveryState

__all__ = [
    "announce_delivery",
    "clients_left",
    "delivery_attempted",
    "delivery_finished",
    "send",
    "session_ended",
    "session_started",
]

_logger = logging.getLogger(__name__)
_signals = Namespace()

session_started = _signals.signal("idp-session-started")
"""Somebody signed in, or signed in again. Sender: the app. ``session_id`` is the
public session id, ``principal`` the :class:`.Principal`."""

session_ended = _signals.signal("idp-session-ended")
"""A session is over, for whatever reason; sent once for each, by the process that
ended it, after it has durably gone. Sender: the app. ``ended`` is the
:class:`.EndedSession`."""

clients_left = _signals.signal("idp-session-clients-left")
"""Clients have left a session that goes on without them; sent once for each time, by
the process that made them leave, after they have durably left. Sender: the app.
``departure`` is the :class:`.Departure`."""

delivery_attempted = _signals.signal("idp-session-delivery-attempted")
"""A client was told, or could not be. Sent from a background thread, outside any
request; a receiver that takes long holds up the results of other deliveries. Sender:
the app. ``delivery`` is the :class:`.Delivery` after the attempt."""

delivery_finished = _signals.signal("idp-session-delivery-finished")
"""The fate of a notification is decided: its state is final. Sent once for each, by
the process that wrote it down, after :data:`delivery_attempted` and from the same
thread; once more if an administrator has it tried again. Sender: the app.
``delivery`` is the :class:`.Delivery` as it will stay."""


def send(signal: NamedSignal, app: Any, **arguments: Any) -> None:
    """Send a signal; a receiver that fails is logged and breaks nothing.

    By the time receivers hear of it the thing has happened, and the user must
    not be kept from the page that says so.

    :param signal: One of the signals above.
    :param app: The sender.
    :param arguments: What the signal documents.
    """
    # Most signals have no receivers, and some are sent a thousand times at once.
    if not signal.receivers:
        return

    for receiver in signal.receivers_for(app):
        try:
            receiver(app, **arguments)
        except Exception:  # a host's receiver may raise anything
            _logger.exception("a receiver of the signal %r failed", signal.name)


def announce_delivery(app: Any, delivery: Delivery) -> None:
    """Tell of an attempt, and of the outcome if it was the last one.

    :param app: The sender.
    :param delivery: The delivery after the attempt, as it was written down.
    """
    send(delivery_attempted, app, delivery=delivery)

    if delivery.state is not DeliveryState.PENDING:
        send(delivery_finished, app, delivery=delivery)
