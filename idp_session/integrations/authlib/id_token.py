"""ID tokens that say which session they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from authlib.oauth2.rfc6749.errors import InvalidClientError
from authlib.oidc.core import OpenIDCode
from authlib.oidc.core.util import create_half_hash

from ...errors import LogoutTokenError
from ...flask.state import app_state
from ...models import Client

__all__ = ["SessionOpenIDCode"]

_ID_TOKEN_TYPE = "JWT"
_NO_KEY = "There is no key for the ID tokens of this client."


class SessionOpenIDCode(OpenIDCode):  # type: ignore[misc]
    """Authlib's extension of the code flow, with ``sid`` in its ID tokens.

    The tokens are signed by the app's :class:`.TokenSigner`, so that the keys of
    ID tokens and logout tokens are the same (Back-Channel Logout 1.0 §2.6). For
    clients that have registered encryption they are encrypted, too.
    Implement ``exists_nonce`` and ``generate_user_info`` as for Authlib.

    :param lifetime: How long an ID token is valid.
    """

    def __init__(self, *, lifetime: timedelta = timedelta(hours=1)) -> None:
        super().__init__(require_nonce=False)
        self.lifetime = lifetime

    def get_authorization_code_claims(self, authorization_code: Any) -> dict[str, Any]:
        """The claims that the code carries, ``sid`` among them (DISC-OP-10).

        :param authorization_code: The code; it needs ``get_session_id()``.
        """
        claims: dict[str, Any] = super().get_authorization_code_claims(
            authorization_code
        )

        if session_id := authorization_code.get_session_id():
            claims["sid"] = session_id

        return claims

    def encode_id_token(self, token: dict[str, Any], request: Any) -> str:
        """Sign an ID token with the provider's published keys.

        :param token: The token response that it is for.
        :param request: The token request.
        :raises InvalidClientError: Authlib's, if there is no key for what the client
            has registered.
        """
        state = app_state()
        client = state.clients.get(request.client.get_client_id())

        if client is None:
            raise LookupError("the ClientStore does not know the authenticated client")

        now = int(state.clock.now().timestamp())
        claims = {
            "iss": state.options.issuer,
            "aud": client.client_id,
            "iat": now,
            "exp": now + int(self.lifetime.total_seconds()),
            **self.get_authorization_code_claims(request.authorization_code),
            **self.generate_user_info(request.user, token["scope"]),
        }
        alg = client.id_token_signed_response_alg

        if at_hash := create_half_hash(token["access_token"], alg):
            claims["at_hash"] = at_hash.decode()

        try:
            return _made(claims, client)
        except LogoutTokenError as error:
            # What the client has registered does not fit what there are keys for.
            raise InvalidClientError(description=_NO_KEY) from error


def _made(claims: Mapping[str, Any], client: Client) -> str:
    state = app_state()
    token = state.signer.sign(claims, client=client, token_type=_ID_TOKEN_TYPE)

    if client.id_token_encrypted_response_alg is None:
        return token

    return state.encrypter.encrypt(token, client=client, issuer=state.options.issuer)
