"""Hides nothing, since what is in the cookie is sealed as a whole."""

from __future__ import annotations

__all__ = ["PlainTicketProtector"]


class PlainTicketProtector:
    """A :class:`~idp_session.ports.TicketProtector` for what is sealed again outside.

    Only for tickets and data that go into a cookie by :class:`.CookieSealer`.
    """

    def seal(self, plaintext: bytes, *, purpose: str, context: str = "") -> bytes:
        return plaintext

    def open(self, sealed: bytes, *, purpose: str, context: str = "") -> bytes | None:
        return sealed
