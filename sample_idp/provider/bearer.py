"""Access tokens that come with a request (RFC 6750)."""

from __future__ import annotations

from typing import Any

from authlib.integrations.flask_oauth2 import ResourceProtector
from authlib.oauth2 import OAuth2Error
from flask import current_app
from flask import request
from werkzeug.datastructures import WWWAuthenticate

from .tokens import Token

__all__ = ["BearerError", "BearerProtector"]

_PARAMETER = "access_token"
_REALM = "sample_idp"


class BearerError(OAuth2Error):  # type: ignore[misc]
    """A request without a token that opens what it asks for (RFC 6750 §3).

    :param error: The code, ``None`` for a request that has brought no token.
    :param status_code: The HTTP status.
    :param description: What is wrong.
    :param scope: What the token would have to be good for.
    """

    def __init__(
        self,
        error: str | None,
        status_code: int,
        description: str,
        *,
        scope: str | None = None,
    ) -> None:
        super().__init__(description, status_code=status_code, error=error)
        self._challenge = {
            "realm": _REALM,
            "error": error,
            "error_description": error and description,
            "scope": scope,
        }

    def get_body(self) -> list[tuple[str, str]]:
        """The error as JSON, too; a request without a token is told of none."""
        return super().get_body() if self.error else []

    def get_headers(self) -> list[tuple[str, str]]:
        """The headers, with what would open the door."""
        given: dict[str, str | None] = {
            name: value for name, value in self._challenge.items() if value
        }
        challenge = WWWAuthenticate("bearer", given).to_header()

        return [
            *super().get_headers(),
            ("WWW-Authenticate", challenge),
        ]


class BearerProtector(ResourceProtector):  # type: ignore[misc]
    """Takes the token from the header or from a form, and from nowhere else."""

    def acquire_token(self, scopes: Any = None, **more: Any) -> Token:
        """The token of the current request.

        :param scopes: What it has to be good for.
        :param more: Nothing that is known here.
        :raises BearerError: If there is none, or it is not good for that.
        """
        text = _presented()
        token = current_app.extensions["sample_tokens"].find_access_token(text)

        if token is None or token.is_expired() or token.is_revoked():
            raise BearerError(
                "invalid_token", 401, "The access token is unknown, or not valid now."
            )

        if scopes not in token.scope.split():
            raise BearerError(
                "insufficient_scope",
                403,
                "The access token is not good for this.",
                scope=scopes,
            )

        client = current_app.extensions["sample_clients"].find(token.row.client_id)

        return Token(token.row, client)


def _presented() -> str:
    if _PARAMETER in request.args:
        # RFC 6750 §2.3: addresses are written down in too many places.
        raise _invalid_request("An access token does not belong into an address.")

    found = [*_in_header(), *_in_form()]

    if not found:
        raise BearerError(None, 401, "There is no access token.")

    if len(found) > 1:
        # RFC 6750 §2
        raise _invalid_request("The access token came more than once.")

    return found[0]


def _in_header() -> list[str]:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()

    return [token] if scheme.lower() == "bearer" and token else []


def _in_form() -> list[str]:
    # RFC 6750 §2.2: not with a method whose body has no meaning.
    if request.method != "POST":
        return []

    return [token for token in request.form.getlist(_PARAMETER) if token]


def _invalid_request(description: str) -> BearerError:
    return BearerError("invalid_request", 400, description)
