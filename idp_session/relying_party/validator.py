"""OpenID Connect Back-Channel Logout 1.0 §2.6: validation of a logout token.

https://openid.net/specs/openid-connect-backchannel-1_0.html
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from datetime import datetime
from datetime import timedelta
from datetime import UTC
from typing import Any

from joserfc.jwk import KeySet
from joserfc.jwk import OctKey

from ..errors import ConfigurationError
from ..errors import InvalidLogoutTokenError
from .decryption import TokenDecryption
from .jti import ReplayGuard
from .signature import fixed_keys
from .signature import KeySource
from .signature import SignatureVerifier
from .token import LogoutToken

__all__ = ["LogoutTokenValidator"]

_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_TYPE = "logout+jwt"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class LogoutTokenValidator:
    """Tells genuine logout tokens from everything else.

    :param issuer: The issuer identifier of the provider, to the letter.
    :param client_id: This client's own id.
    :param keys: The provider's public keys, or a source that can fetch them again
        when they have been rotated. Not used for the ``HS…`` algorithms.
    :param algorithm: What this client registered as
        ``id_token_signed_response_alg``; no other is accepted.
    :param client_secret: The key of the ``HS…`` algorithms.
    :param decryption: Opens tokens, if this client has its ID tokens encrypted; a
        token that is not encrypted is then refused.
    :param require_expiry: Whether a token without ``exp`` is refused. Providers
        from before December 2023 may omit it.
    :param assumed_lifetime: How long after its ``iat`` a token without ``exp``
        may be used.
    :param require_type: Whether the header must say ``logout+jwt`` (§4.1).
    :param leeway: How far the clocks of provider and client may differ.
    :param refresh_interval: The shortest time between two refreshes of the keys.
    :param clock: Gives the current instant; aware UTC.
    :param seen: Refuses tokens that were used before, if that is wanted.
    :raises ConfigurationError: If the algorithm is unknown or has no key.
    """

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        keys: KeySource | KeySet | None = None,
        algorithm: str = "RS256",
        client_secret: str | None = None,
        decryption: TokenDecryption | None = None,
        require_expiry: bool = True,
        assumed_lifetime: timedelta = timedelta(minutes=10),
        require_type: bool = False,
        leeway: timedelta = timedelta(minutes=1),
        refresh_interval: timedelta = timedelta(seconds=10),
        clock: Callable[[], datetime] = _utc_now,
        seen: ReplayGuard | None = None,
    ) -> None:
        self.issuer = issuer
        self._client_id = client_id
        self._decryption = decryption
        self._require_expiry = require_expiry
        self._assumed_lifetime = assumed_lifetime
        self._require_type = require_type
        self._leeway = leeway
        self._clock = clock
        self._seen = seen
        symmetric = algorithm.startswith("HS")
        self._signatures = SignatureVerifier(
            algorithm=algorithm,
            keys=_source(keys, client_secret, symmetric=symmetric),
            named_keys=not symmetric,
            refresh_interval=refresh_interval,
            clock=clock,
        )

    def validate(self, token: object) -> LogoutToken:
        """Check everything that the specification asks a client to check.

        With a replay guard a token is accepted once; see :meth:`forget`.

        :param token: The ``logout_token`` parameter as received; only a string
            can be valid.
        :raises InvalidLogoutTokenError: If it must be refused; the description
            may be sent back.
        :raises OSError: If the provider's keys cannot be fetched.
        """
        # backchannel §2.6: encrypted exactly if ID tokens are.
        signed = token if self._decryption is None else self._decryption.open(token)
        header, claims = self._signatures.open(signed)
        self._check_type(header)
        self._check_parties(claims)
        _check_purpose(claims)
        received = _logout_token(claims)
        self._check_times(received)
        self._check_first_use(received)

        return received

    def forget(self, token: LogoutToken) -> None:
        """Let a token be used again, since what it asked for could not be done."""
        if self._seen is not None:
            self._seen.forget(token)

    def _check_type(self, header: Mapping[str, Any]) -> None:
        given = header.get("typ")

        if given is None and not self._require_type:
            return

        accepted = {_TYPE} if self._require_type else {_TYPE, "jwt"}

        # RFC 7515 §4.1.9: a media type, whose "application/" may be left out.
        if (
            not isinstance(given, str)
            or given.lower().removeprefix("application/") not in accepted
        ):
            raise InvalidLogoutTokenError("typ is not that of a logout token")

    def _check_parties(self, claims: Mapping[str, Any]) -> None:
        if claims.get("iss") != self.issuer:
            raise InvalidLogoutTokenError("iss is not the expected issuer")

        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]

        if not all(isinstance(member, str) for member in audiences):
            raise InvalidLogoutTokenError("aud is neither a string nor a list of them")

        if self._client_id not in audiences:
            raise InvalidLogoutTokenError("aud does not name this client")

    def _check_times(self, token: LogoutToken) -> None:
        now = self._clock()

        if token.issued_at > now + self._leeway:
            raise InvalidLogoutTokenError("iat is in the future")

        if token.expires_at is None and self._require_expiry:
            raise InvalidLogoutTokenError("exp is missing")

        if self._end(token) <= now - self._leeway:
            raise InvalidLogoutTokenError("the logout token has expired")

    def _check_first_use(self, token: LogoutToken) -> None:
        if self._seen is None:
            return

        # The leeway is taken from the present, so that no instant overflows.
        now = self._clock() - self._leeway

        if not self._seen.first_use(token, until=self._end(token), now=now):
            raise InvalidLogoutTokenError("the logout token has been used before")

    def _end(self, token: LogoutToken) -> datetime:
        return token.expires_at or token.issued_at + self._assumed_lifetime


def _source(
    keys: KeySource | KeySet | None, client_secret: str | None, *, symmetric: bool
) -> KeySource:
    # A secret never verifies what a public key should, nor the other way round.
    if symmetric:
        if not client_secret:
            raise ConfigurationError("this algorithm needs the client_secret")

        return fixed_keys(KeySet([OctKey.import_key(client_secret)]))

    if keys is None:
        raise ConfigurationError("this algorithm needs the keys of the provider")

    return fixed_keys(keys) if isinstance(keys, KeySet) else keys


def _check_purpose(claims: Mapping[str, Any]) -> None:
    events = claims.get("events")

    # backchannel §2.4: this is what makes it a logout token and not an ID token.
    if not isinstance(events, dict) or not isinstance(events.get(_EVENT), dict):
        raise InvalidLogoutTokenError("events does not hold the logout event")

    if "nonce" in claims:
        raise InvalidLogoutTokenError("a logout token must not hold a nonce")


def _logout_token(claims: Mapping[str, Any]) -> LogoutToken:
    subject = _text(claims, "sub")
    session_id = _text(claims, "sid")
    token_id = _text(claims, "jti")
    issued_at = _instant(claims, "iat")

    if token_id is None:
        raise InvalidLogoutTokenError("jti is missing")

    if issued_at is None:
        raise InvalidLogoutTokenError("iat is missing")

    if subject is None and session_id is None:
        raise InvalidLogoutTokenError("sub and sid are both missing")

    return LogoutToken(
        issuer=claims["iss"],
        subject=subject,
        session_id=session_id,
        token_id=token_id,
        issued_at=issued_at,
        expires_at=_instant(claims, "exp"),
        reason=_reason(claims),
    )


def _reason(claims: Mapping[str, Any]) -> str | None:
    # backchannel §2.4: claims that the specification does not know are ignored, and
    # so is this one where it is not ours.
    reason = claims.get("logout_reason")

    return reason if isinstance(reason, str) and reason else None


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    if name not in claims:
        return None

    value = claims[name]

    if not isinstance(value, str) or not value:
        raise InvalidLogoutTokenError(f"{name} is not a string with content")

    return value


def _instant(claims: Mapping[str, Any], name: str) -> datetime | None:
    if name not in claims:
        return None

    value = claims[name]

    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidLogoutTokenError(f"{name} is not a number")

    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        raise InvalidLogoutTokenError(f"{name} is not an instant") from None
