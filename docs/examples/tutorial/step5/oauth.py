"""The OAuth server: Authlib's, with the code flow and ID tokens."""

from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oidc.core import AuthorizationCodeMixin

from idp_session.integrations.authlib import current_session_claims
from idp_session.integrations.authlib import ParticipatingGrantMixin
from idp_session.integrations.authlib import SessionAuthorizationServer
from idp_session.integrations.authlib import SessionOpenIDCode
from idp_session.integrations.authlib import SingleLogoutEndpoint

from clients import CLIENTS
from tables import save_code
from tables import take_code


class Code(AuthorizationCodeMixin):
    def __init__(self, details):
        self.details = details

    def get_redirect_uri(self):
        return self.details["redirect_uri"]

    def get_scope(self):
        return self.details["scope"]

    def get_nonce(self):
        return self.details["nonce"]

    def get_auth_time(self):
        return self.details.get("auth_time")

    def get_amr(self):
        return self.details.get("amr")

    def get_acr(self):
        return self.details.get("acr")

    def get_session_id(self):
        return self.details.get("sid")


class CodeGrant(ParticipatingGrantMixin, AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]

    def save_authorization_code(self, code, request):
        details = {
            "subject": request.user,
            "redirect_uri": request.payload.redirect_uri,
            "scope": request.scope,
            "nonce": request.payload.data.get("nonce"),
            **current_session_claims(),
        }
        save_code(code, request.client.client_id, details)

    def query_authorization_code(self, code, client):
        details = take_code(code, client.client_id)

        return None if details is None else Code(details)

    def delete_authorization_code(self, authorization_code):
        """It is gone since it was asked for."""

    def authenticate_user(self, authorization_code):
        return authorization_code.details["subject"]


class IdTokens(SessionOpenIDCode):
    def exists_nonce(self, nonce, request):
        return False

    def generate_user_info(self, user, scope):
        return {"sub": user}


def add_oauth(app):
    # Nobody takes access tokens here, so none is kept.
    server = SessionAuthorizationServer(app, CLIENTS.get, lambda token, request: None)
    server.register_grant(CodeGrant, [IdTokens()])
    server.register_endpoint(SingleLogoutEndpoint)

    return server
