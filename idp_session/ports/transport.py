"""How the handle of a session comes and goes."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

__all__ = ["SessionTransport"]


class SessionTransport(Protocol):
    """Carries the handle and the check-session id between browser and provider.

    What is issued or withdrawn goes out with the response, and is what the
    properties say from then on. A transport without a browser has no check-session
    id: its copy is ``None``, and what is issued is dropped.
    """

    @property
    def handle(self) -> str | None:
        """The handle that came with the request, as it came."""

    @property
    def can_issue(self) -> bool:
        """Whether anything can still be given: not where the response has been sent."""

    @property
    def session_id_copy(self) -> str | None:
        """The session id that the check-session cookie says."""

    def issue_handle(self, handle: str, *, expires_at: datetime | None) -> None:
        """Give the browser a handle.

        :param handle: The secret.
        :param expires_at: Until when the browser keeps it; ``None`` means until
            the browser is closed.
        :raises HandleNotIssuableError: If :attr:`can_issue` is false.
        """

    def withdraw_handle(self) -> None:
        """Take the handle from the browser."""

    def issue_session_id(self, session_id: str) -> None:
        """Write the check-session cookie."""

    def withdraw_session_id(self) -> None:
        """Remove the check-session cookie."""

    def set_login_status(self, *, signed_in: bool) -> None:
        """Tell the browser whether somebody is signed in (Login Status API).

        :param signed_in: Whether there is somebody.
        """
