"""The time of the machine."""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from datetime import UTC

from idp_session.adapters.clock import SystemClock


def test_system_clock() -> None:
    """The clock tells the current instant, aware and in UTC."""
    now = SystemClock().now()

    assert now.tzinfo is UTC
    assert abs(datetime.now(UTC) - now) < timedelta(minutes=1)
