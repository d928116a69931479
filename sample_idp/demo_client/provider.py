"""Everything that the client asks of the provider, through Authlib."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import Flask
from flask import request
from flask import session
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from werkzeug.wrappers import Response

from .browsers import SignIn
from .settings import ClientSettings

__all__ = ["Provider", "ProviderError", "is_silent"]

#: What the state of a sign-in without the user begins with.
_SILENT = "silent."
#: How long one request to the provider may take, in seconds.
_TIMEOUT = 10


class ProviderError(Exception):
    """The provider refuses, cannot be reached, or answers what cannot be used.

    :param code: ``unreachable``, ``invalid_response``, ``mismatching_state``, or
        the error code that the provider sent.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Provider:
    """The provider, as the client sees it.

    :param app: The client's application.
    :param settings: How the client is registered.
    """

    def __init__(self, app: Flask, settings: ClientSettings) -> None:
        self._settings = settings
        self._client: Any = OAuth(app).register(
            "provider",
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            server_metadata_url=settings.metadata_url,
            client_kwargs={
                "scope": "openid profile email",
                "code_challenge_method": "S256",
                "token_endpoint_auth_method": "client_secret_basic",
                "default_timeout": _TIMEOUT,
            },
        )

    def redirect_to_sign_in(self) -> Response:
        """Send the browser to the provider.

        :raises ProviderError: If the provider cannot be reached.
        """
        return self._redirect_to_authorize()

    def redirect_silently(self, id_token: str) -> Response:
        """Ask the provider whether the user is still signed in, without the user.

        :raises ProviderError: If the provider cannot be reached.
        """
        # session §3.1: the hint says of whom the client speaks.
        return self._redirect_to_authorize(
            prompt="none",
            id_token_hint=id_token,
            state=_SILENT + secrets.token_urlsafe(24),
        )

    def redirect_to_sign_out(self, id_token: str) -> Response:
        """Send the browser to the provider to end the session there.

        :raises ProviderError: If the provider cannot be reached.
        """
        self._metadata()

        with _translated():
            response: Response = self._client.logout_redirect(
                post_logout_redirect_uri=self._settings.home_url,
                id_token_hint=id_token,
            )

        return response

    def confirms_sign_out(self) -> bool:
        """Whether this request is the provider's answer to a sign-out."""
        # rpinitiated §2: the state may come back altered, or not at all.
        try:
            self._client.validate_logout_response()
        except AuthlibBaseError:
            return False

        return True

    def finish_sign_in(self) -> SignIn:
        """Turn the authorization response in this request into a sign-in.

        :raises ProviderError: If the provider refuses, or its answer is not one to
            a question of this browser.
        """
        self._check_response()
        self._metadata()

        with _translated():
            token = self._client.authorize_access_token()
            claims = token["userinfo"]

            return SignIn(
                subject=claims["sub"],
                name=self._name(token, claims),
                email=claims.get("email"),
                session_id=claims.get("sid"),
                session_state=request.args.get("session_state", ""),
                id_token=token["id_token"],
            )

    def check_session_iframe(self) -> str:
        """The provider's page that knows whether the session is the same, or ``""``.

        :raises ProviderError: If the provider was never reached.
        """
        return str(self._metadata().get("check_session_iframe") or "")

    def keys(self, *, refresh: bool = False) -> KeySet:
        """The provider's public keys, for its logout tokens.

        :raises OSError: If they cannot be fetched.
        """
        try:
            self._metadata()

            with _translated():
                return KeySet.import_key_set(self._client.fetch_jwk_set(force=refresh))
        except ProviderError as error:
            raise ConnectionError("the keys cannot be fetched") from error

    def _redirect_to_authorize(self, **parameters: str) -> Response:
        self._metadata()

        with _translated():
            response: Response = self._client.authorize_redirect(
                self._settings.callback_url, **parameters
            )

        return response

    def _metadata(self) -> Mapping[str, Any]:
        with _translated():
            metadata: Mapping[str, Any] = self._client.load_server_metadata()

        # discovery §4.3: to the letter.
        if metadata.get("issuer") != self._settings.issuer:
            raise ProviderError("invalid_response")

        return metadata

    def _check_response(self) -> None:
        state = request.args.get("state", "")
        sent_by = request.args.get("iss", self._settings.issuer)

        if self._client.framework.get_state_data(session, state) is None:
            raise ProviderError("mismatching_state")

        error = request.args.get("error")

        # RFC 9207 §2.4: an answer of somebody else.
        if sent_by != self._settings.issuer:
            error = "mismatching_state"

        if error is not None:
            self._client.framework.clear_state_data(session, state)
            raise ProviderError(error)

    def _name(self, token: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        if "name" not in claims and "userinfo_endpoint" in self._metadata():
            about = self._client.userinfo(token=token)

            # core §5.3.2: about somebody else, it says nothing.
            if about.get("sub") == claims["sub"]:
                claims = about

        return str(claims.get("name") or claims.get("email") or claims["sub"])


def is_silent() -> bool:
    """Whether this request answers a question that was asked without the user."""
    return request.args.get("state", "").startswith(_SILENT)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except AuthlibBaseError as error:
        raise ProviderError(error.error or "invalid_response") from error
    except requests.RequestException as error:
        raise ProviderError("unreachable") from error
    except (JoseError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ProviderError("invalid_response") from error
