"""Authorization responses that let clients watch the session."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs
from urllib.parse import urlsplit

from authlib.common.urls import add_params_to_uri
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749.errors import InvalidClientError
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from flask import request
from flask import Response

from ..._protocol import session_management
from ...flask.state import app_state
from ...flask.state import user_session
from ...flask.storage_access import retry_with_granted_storage

__all__ = ["SessionAuthorizationServer"]

_FOUND = 302
_UNAUTHORIZED = 401


class SessionAuthorizationServer(AuthorizationServer):  # type: ignore[misc]
    """Authlib's Flask server, with ``session_state`` on what it sends to clients.

    Session Management 1.0 §2: successful authorization responses carry it, and
    error responses too.
    """

    def authenticate_client(
        self, request: Any, methods: list[str], endpoint: str = "token"
    ) -> Any:
        """The client that proves who it is.

        :param request: Authlib's view of the request.
        :param methods: The ways that are accepted.
        :param endpoint: Where.
        :raises InvalidClientError: If it cannot.
        """
        try:
            return super().authenticate_client(request, methods, endpoint)
        except ValueError as error:
            # Authlib stumbles over credentials (RFC 7617) that are empty or not UTF-8.
            raise InvalidClientError(
                "The credentials cannot be read.", status_code=_UNAUTHORIZED
            ) from error

    def get_consent_grant(self, request: Any = None, end_user: Any = None) -> Any:
        """The validated grant of an authorization request.

        :param request: The request; default is the current one.
        :param end_user: Who is signed in.
        :raises OAuth2Error: If the request is refused.
        """
        try:
            return super().get_consent_grant(request, end_user)
        except ValueError as error:
            # Authlib quotes what the client sent in descriptions, which must not
            # hold every character (RFC 6749 §4.1.2.1), and gives up on the others.
            raise InvalidRequestError(
                "The request has characters that are not allowed."
            ) from error

    def create_authorization_response(
        self, request: Any = None, grant_user: Any = None, grant: Any = None
    ) -> Response:
        """Answer an authorization request.

        :param request: The request; default is the current one.
        :param grant_user: Who has agreed, ``None`` if they have not.
        :param grant: What :meth:`get_consent_grant` returned.
        """
        response = super().create_authorization_response(request, grant_user, grant)

        return _with_session_state(response)

    def handle_error_response(self, request: Any, error: Any) -> Response:
        """The response for an error; one that goes to a client gets its state.

        :param request: Authlib's view of the request.
        :param error: What went wrong.
        """
        response: Response = super().handle_error_response(request, error)

        if not error.redirect_uri:
            return response

        with suppress(ValueError):
            # session §5.1: that cookies were held back is no reason to say that
            # nobody is signed in.
            retry_with_granted_storage(
                response, origin=session_management.origin_of(error.redirect_uri)
            )

        return _with_session_state(response)


def _with_session_state(response: Response) -> Response:
    client_id = request.values.get("client_id")
    location = response.headers.get("Location")

    if response.status_code != _FOUND or not location or not client_id:
        return response

    if _has_session_state(location) or not app_state().options.check_session:
        return response

    try:
        origin = session_management.origin_of(location)
    except ValueError:
        # A native app's own scheme: no page of it could ever ask the iframe.
        return response

    state = _session_state(client_id, origin)
    response.headers["Location"] = add_params_to_uri(
        location, {"session_state": state}, fragment="#" in location
    )

    return response


def _has_session_state(location: str) -> bool:
    parts = urlsplit(location)

    return "session_state" in parse_qs(f"{parts.query}&{parts.fragment}")


def _session_state(client_id: str, origin: str) -> str:
    salt = session_management.bound_salt(
        client_id=client_id, origin=origin, random_part=secrets.token_urlsafe(12)
    )

    return session_management.session_state(
        client_id=client_id,
        origin=origin,
        browser_state=user_session.session_id or "",
        salt=salt,
    )
