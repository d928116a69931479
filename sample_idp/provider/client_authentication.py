"""How clients say who they are at the token endpoint (RFC 6749 §2.3)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749.errors import InvalidClientError
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from flask import request

from idp_session.integrations.authlib import SessionAuthorizationServer

from .clients import OAuthClient

__all__ = ["AUTH_METHODS", "Server"]

#: What a client may register.
AUTH_METHODS = ["client_secret_basic", "client_secret_post", "none"]

_UNAUTHORIZED = 401

_Credentials = tuple[str, str | None]


class Server(SessionAuthorizationServer):
    """The server, with client authentication to the letter.

    Authlib does not undo the encoding of credentials as forms have it, and tells from
    outside which clients there are.
    """

    def authenticate_client(
        self, request: Any, methods: list[str], endpoint: str = "token"
    ) -> OAuthClient:
        """The client that proves who it is.

        :param request: Authlib's view of the request.
        :param methods: The ways that are accepted.
        :param endpoint: Where.
        :raises InvalidRequestError: If it does so in several ways at once.
        :raises InvalidClientError: If it cannot; always the same, whatever is wrong.
        """
        method, credentials = _presented()
        client = _proven(self.query_client, credentials)

        if client is None or method not in methods:
            raise _refusal()

        if not client.check_endpoint_auth_method(method, endpoint):
            raise _refusal()

        request.auth_method = method

        return client


def _presented() -> tuple[str, Iterator[_Credentials]]:
    form = request.form

    if "Authorization" in request.headers:
        if form.get("client_secret"):
            # RFC 6749 §2.3: never in more than one way.
            raise InvalidRequestError("The client authenticates in two ways.")

        return "client_secret_basic", _basic(form.get("client_id"))

    # RFC 6749 §3.2: a parameter without a value counts as left out.
    secret = form.get("client_secret") or None
    method = "none" if secret is None else "client_secret_post"

    return method, iter([(form.get("client_id", ""), secret)])


def _basic(also: str | None) -> Iterator[_Credentials]:
    scheme, _, encoded = request.headers["Authorization"].partition(" ")

    if scheme.lower() != "basic":
        return

    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return

    client_id, _, secret = text.partition(":")

    # RFC 6749 §2.3.1 has both encoded as in a form; many clients send them as they are.
    for decode in (unquote_plus, str):
        if also is None or also == decode(client_id):
            yield decode(client_id), decode(secret)


def _proven(
    find: Callable[[str], OAuthClient | None], credentials: Iterator[_Credentials]
) -> OAuthClient | None:
    for client_id, secret in credentials:
        client = find(client_id)

        if client is not None and _is_proof(client, secret):
            return client

    return None


def _is_proof(client: OAuthClient, secret: str | None) -> bool:
    # Without a secret it is only a public client; its registered method says so.
    return secret is None or client.check_client_secret(secret)


def _refusal() -> InvalidClientError:
    # With its header (RFC 6749 §5.2), for those that have sent none as well.
    return InvalidClientError(
        "The client could not be authenticated.", status_code=_UNAUTHORIZED
    )
