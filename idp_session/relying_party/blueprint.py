"""The two endpoints at which a client is told that a session has ended."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from flask import Blueprint
from flask import jsonify
from flask import make_response
from flask import request
from flask import Response
from werkzeug.exceptions import RequestEntityTooLarge

from ..errors import InvalidLogoutTokenError
from .front_channel import FrontChannel
from .token import LogoutToken
from .validator import LogoutTokenValidator

__all__ = ["LogoutReceiver"]

#: Larger requests are refused, in bytes.
_LARGEST = 65_536
_FORM = "application/x-www-form-urlencoded"


class LogoutReceiver:
    """Receives back-channel and front-channel logouts in a Flask application.

    Its requests come from the provider, not from a form of the client: exempt the
    blueprint if the application protects every POST against forgery. The logout
    token, or the issuer and session id, prove that they are genuine.

    :param validator: Decides which logout tokens are genuine.
    :param on_back_channel: Ends the client's sessions that a token speaks of. A
        session that is not known is no error. If it raises, the provider is
        answered with status 500 and may repeat the request.
    :param on_front_channel: Ends the client's session, given issuer and session
        id; both are ``None`` if the provider sends neither, and the session is
        that of the request's own cookie. If it returns ``False`` or something empty
        but ``None``, the provider's page is told that there was no session; otherwise
        that it has ended. Without this, there is no endpoint.
    :param front_channel_session_required: What this client registered as
        ``frontchannel_logout_session_required``: without issuer and session id,
        nothing is done.
    """

    def __init__(
        self,
        validator: LogoutTokenValidator,
        *,
        on_back_channel: Callable[[LogoutToken], object],
        on_front_channel: Callable[[str | None, str | None], object] | None = None,
        front_channel_session_required: bool = False,
    ) -> None:
        self._validator = validator
        self._on_back_channel = on_back_channel
        self._front_channel = on_front_channel and FrontChannel(
            issuer=validator.issuer,
            end=on_front_channel,
            session_required=front_channel_session_required,
        )

    def blueprint(
        self, *, name: str = "logout_receiver", url_prefix: str | None = None
    ) -> Blueprint:
        """The routes ``/back-channel-logout`` and ``/front-channel-logout``.

        :param name: The name of the blueprint, for ``url_for``.
        :param url_prefix: What to put before both paths.
        """
        blueprint = Blueprint(name, __name__, url_prefix=url_prefix)
        blueprint.after_request(_harden)
        blueprint.add_url_rule(
            "/back-channel-logout",
            "back_channel_logout",
            self._back_channel_logout,
            methods=["POST"],
            provide_automatic_options=False,
        )

        if self._front_channel is not None:
            blueprint.add_url_rule(
                "/front-channel-logout",
                "front_channel_logout",
                self._front_channel,
                methods=["GET"],
            )
            front_channel = self._front_channel
            blueprint.record_once(lambda state: front_channel.protect(state.app))

        return blueprint

    def _back_channel_logout(self) -> Response:
        try:
            token = self._validator.validate(_single_logout_token())
        except InvalidLogoutTokenError as error:
            return _refusal(400, error.error, error.description)
        except RequestEntityTooLarge:
            return _refusal(413, "invalid_request", "the request is too large")
        except OSError:
            return _refusal(
                503, "temporarily_unavailable", "the provider's keys cannot be fetched"
            )

        with ExitStack() as undo:
            undo.callback(self._validator.forget, token)
            self._on_back_channel(token)
            undo.pop_all()

        return make_response("")


def _single_logout_token() -> str:
    # backchannel §2.5: a form, in which other parameters are ignored.
    if request.mimetype != _FORM:
        raise InvalidLogoutTokenError("the request is not an encoded form")

    request.max_content_length = _LARGEST
    tokens = request.form.getlist("logout_token")

    if len(tokens) != 1:
        raise InvalidLogoutTokenError("logout_token must be given once")

    return tokens[0]


def _refusal(status: int, error: str, description: str) -> Response:
    # backchannel §2.8
    response = jsonify(error=error, error_description=description)
    response.status_code = status

    return response


def _harden(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"

    return response
