"""Makes logout tokens, to the letter of the specification and to the client."""

from __future__ import annotations

import secrets

from .._protocol import back_channel
from ..errors import LogoutTokenError
from ..models import Client
from ..models import Delivery
from ..models import LogoutReason
from ..options import SessionOptions
from ..ports import Clock
from ..ports import TokenEncrypter
from ..ports import TokenSigner

__all__ = ["LogoutTokenService", "is_wanted"]


def is_wanted(delivery: Delivery, client: Client, options: SessionOptions) -> bool:
    """Whether a client wants to hear of sessions that end for this reason.

    :param delivery: What is owed.
    :param client: The client, as it is registered now.
    :param options: The settings, for clients that do not say so themselves.
    """
    if client.logout_reasons is not None:
        return delivery.reason in client.logout_reasons

    return options.logout_reasons is None or delivery.reason in options.logout_reasons


_SUBJECT_WIDE = frozenset({LogoutReason.SUBJECT, LogoutReason.ACCOUNT_DISABLED})


class LogoutTokenService:
    """One token for each attempt (Back-Channel Logout 1.0 §2.4).

    :param signer: Signs them.
    :param encrypter: Encrypts them for clients that want it; without, such clients
        get none.
    :param clock: Tells the time.
    :param options: The settings.
    """

    def __init__(
        self,
        *,
        signer: TokenSigner,
        encrypter: TokenEncrypter | None,
        clock: Clock,
        options: SessionOptions,
    ) -> None:
        self._signer = signer
        self._encrypter = encrypter
        self._clock = clock
        self._options = options

    def is_wanted(self, delivery: Delivery, client: Client) -> bool:
        """Whether a client wants to hear of sessions that end for this reason.

        :param delivery: What is owed.
        :param client: The client, as it is registered now.
        """
        return is_wanted(delivery, client, self._options)

    def token_for(self, delivery: Delivery, client: Client) -> str:
        """A fresh token.

        :param delivery: What it says.
        :param client: The client, as it is registered now.
        :raises LogoutTokenError: If there is no key to sign or to encrypt it with.
        """
        signed = self.signed_for(delivery, client)

        return self.encrypted(signed, client, issuer=delivery.issuer)

    def signed_for(self, delivery: Delivery, client: Client) -> str:
        """A fresh token before it is encrypted for those who want that.

        :param delivery: What it says.
        :param client: The client, as it is registered now.
        :raises LogoutTokenError: If there is no key to sign it with.
        """
        claims = back_channel.logout_token_claims(
            iss=delivery.issuer,
            aud=delivery.client_id,
            # Cut off and never rounded up, so that it is not ahead of the clock.
            iat=int(self._clock.now().timestamp()),
            lifetime=int(self._options.logout_token_lifetime.total_seconds()),
            jti=secrets.token_urlsafe(16),
            sub=delivery.subject,
            sid=None if _is_subject_wide(delivery, client) else delivery.session_id,
            reason=delivery.reason.value if self._tells_reason(client) else None,
        )

        return self._signer.sign(
            claims,
            client=client,
            token_type=back_channel.token_type(client.logout_token_profile),
        )

    def encrypted(self, token: str, client: Client, *, issuer: str) -> str:
        """A signed token as the client wants it: encrypted, or as it is.

        :param token: What was signed.
        :param client: The client, as it is registered now.
        :param issuer: Whose token it is.
        :raises LogoutTokenError: If the client wants encryption, and there is no key.
        """
        if client.id_token_encrypted_response_alg is None:
            return token

        # Never unencrypted to somebody who has asked for encryption.
        if self._encrypter is None:
            raise LogoutTokenError(
                f"the client {client.client_id} wants encrypted tokens, and nothing"
                " encrypts them here"
            )

        return self._encrypter.encrypt(token, client=client, issuer=issuer)

    def _tells_reason(self, client: Client) -> bool:
        if client.logout_reason_claim is not None:
            return client.logout_reason_claim

        return self._options.logout_reason_claim


def _is_subject_wide(delivery: Delivery, client: Client) -> bool:
    # backchannel §2.4: without sid the token is about all sessions of the user there.
    return (
        client.subject_wide_logout
        and not client.back_channel_logout_session_required
        and delivery.reason in _SUBJECT_WIDE
    )
