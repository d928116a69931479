"""The OAuth and OpenID Connect endpoints."""

from __future__ import annotations

from typing import Any

from authlib.oauth2 import OAuth2Error
from flask import abort
from flask import Blueprint
from flask import current_app
from flask import jsonify
from flask import request
from flask import Response
from flask import url_for
from flask.typing import ResponseReturnValue

from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.integrations.authlib import discovery_metadata
from idp_session.integrations.authlib import encryption_metadata
from idp_session.integrations.authlib import SessionAuthorizationServer

__all__ = ["blueprint"]


blueprint = Blueprint("connect", __name__)


@blueprint.post("/connect/token")
def token() -> ResponseReturnValue:
    """Exchange a code or a refresh token."""
    server = _server()

    try:
        response: Response = server.create_token_response()
    except OAuth2Error as error:
        response = server.handle_error_response(None, error)

    return response


@blueprint.route("/connect/userinfo", methods=["GET", "POST"])
def userinfo() -> ResponseReturnValue:
    """Tell a client of the user."""
    return _answer("userinfo")


@blueprint.post("/connect/revocation")
def revocation() -> ResponseReturnValue:
    """Take a token back (RFC 7009)."""
    return _answer("revocation")


@blueprint.post("/connect/introspection")
def introspection() -> ResponseReturnValue:
    """Tell a client of its token (RFC 7662)."""
    return _answer("introspection")


@blueprint.post("/connect/register")
def registration() -> ResponseReturnValue:
    """Register a client (RFC 7591)."""
    if not request.is_json:
        abort(415, "Send the metadata as application/json.")

    try:
        request.get_json()
    except RecursionError:
        abort(400, "The metadata is nested too deeply.")

    return _answer("client_registration")


@blueprint.get("/connect/jwks")
def jwks() -> ResponseReturnValue:
    """The keys of ID tokens and logout tokens."""
    response = jsonify(_signer().public_key_set())
    # Much shorter than a new key is published ahead of its use.
    response.cache_control.max_age = 3600
    response.cache_control.public = True

    return response


@blueprint.get("/.well-known/openid-configuration")
def discovery() -> ResponseReturnValue:
    """The discovery document (OpenID Connect Discovery §4)."""
    return jsonify(_discovery(current_app.config["IDP_SESSION_ISSUER"]))


def _server() -> SessionAuthorizationServer:
    server: SessionAuthorizationServer = current_app.extensions["sample_server"]

    return server


def _signer() -> KeySetTokenSigner:
    signer: KeySetTokenSigner = current_app.extensions["sample_signer"]

    return signer


def _answer(endpoint: str) -> Response:
    server = _server()

    try:
        response: Response = server.create_endpoint_response(endpoint)
    except OAuth2Error as error:
        response = server.handle_error_response(None, error)

    response.cache_control.no_store = True

    return response


def _discovery(issuer: str) -> dict[str, Any]:
    base = issuer.rstrip("/")

    return {
        "issuer": issuer,
        "authorization_endpoint": base + url_for("authorization.authorize"),
        "token_endpoint": base + url_for("connect.token"),
        "userinfo_endpoint": base + url_for("connect.userinfo"),
        "jwks_uri": base + url_for("connect.jwks"),
        "revocation_endpoint": base + url_for("connect.revocation"),
        "introspection_endpoint": base + url_for("connect.introspection"),
        "registration_endpoint": base + url_for("connect.registration"),
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(_signer().algorithms),
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
            "none",
        ],
        "code_challenge_methods_supported": ["S256", "plain"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_supported": [
            "sub",
            "sid",
            "auth_time",
            "amr",
            "acr",
            "name",
            "preferred_username",
            "email",
            "email_verified",
        ],
        **discovery_metadata(),
        **encryption_metadata(),
    }
