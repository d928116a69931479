"""Authlib's end-session endpoint, completed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from authlib.oauth2.rfc6749.errors import InsecureTransportError
from authlib.oidc.rpinitiated import EndSessionEndpoint
from authlib.oidc.rpinitiated import EndSessionRequest
from werkzeug.exceptions import BadRequest

from ..._protocol.rp_initiated import LogoutParameters
from ..._protocol.rp_initiated import LogoutRequest
from ...flask.state import app_state
from ...flask.state import current_session
from ...models import LogoutReason

__all__ = ["SingleLogoutEndpoint", "ValidatedLogout", "logout_request_reader"]


@dataclass
class ValidatedLogout(EndSessionRequest):  # type: ignore[misc]
    """Authlib's value, and beside it what our own flow goes on with."""

    #: What the request may be used for.
    logout_request: LogoutRequest = field(
        default=LogoutRequest(client=None, hint=None, redirect_uri=None)
    )


class SingleLogoutEndpoint(EndSessionEndpoint):  # type: ignore[misc]
    """Validates as the specification asks, beyond what Authlib checks.

    Authlib leaves out the issuer of the hint, its session, whether it is an ID
    token at all, symmetric signatures, and an audience that is a list. What fails
    a check here is not used, and the request goes on without it
    (RP-Initiated Logout 1.0 §4).
    """

    def validate_request(self, request: Any) -> ValidatedLogout:
        """Read and validate a logout request; never raises for what is in it.

        :param request: Authlib's view of the current request.
        """
        lists = request.payload.datalist
        parameters = LogoutParameters(
            **{
                name: lists[name][0]
                for name in LogoutParameters.__dataclass_fields__
                if len(lists.get(name, ())) == 1
            }
        )
        logout = app_state().logout_requests.validate(parameters)
        hint = logout.hint

        return ValidatedLogout(
            request=request,
            client=logout.client and self.server.query_client(logout.client.client_id),
            id_token_claims=hint
            and {"aud": hint.client_id, "sub": hint.sub, "sid": hint.sid},
            redirect_uri=logout.redirect_uri,
            logout_hint=parameters.logout_hint,
            ui_locales=parameters.ui_locales,
            logout_request=logout,
        )

    def end_session(self, end_session_request: EndSessionRequest) -> None:
        """End the session of this browser, with every client told.

        :param end_session_request: The validated request.
        """
        current_session().end(LogoutReason.RP_INITIATED)


def logout_request_reader(server: Any) -> Callable[[], LogoutRequest]:
    """Let an Authlib server validate the requests of our end-session pages.

    :param server: The server on which :class:`SingleLogoutEndpoint`, or a class
        derived from it, is registered.
    :returns: What :func:`idp_session.flask.protocol_blueprint` takes.
    """

    def read() -> LogoutRequest:
        try:
            validated: ValidatedLogout = server.validate_endpoint_request("end_session")
        except InsecureTransportError as error:
            # Authlib wants https, unless the host is this machine.
            raise BadRequest(error.get_error_description()) from error

        return validated.logout_request

    return read
