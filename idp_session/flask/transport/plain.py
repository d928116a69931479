"""What transports have in common, and the plainest of them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from flask import Response

from ...ports import SessionTransport

__all__ = ["HandleTransport", "ResponseTransport"]


class ResponseTransport(SessionTransport, Protocol):
    """A transport whose request has a response."""

    def write_to(self, response: Response) -> None:
        """Put what was issued and withdrawn on the response.

        :param response: What goes back.
        """


class HandleTransport:
    """Holds a handle, for as long as the block in which it was given by hand.

    There is no browser, so there is no check-session cookie.

    :param handle: The handle that was given, if there was one.
    """

    def __init__(self, handle: str | None) -> None:
        self._handle = handle

    @property
    def handle(self) -> str | None:
        return self._handle

    @property
    def can_issue(self) -> bool:
        return True

    @property
    def session_id_copy(self) -> str | None:
        return None

    def issue_handle(
        self,
        handle: str,
        *,
        expires_at: datetime | None,
    ) -> None:
        self._handle = handle

    def withdraw_handle(self) -> None:
        self._handle = None

    def issue_session_id(self, session_id: str) -> None:
        return

    def withdraw_session_id(self) -> None:
        return

    def set_login_status(self, *, signed_in: bool) -> None:
        return

    def write_to(self, response: Response) -> None:
        """Put nothing on the response: whoever gave the handle knows the new one.

        :param response: What goes back.
        """
