"""Finding out from where a request came, once somebody wants to know."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ..models import SessionOrigin

__all__ = ["FindOrigin", "unknown_origin"]

#: Tells from where the request came; ``None`` if that is unknown or not to be kept.
FindOrigin: TypeAlias = Callable[[], SessionOrigin | None]


def unknown_origin() -> None:
    """Nobody knows from where."""
