"""The handle in the Authorization header (RFC 9110 §11.6)."""

from __future__ import annotations

from datetime import datetime

from flask import Response
from werkzeug.http import http_date
from werkzeug.http import quote_header_value

from .plain import HandleTransport

__all__ = ["AuthorizationTransport", "credentials_of"]


def credentials_of(header: str | None, *, scheme: str) -> str | None:
    """What an Authorization header of a scheme carries.

    :param header: The whole value.
    :param scheme: The scheme, in any case (RFC 9110 §11.1).
    :returns: The credentials, empty if there are none; ``None`` if the header is of
        another scheme, or there is none.
    """
    given, _, credentials = (header or "").strip(" ").partition(" ")

    if given.lower() != scheme.lower():
        return None

    return credentials.strip(" ")


class AuthorizationTransport(HandleTransport):
    """Takes the handle from a header and gives a new one in another.

    :param handle: What came with the request; empty if nothing did.
    """

    def __init__(self, handle: str) -> None:
        super().__init__(handle or None)
        self._expires_at: datetime | None = None
        self._changed = False

    def issue_handle(self, handle: str, *, expires_at: datetime | None) -> None:
        super().issue_handle(handle, expires_at=expires_at)
        self._expires_at = expires_at
        self._changed = True

    def withdraw_handle(self) -> None:
        self._changed = self._changed or self._handle is not None
        super().withdraw_handle()

    def write_to(self, response: Response) -> None:
        """Put what was issued and withdrawn on the response.

        :param response: What goes back.
        """
        if not self._changed:
            return

        response.headers["Authentication-Info"] = self._info()
        # A cache must never hand one user's handle to another.
        response.cache_control.no_store = True

    def _info(self) -> str:
        # RFC 9110 §11.6.3: parameters, as the scheme defines them. An empty handle
        # says that there is none any more.
        parameters = {"handle": self._handle or ""}

        if self._handle is not None and self._expires_at is not None:
            parameters["expires"] = http_date(self._expires_at)

        return ", ".join(
            f"{name}={quote_header_value(value, allow_token=False)}"
            for name, value in parameters.items()
        )
