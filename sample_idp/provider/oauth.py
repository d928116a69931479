"""Authlib's server, with the grants and endpoints of the sample."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from authlib.integrations.flask_oauth2 import ResourceProtector
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6749.errors import InvalidGrantError
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7591 import ClientRegistrationEndpoint
from authlib.oauth2.rfc7591.errors import InvalidClientMetadataError
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
from .client_metadata import checked
from .clients import ClientRegistry
from .extension import idp_session
from .tokens import Code
from .tokens import Token
from .tokens import TokenTable
from .users import user_info

__all__ = ["create_server"]

_AUTH_METHODS = ["client_secret_basic", "client_secret_post", "none"]
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

    server = SessionAuthorizationServer(app, clients.find, save_token)
    server.register_grant(
        _CodeGrant,
        [
            _OpenIDCode(lifetime=timedelta(seconds=settings.id_token_lifetime)),
            CodeChallenge(required=True),
        ],
    )
    server.register_grant(_RefreshGrant)
    server.register_endpoint(_Revocation)
    server.register_endpoint(_Introspection)
    server.register_endpoint(SingleLogoutEndpoint)
    server.register_endpoint(_Registration(clients))
    protector = ResourceProtector()
    protector.register_token_validator(_BearerValidator())
    server.register_endpoint(_UserInfo(resource_protector=protector))

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


class _CodeGrant(ParticipatingGrantMixin, grants.AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = _AUTH_METHODS

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
    TOKEN_ENDPOINT_AUTH_METHODS = _AUTH_METHODS
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
    CLIENT_AUTH_METHODS = _AUTH_METHODS

    def query_token(self, token_string: str, token_type_hint: str) -> Token | None:
        return _tokens().find(token_string)

    def revoke_token(self, token: Token, request: Any) -> None:
        _tokens().revoke(token)


class _Introspection(IntrospectionEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = _AUTH_METHODS[:2]

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


class _BearerValidator(BearerTokenValidator):  # type: ignore[misc]
    def authenticate_token(self, token_string: str) -> Token | None:
        token = _tokens().find_access_token(token_string)

        if token is None:
            return None

        client = current_app.extensions["sample_clients"].find(token.row.client_id)

        return Token(token.row, client)


class _UserInfo(UserInfoEndpoint):  # type: ignore[misc]
    def generate_user_info(self, user: str, scope: str) -> dict[str, Any]:
        return user_info(user, scope)


class _Registration(ClientRegistrationEndpoint):  # type: ignore[misc]
    def __init__(self, clients: ClientRegistry) -> None:
        super().__init__()
        self._clients = clients

    def authenticate_token(self, request: Any) -> bool:
        return bool(current_app.config["SAMPLE_OPEN_REGISTRATION"])

    def extract_client_metadata(self, request: Any) -> dict[str, Any]:
        data = request.payload.data

        if not isinstance(data, dict):
            raise InvalidClientMetadataError("The body must be a JSON object.")

        # A secret is given by us and never taken.
        wanted = {name: data[name] for name in data if name != "client_secret"}

        try:
            metadata = checked({**wanted, "client_secret": "to be made"})
        except ValueError as error:
            raise InvalidClientMetadataError(_plain(str(error))) from error

        del metadata["client_secret"]
        defaults = {
            "token_endpoint_auth_method": "client_secret_basic",
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "scope": "openid profile email offline_access",
        }

        return {**defaults, **metadata}

    def generate_client_secret(self, request: Any) -> str:
        return secrets.token_urlsafe(32)

    def save_client(
        self, client_info: dict[str, Any], metadata: dict[str, Any], request: Any
    ) -> Any:
        is_public = metadata["token_endpoint_auth_method"] == "none"
        secret = None if is_public else client_info["client_secret"]
        self._clients.save(client_info["client_id"], secret, metadata)

        return self._clients.find(client_info["client_id"])

    def get_server_metadata(self) -> dict[str, Any]:
        return {}


def _plain(text: str) -> str:
    # RFC 6749 §5.2: a description has neither quotes nor backslashes.
    return "".join(
        c for c in text if c.isascii() and c.isprintable() and c not in '"\\'
    )
