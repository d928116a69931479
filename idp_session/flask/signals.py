"""Every signal, with its sender and its arguments."""

from __future__ import annotations

import logging
from typing import Any

from blinker import NamedSignal
from blinker import Namespace

__all__ = [
    "delivery_attempted",
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

delivery_attempted = _signals.signal("idp-session-delivery-attempted")
"""A client was told, or could not be. Sent from a background thread, outside any
request. Sender: the app. ``delivery`` is the :class:`.Delivery` after the attempt."""


def send(signal: NamedSignal, app: Any, **arguments: Any) -> None:
    """Send a signal; a receiver that fails is logged and breaks nothing.

    By the time receivers hear of it the thing has happened, and the user must
    not be kept from the page that says so.

    :param signal: One of the signals above.
    :param app: The sender.
    :param arguments: What the signal documents.
    """
    for receiver in signal.receivers_for(app):
        try:
            receiver(app, **arguments)
        except Exception:  # the one place: a host's receiver may raise anything
            _logger.exception("a receiver of the signal %r failed", signal.name)
