"""How what is kept is hidden."""

from __future__ import annotations

from typing import Protocol

__all__ = ["TicketProtector"]


class TicketProtector(Protocol):
    """Seals bytes so that only this provider can read or make them."""

    def seal(self, plaintext: bytes, *, purpose: str, context: str = "") -> bytes:
        """Encrypt and authenticate.

        :param plaintext: What to hide.
        :param purpose: What it is for; each purpose has keys of its own.
        :param context: Where it belongs; it opens nowhere else.
        """

    def open(self, sealed: bytes, *, purpose: str, context: str = "") -> bytes | None:
        """The plaintext, or ``None`` if it was not sealed so by us."""
