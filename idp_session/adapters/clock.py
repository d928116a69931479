"""The time of the machine."""

from __future__ import annotations

from datetime import datetime
from datetime import UTC

__all__ = ["SystemClock"]


class SystemClock:
    """Tells the time of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)
