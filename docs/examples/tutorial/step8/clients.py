"""The applications that people sign in to through this provider."""

import hmac
from dataclasses import dataclass

from authlib.oauth2.rfc6749 import ClientMixin

from idp_session import Client


@dataclass
class OAuthClient(ClientMixin):
    client_id: str
    secret: str
    redirect_uris: tuple[str, ...]

    def get_client_id(self):
        return self.client_id

    def get_default_redirect_uri(self):
        return self.redirect_uris[0]

    def get_allowed_scope(self, scope):
        return "openid"

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret):
        return hmac.compare_digest(client_secret.encode(), self.secret.encode())

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_basic"

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type == "authorization_code"


CLIENTS = {
    "shop": OAuthClient(
        client_id="shop",
        secret="known to the shop and to the provider",
        redirect_uris=("http://127.0.0.1:5001/callback",),
    )
}
# What the session component has to know of the same applications.
SESSION_CLIENTS = {
    "shop": Client(
        client_id="shop",
        name="Shop",
        client_uri="http://127.0.0.1:5001/",
        post_logout_redirect_uris=("http://127.0.0.1:5001/",),
        back_channel_logout_uri="http://127.0.0.1:5001/back-channel-logout",
        back_channel_logout_session_required=True,
        front_channel_logout_uri="http://127.0.0.1:5001/front-channel-logout",
        front_channel_logout_session_required=True,
        redirect_uris=("http://127.0.0.1:5001/callback",),
    )
}
