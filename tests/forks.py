"""Programs that fork beside threads, since a child must not suffer from it."""

from __future__ import annotations

__all__ = ["FORKS_ARE_MEANT"]

#: For Python's option ``-W``: from 3.12 on it warns of such a fork.
FORKS_ARE_MEANT = "ignore:This process:DeprecationWarning"
