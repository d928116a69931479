"""A client takes part in the session from the moment it gets a code."""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749.errors import AccessDeniedError
from authlib.oauth2.rfc6749.errors import InvalidGrantError
from authlib.oidc.core.errors import LoginRequiredError

from ...errors import SessionGoneError
from ...errors import SessionLimitError
from ...errors import SessionTooLargeError
from ...flask.state import app_state
from ...flask.state import user_session

__all__ = ["ParticipatingGrantMixin", "current_session_claims"]


def current_session_claims() -> dict[str, Any]:
    """What an authorization code has to keep of the session it is given out in.

    :returns: ``sid``, ``auth_time`` (seconds since the epoch), ``amr`` and
        ``acr``, as far as they are known (OpenID Connect Core §2); empty if
        nobody is signed in.
    """
    principal = user_session.user

    if principal is None or principal.authenticated_at is None:
        return {}

    claims = {
        "sid": user_session.session_id,
        "auth_time": int(principal.authenticated_at.timestamp()),
        "amr": list(principal.amr),
        "acr": principal.acr,
    }

    return {name: value for name, value in claims.items() if value}


class ParticipatingGrantMixin:
    """Put it in front of Authlib's ``AuthorizationCodeGrant``.

    It records the client in the session before the code is made, and refuses to
    exchange a code if in the meantime the session has ended or the client has left
    it. Authorization codes need a method ``get_session_id()``.
    """

    request: Any

    def create_authorization_response(self, redirect_uri: str, grant_user: Any) -> Any:
        """Record the client, then answer as Authlib does.

        :param redirect_uri: The validated redirect URI.
        :param grant_user: Who has agreed, ``None`` if they have not.
        """
        if grant_user:
            try:
                user_session.add_client_id(self.request.client.get_client_id())
            except SessionGoneError as error:
                # The session ended in another tab: this client would never be told.
                raise LoginRequiredError(redirect_uri=redirect_uri) from error
            except SessionLimitError as error:
                raise AccessDeniedError(
                    "The user has too many sessions with this client.",
                    redirect_uri=redirect_uri,
                ) from error
            except SessionTooLargeError as error:
                raise AccessDeniedError(
                    "The session has no room for one more client.",
                    redirect_uri=redirect_uri,
                ) from error

        return super().create_authorization_response(  # type: ignore[misc]
            redirect_uri, grant_user
        )

    def validate_token_request(self) -> None:
        """Validate as Authlib does, then ask whether the client still takes part."""
        super().validate_token_request()  # type: ignore[misc]
        session_id = self.request.authorization_code.get_session_id()

        if session_id is None:
            return

        # A client that left after it was recorded would never be told of the end.
        if not app_state().reader.is_live(
            session_id, client_id=self.request.client.get_client_id()
        ):
            raise InvalidGrantError(
                "The session of this code has ended, or the client has left it."
            )
