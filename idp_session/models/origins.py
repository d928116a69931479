"""Where a session is used."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SessionOrigin"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionOrigin:
    """From where a session was used last, as far as the host wants that kept.

    For people who look at their sessions, and never for a decision: whoever sends a
    request may claim to be any browser.
    """

    #: The address, or the network that it is in, as ``203.0.113.0/24``.
    ip_address: str | None = None
    #: What the browser or app says that it is.
    user_agent: str | None = None
