"""ID tokens that say which session they belong to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from authlib.oidc.core import OpenIDCode
from authlib.oidc.core.util import create_half_hash

from ...flask.state import app_state

__all__ = ["SessionOpenIDCode"]

_ID_TOKEN_TYPE = "JWT"


class SessionOpenIDCode(OpenIDCode):  # type: ignore[misc]
    """Authlib's extension of the code flow, with ``sid`` in its ID tokens.

    The tokens are signed by the app's :class:`.TokenSigner`, so that the keys of
    ID tokens and logout tokens are the same (Back-Channel Logout 1.0 §2.6).
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

        return state.signer.sign(claims, client=client, token_type=_ID_TOKEN_TYPE)
