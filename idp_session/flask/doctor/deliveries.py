"""Looks at whether what is owed to clients is being sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa

from .findings import error
from .findings import Examined
from .findings import Finding
from .findings import ok
from .findings import warning

__all__ = ["check_deliveries"]

_AT_MOST = 10_000
_LATE = timedelta(minutes=1)


def check_deliveries(examined: Examined) -> Iterator[Finding]:
    """Whether somebody sends, and keeps up.

    :param examined: What is looked at.
    """
    state = examined.state

    try:
        backlog = state.queue.backlog(at_most=_AT_MOST)
        due_at = state.queue.next_due_at()
    except sa.exc.SQLAlchemyError:
        # Of a database that cannot be used, another check has said so.
        return

    late = state.options.delivery_lease + state.options.delivery_poll_interval + _LATE
    more = "at least " if backlog.pending >= _AT_MOST else ""
    what = "notification is" if backlog.pending == 1 else "notifications are"
    owed = f"{more}{backlog.pending} logout {what} owed"

    if due_at is not None and due_at < state.clock.now() - late:
        yield error(
            "deliveries",
            f"Nobody sends: {owed}, and the next one has been due since "
            f"{due_at:%Y-%m-%d %H:%M:%SZ}.",
            _who_should_send(examined),
        )
    elif backlog.pending >= _AT_MOST:
        yield warning(
            "deliveries",
            f"{owed[0].upper()}{owed[1:]}, and they are being sent.",
            "Look at 'flask idp-session deliveries list --state pending'; have more "
            "processes send, or raise IDP_SESSION_DELIVERY_IN_FLIGHT.",
        )
    elif not backlog.pending:
        yield ok("deliveries", "No logout notification is owed.")
    else:
        yield ok("deliveries", f"{owed[0].upper()}{owed[1:]}, and none is late.")


def _who_should_send(examined: Examined) -> str:
    if examined.state.options.delivery_in_process:
        return (
            "The app sends them in the processes that serve requests: have one run, or "
            "run 'flask idp-session deliver'."
        )

    return (
        "Run 'flask idp-session deliver' or the workers of Celery, or set "
        "IDP_SESSION_DELIVERY_IN_PROCESS."
    )
