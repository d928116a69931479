"""The OAuth server: Authlib's, with the code flow and ID tokens."""

from pathlib import Path

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oidc.core import AuthorizationCodeMixin
from authlib.oidc.core import OpenIDCode
from flask import current_app
from joserfc.jwk import RSAKey

from clients import CLIENTS
from tables import save_code
from tables import take_code

KEY = Path("id_token_key.pem")


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
        return None

    def get_amr(self):
        return None

    def get_acr(self):
        return None


class CodeGrant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]

    def save_authorization_code(self, code, request):
        details = {
            "subject": request.user,
            "redirect_uri": request.payload.redirect_uri,
            "scope": request.scope,
            "nonce": request.payload.data.get("nonce"),
        }
        save_code(code, request.client.client_id, details)

    def query_authorization_code(self, code, client):
        details = take_code(code, client.client_id)

        return None if details is None else Code(details)

    def delete_authorization_code(self, authorization_code):
        """It is gone since it was asked for."""

    def authenticate_user(self, authorization_code):
        return authorization_code.details["subject"]


class IdTokens(OpenIDCode):
    def exists_nonce(self, nonce, request):
        return False

    def generate_user_info(self, user, scope):
        return {"sub": user}

    def resolve_client_private_key(self, client):
        return signing_key()

    def get_client_claims(self, client):
        return {"iss": current_app.config["ISSUER"], "aud": client.client_id}


def signing_key():
    if not KEY.exists():
        KEY.touch(mode=0o600)
        KEY.write_bytes(RSAKey.generate_key(2048).as_pem(private=True))

    return RSAKey.import_key(KEY.read_bytes())


def public_keys():
    return {"keys": [signing_key().as_dict(private=False)]}


def add_oauth(app):
    # Nobody takes access tokens here, so none is kept.
    server = AuthorizationServer(app, CLIENTS.get, lambda token, request: None)
    server.register_grant(CodeGrant, [IdTokens()])

    return server
