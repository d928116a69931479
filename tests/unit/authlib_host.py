"""A small host whose OAuth server is Authlib's, with codes in memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs
from urllib.parse import urlencode
from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oidc.core import AuthorizationCodeMixin
from flask import Flask
from flask import redirect
from flask import request
from flask.typing import ResponseReturnValue
from werkzeug.test import TestResponse

from idp_session import Client
from idp_session.flask import protocol_blueprint
from idp_session.flask import user_session
from idp_session.integrations.authlib import current_session_claims
from idp_session.integrations.authlib import discovery_metadata
from idp_session.integrations.authlib import logout_request_reader
from idp_session.integrations.authlib import ParticipatingGrantMixin
from idp_session.integrations.authlib import Question
from idp_session.integrations.authlib import SessionAuthorizationServer
from idp_session.integrations.authlib import SessionOpenIDCode
from idp_session.integrations.authlib import SignOn
from idp_session.integrations.authlib import SingleLogoutEndpoint

from .hosts import Host
from .hosts import host_app
from .hosts import StaticClients

__all__ = [
    "APP",
    "AUTHORIZE",
    "ODD",
    "SHOP",
    "TOKEN",
    "asked",
    "authlib_host",
    "client_with",
    "query_of",
]

AUTHORIZE = "/connect/authorize"
TOKEN = "/connect/token"

SHOP = Client(
    client_id="shop",
    name="Shop",
    secret="a secret of at least thirty-two octets",
    redirect_uris=("https://shop.test/callback",),
    post_logout_redirect_uris=("https://shop.test/done",),
    back_channel_logout_uri="https://shop.test/back",
)
APP = Client(
    client_id="app",
    secret="another secret of thirty-two octets",
    redirect_uris=("com.example.app:/callback",),
)
ODD = Client(
    client_id="odd",
    secret="another secret of thirty-two octets",
    redirect_uris=("https://Odd.Test:443/callback?a=1&my_session_state=x",),
)


class _OAuthClient(ClientMixin):  # type: ignore[misc]
    def __init__(self, client: Client) -> None:
        self._client = client
        self.client_id = client.client_id

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        return self._client.redirect_uris[0]

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self._client.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == self._client.secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in {"client_secret_basic", "client_secret_post"}

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class _Code(AuthorizationCodeMixin):  # type: ignore[misc]
    redirect_uri: str
    scope: str
    nonce: str | None
    session: Mapping[str, Any]

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int | None:
        return self.session.get("auth_time")

    def get_acr(self) -> str | None:
        return self.session.get("acr")

    def get_amr(self) -> list[str] | None:
        return self.session.get("amr")

    def get_session_id(self) -> str | None:
        return self.session.get("sid")


class _OpenIDCode(SessionOpenIDCode):
    def exists_nonce(self, nonce: str, request: Any) -> bool:
        return False

    def generate_user_info(self, user: str, scope: str) -> dict[str, Any]:
        return {"sub": user}


def authlib_host(**given: Any) -> Host:
    """A host with Authlib's endpoints below ``/connect``.

    :param given: For :func:`.host_app`.
    """
    codes: dict[str, _Code] = {}
    clients = StaticClients(*given.pop("clients", (SHOP, APP, ODD)))

    class Grant(ParticipatingGrantMixin, AuthorizationCodeGrant):  # type: ignore[misc]
        def save_authorization_code(self, code: str, request: Any) -> None:
            # The client is a participant before its code exists.
            assert request.client.client_id in user_session.client_ids
            codes[code] = _Code(
                request.payload.redirect_uri,
                request.scope,
                request.payload.data.get("nonce"),
                current_session_claims(),
            )

        def query_authorization_code(self, code: str, client: Any) -> _Code | None:
            return codes.get(code)

        def delete_authorization_code(self, authorization_code: _Code) -> None:
            codes.clear()

        def authenticate_user(self, authorization_code: _Code) -> str:
            return "alice"

    def find(client_id: str) -> _OAuthClient | None:
        client = clients.get(client_id)

        return None if client is None else _OAuthClient(client)

    def register(app: Flask) -> None:
        server = SessionAuthorizationServer(app, find, lambda token, request: None)
        server.register_grant(Grant, [_OpenIDCode(lifetime=timedelta(minutes=5))])
        server.register_endpoint(SingleLogoutEndpoint)
        app.extensions["server"] = server
        app.extensions["codes"] = codes
        app.register_blueprint(
            protocol_blueprint(read_logout_request=logout_request_reader(server)),
            url_prefix="/connect",
        )
        _add_views(app, server)

    return host_app(register=register, **{**given, "clients": clients})


def _authorized(app: Flask, server: SessionAuthorizationServer) -> ResponseReturnValue:
    user = user_session.user and user_session.user.subject_id
    grant = server.get_consent_grant(end_user=user)
    sign_on = SignOn()
    sign_on.refuse(grant.redirect_uri)
    question = sign_on.question

    # This host's login page is where an account is chosen, too.
    if question in {Question.LOGIN, Question.SELECT_ACCOUNT}:
        return redirect(f"/login?{_encoded(sign_on)}")

    if question is Question.CONSENT and request.method != "POST":
        return "Allow?"

    # What happens between consent and code, where a test wants something to.
    app.extensions.get("meanwhile", lambda: None)()
    denied = "deny" in request.form

    return server.create_authorization_response(
        grant_user=None if denied else user, grant=grant
    )


def _add_views(app: Flask, server: SessionAuthorizationServer) -> None:
    @app.route(AUTHORIZE, methods=["GET", "POST"])
    def authorize() -> ResponseReturnValue:
        try:
            return _authorized(app, server)
        except OAuth2Error as error:
            error.state = request.values.get("state")
            return server.handle_error_response(None, error)

    @app.post(TOKEN)
    def token() -> ResponseReturnValue:
        response: ResponseReturnValue = server.create_token_response()

        return response

    @app.get("/discovery")
    def discovery() -> ResponseReturnValue:
        return discovery_metadata()

    @app.get("/claims")
    def claims() -> ResponseReturnValue:
        return current_session_claims()

    @app.get("/authlib-end")
    def authlib_end() -> ResponseReturnValue:
        # Authlib's own flow, for hosts that want it without our pages.
        return server.create_endpoint_response("end_session") or "signed out"


def _encoded(sign_on: SignOn) -> str:
    return urlencode(list(sign_on.asking(Question.LOGIN).items(multi=True)))


def asked(**given: str | None) -> dict[str, str]:
    """An authorization request of the shop; ``None`` leaves a parameter out."""
    usual = {
        "response_type": "code",
        "client_id": "shop",
        "redirect_uri": "https://shop.test/callback",
        "scope": "openid",
        "state": "a state",
        "nonce": "a nonce",
    }

    return {k: v for k, v in (usual | given).items() if v is not None}


def query_of(response: TestResponse) -> dict[str, str]:
    """The parameters of a redirect; each of them once."""
    query = parse_qs(urlsplit(response.headers["Location"]).query, strict_parsing=True)
    assert all(len(values) == 1 for values in query.values())

    return {name: values[0] for name, values in query.items()}


def client_with(algorithm: str) -> Client:
    """The shop, with another algorithm."""
    return dataclasses.replace(SHOP, id_token_signed_response_alg=algorithm)
