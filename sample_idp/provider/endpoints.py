"""The OAuth and OpenID Connect endpoints."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from urllib.parse import urlunsplit

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.errors import AccessDeniedError
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from authlib.oidc.core.errors import ConsentRequiredError
from flask import abort
from flask import Blueprint
from flask import current_app
from flask import jsonify
from flask import redirect
from flask import request
from flask import Response
from flask import url_for
from flask.typing import ResponseReturnValue

from idp_session.flask import user_session
from idp_session.integrations.authlib import discovery_metadata
from idp_session.integrations.authlib import SessionAuthorizationServer
from idp_session.integrations.authlib import SignOn

from .client_metadata import ALGORITHMS
from .pages import page
from .people import is_same_site

__all__ = ["blueprint"]


blueprint = Blueprint("connect", __name__)


@blueprint.route("/connect/authorize", methods=["GET", "POST"])
def authorize() -> ResponseReturnValue:
    """Answer an authorization request (OpenID Connect Core §3.1.2)."""
    server = _server()

    try:
        return _authorize(server)
    except OAuth2Error as error:
        error.state = request.values.get("state")
        return _refusal(server, error)


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
    return jsonify(current_app.extensions["sample_signer"].public_key_set())


@blueprint.get("/.well-known/openid-configuration")
def discovery() -> ResponseReturnValue:
    """The discovery document (OpenID Connect Discovery §4)."""
    return jsonify(_discovery(current_app.config["IDP_SESSION_ISSUER"]))


def _server() -> SessionAuthorizationServer:
    server: SessionAuthorizationServer = current_app.extensions["sample_server"]

    return server


def _authorize(server: SessionAuthorizationServer) -> ResponseReturnValue:
    user = user_session.user
    grant = server.get_consent_grant(end_user=user and user.subject_id)
    _refuse_unsupported(grant.redirect_uri)
    sign_on = SignOn()
    sign_on.refuse(grant.redirect_uri)

    if user is None or sign_on.needs_login:
        return _to_login(sign_on)

    if {"allow", "deny"} & request.form.keys():
        return _decided(server, grant, user.subject_id)

    client = grant.request.client

    if sign_on.needs_consent or client.requires_consent:
        if "none" in request.values.get("prompt", "").split():
            raise ConsentRequiredError(redirect_uri=grant.redirect_uri)

        return page("consent.html", client=client, user=user, scope=grant.request.scope)

    return server.create_authorization_response(grant_user=user.subject_id, grant=grant)


def _refuse_unsupported(redirect_uri: str) -> None:
    for name in ("request", "request_uri"):
        if name in request.values:
            # OpenID Connect Core §6: an OP that does not know them must say so.
            raise InvalidRequestError(
                f"{name} is not supported.",
                error=f"{name}_not_supported",
                redirect_uri=redirect_uri,
            )

    if request.values.get("response_mode", "query") != "query":
        raise InvalidRequestError(
            "response_mode must be query.", redirect_uri=redirect_uri
        )

    # RFC 6749 §3.1: no parameter may come twice.
    if any(len(values) > 1 for _, values in request.values.lists()):
        raise InvalidRequestError(
            "A parameter came more than once.", redirect_uri=redirect_uri
        )


def _decided(
    server: SessionAuthorizationServer, grant: Any, subject_id: str
) -> ResponseReturnValue:
    if request.method != "POST" or not is_same_site():
        abort(403, "This form was sent from another site. Open the page and try again.")

    if "allow" not in request.form:
        raise AccessDeniedError(redirect_uri=grant.redirect_uri)

    return server.create_authorization_response(grant_user=subject_id, grant=grant)


def _to_login(sign_on: SignOn) -> ResponseReturnValue:
    query = urlencode(list(sign_on.continuation().items(multi=True)))
    continuation = urlunsplit(("", "", url_for("connect.authorize"), query, ""))
    login_hint = request.values.get("login_hint")

    return redirect(
        url_for("people.login", next=continuation, login_hint=login_hint), 303
    )


def _refusal(
    server: SessionAuthorizationServer, error: OAuth2Error
) -> ResponseReturnValue:
    if error.redirect_uri:
        return server.handle_error_response(None, error)

    # Where to send the browser is not certain, so it stays here.
    return page(
        "error.html",
        status=400,
        title="This sign-in request cannot be used",
        text=error.description or error.error,
    )


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
        "authorization_endpoint": base + url_for("connect.authorize"),
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
        "id_token_signing_alg_values_supported": list(ALGORITHMS),
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
    }
