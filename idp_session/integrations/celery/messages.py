"""What the messages to workers are: names of tasks, and nothing besides."""

from __future__ import annotations

from typing import Any

try:
    from celery import Celery as Celery
except ModuleNotFoundError as error:
    raise ImportError(
        "idp_session.integrations.celery needs Celery: pip install 'idp-session[celery]'"
    ) from error

__all__ = [
    "DELIVER",
    "EXPIRES_AFTER",
    "PURGE",
    "SWEEP",
    "message_options",
    "task_options",
]

DELIVER = "idp_session.deliver"
SWEEP = "idp_session.sweep"
PURGE = "idp_session.purge"

#: After so many seconds in the queue a message is worth nothing: newer ones have come.
EXPIRES_AFTER = 60


def task_options() -> dict[str, Any]:
    """What each task and its messages are, whatever the Celery app prefers."""
    return {"serializer": "json", "expires": EXPIRES_AFTER, "ignore_result": True}


def message_options() -> dict[str, Any]:
    """How each message is sent by whoever may not know the tasks."""
    # Not written to disk: the outbox is the truth, and beat sends the next one.
    return {**task_options(), "delivery_mode": 1}
