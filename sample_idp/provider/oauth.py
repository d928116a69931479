"""Authlib's server, with the grants and endpoints of the sample."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6749.errors import InvalidGrantError
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oidc.core import UserInfoEndpoint
from flask import current_app
from flask import Flask

from idp_session.integrations.authlib import current_session_claims
from idp_session.integrations.authlib import ParticipatingGrantMixin
from idp_session.integrations.authlib import SessionAuthorizationServer
from idp_session.integrations.authlib import SessionOpenIDCode
from idp_session.integrations.authlib import SingleLogoutEndpoint

from ..settings import ProviderSettings
from .bearer import BearerProtector
from .client_authentication import AUTH_METHODS
from .client_authentication import Server
from .clients import ClientRegistry
from .extension import idp_session
from .registration import Registration
from .tokens import Code
from .tokens import Token
from .tokens import TokenTable
from .users import user_info

__all__ = ["create_server"]

_KEPT = ("nonce", "code_challenge", "code_challenge_method", "redirect_uri")


def create_server(
    app: Flask,
    settings: ProviderSettings,
    *,
    clients: ClientRegistry,
    tokens: TokenTable,
) -> SessionAuthorizationServer:
    """The authorization server.

    :param app: The app.
    :param settings: From the command line.
    :param clients: The clients.
    :param tokens: Where codes and tokens are kept.
    """
    app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
    app.config["OAUTH2_ACCESS_TOKEN_GENERATOR"] = True

    def save_token(token: dict[str, Any], request: Any) -> None:
        given = request.authorization_code or request.refresh_token
        tokens.save(
            token,
            client_id=request.client.client_id,
            subject_id=request.user,
            session_id=given.session_id,
        )

    server = Server(app, clients.find, save_token)
    server.register_grant(
        _CodeGrant,
        [
            _OpenIDCode(lifetime=timedelta(seconds=settings.id_token_lifetime)),
            _ProofKey(required=True),
        ],
    )
    server.register_grant(_RefreshGrant)
    server.register_endpoint(_Revocation)
    server.register_endpoint(_Introspection)
    server.register_endpoint(SingleLogoutEndpoint)
    server.register_endpoint(Registration(clients))
    server.register_endpoint(_UserInfo(resource_protector=BearerProtector()))

    return server


def _tokens() -> TokenTable:
    table: TokenTable = current_app.extensions["sample_tokens"]

    return table


class _OpenIDCode(SessionOpenIDCode):
    def exists_nonce(self, nonce: str, request: Any) -> bool:
        # OpenID Connect Core §3.1.2.1: the client checks it; codes are used once.
        return False

    def generate_user_info(self, user: str, scope: str) -> dict[str, Any]:
        return {"sub": user_info(user, scope)["sub"]}


class _ProofKey(CodeChallenge):  # type: ignore[misc]
    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        super().validate_code_challenge(grant, redirect_uri)
        client = grant.request.client

        # RFC 7636 §4.4.1: said before there is a code, and of public clients only.
        if client.token_endpoint_auth_method == "none" and not (
            grant.request.payload.data.get("code_challenge")
        ):
            raise InvalidRequestError("code_challenge is missing.")


class _CodeGrant(ParticipatingGrantMixin, grants.AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def save_authorization_code(self, code: str, request: Any) -> None:
        session = current_session_claims()
        data = request.payload.data
        kept = {name: data[name] for name in _KEPT if data.get(name)}
        details = {**kept, **session, "scope": request.scope}
        _tokens().save_code(
            code,
            client_id=request.client.client_id,
            code_data=Code(request.user, session["sid"], details),
        )

    def query_authorization_code(self, code: str, client: Any) -> Code | None:
        return _tokens().take_code(code, client.client_id)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """Nothing is left to delete: whoever brings a code takes it."""

    def authenticate_user(self, authorization_code: Code) -> str:
        return authorization_code.subject_id


class _RefreshGrant(grants.RefreshTokenGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        token = _tokens().find_refresh_token(refresh_token, self.request.client)

        return None if token is None or token.is_revoked() else token

    def issue_token(self, user: str, refresh_token: Token) -> dict[str, Any]:
        # Only now, when everything else was right, is it used up.
        if not _tokens().take_refresh_token(refresh_token):
            raise InvalidGrantError

        idp_session.touch(refresh_token.session_id)
        token: dict[str, Any] = super().issue_token(user, refresh_token)

        return token

    def authenticate_user(self, refresh_token: Token) -> str:
        return refresh_token.subject_id

    def revoke_old_credential(self, refresh_token: Token) -> None:
        _tokens().revoke(refresh_token)


class _Revocation(RevocationEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = AUTH_METHODS

    def query_token(self, token_string: str, token_type_hint: str) -> Token | None:
        return _tokens().find(token_string)

    def revoke_token(self, token: Token, request: Any) -> None:
        _tokens().revoke(token)


class _Introspection(IntrospectionEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = AUTH_METHODS[:2]

    def query_token(self, token_string: str, token_type_hint: str) -> Token | None:
        return _tokens().find(token_string)

    def check_permission(self, token: Token, client: Any, request: Any) -> bool:
        return token.check_client(client)

    def introspect_token(self, token: Token) -> dict[str, Any]:
        idp_session.touch(token.session_id)

        return {
            "active": True,
            "client_id": token.row.client_id,
            "token_type": "Bearer",
            "scope": token.scope,
            "sub": token.subject_id,
            "sid": token.session_id,
            "iat": token.issued_at,
            "exp": token.expires_at,
        }


class _UserInfo(UserInfoEndpoint):  # type: ignore[misc]
    def generate_user_info(self, user: str, scope: str) -> dict[str, Any]:
        return user_info(user, scope)
