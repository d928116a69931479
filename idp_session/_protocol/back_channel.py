"""OpenID Connect Back-Channel Logout 1.0.

https://openid.net/specs/openid-connect-backchannel-1_0.html
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from typing import Literal

from ..errors import LogoutTokenError
from .uris import check_flag
from .uris import check_web_uri

__all__ = [
    "EVENT",
    "TOKEN_TYPE",
    "Verdict",
    "check_registration",
    "logout_token_claims",
    "retry_delay",
    "token_type",
    "verdict_on",
]

#: The member of ``events`` that makes a token a logout token (§2.4).
EVENT = "http://schemas.openid.net/event/backchannel-logout"

#: The ``typ`` of a logout token's header (§2.4).
TOKEN_TYPE = "logout+jwt"

# What libraries from before explicit typing (RFC 8725 §3.11) take for a token.
_LEGACY_TOKEN_TYPE = "JWT"

_ACCEPTED = frozenset({200, 204})

# RFC 9110 §15.5.9, RFC 8470 §5.2, RFC 6585 §4: these say "not now".
_TEMPORARY = frozenset({408, 425, 429})

# Beyond that the doubled wait is longer than any bound, and no float overflows.
_MOST_DOUBLINGS = 64


class Verdict(enum.Enum):
    """What the status of a client's answer means for the delivery."""

    #: The client has logged the user out.
    ACCEPTED = enum.auto()
    #: The client does not accept the request; sending it again is no use.
    REFUSED = enum.auto()
    #: Whoever answered is not a logout endpoint.
    FAILED = enum.auto()
    #: It may work later.
    RETRY = enum.auto()


def logout_token_claims(
    *,
    iss: str,
    aud: str,
    iat: int,
    lifetime: int,
    jti: str,
    sub: str | None,
    sid: str | None,
    reason: str | None = None,
) -> dict[str, Any]:
    """The claims of a logout token, ready to be signed (§2.4).

    :param iss: The issuer, as in the client's ID tokens.
    :param aud: The client.
    :param iat: Now, in seconds since 1970.
    :param lifetime: For how many seconds the token may be used.
    :param jti: An identifier that no other token has.
    :param sub: The user, as in the client's ID tokens.
    :param sid: The session; without it the token speaks of all the user's
        sessions at the client.
    :param reason: The claim ``logout_reason``, an extension of ours: why the session
        ended.
    :raises LogoutTokenError: If there is neither ``sub`` nor ``sid``.
    :raises ValueError: If the lifetime is not positive.
    """
    # backchannel §2.4: a token that names neither the user nor the session
    # would tell the client nothing.
    if not sub and not sid:
        raise LogoutTokenError("a logout token needs a sub, a sid, or both")

    if lifetime <= 0:
        raise ValueError("a logout token needs a lifetime of at least a second")

    # backchannel §2.4: no nonce, or it could be taken for an ID token.
    claims: dict[str, Any] = {
        "iss": iss,
        "aud": aud,
        "iat": iat,
        "exp": iat + lifetime,
        "jti": jti,
        "events": {EVENT: {}},
    }
    about = {"sub": sub, "sid": sid, "logout_reason": reason}

    return claims | {name: value for name, value in about.items() if value}


def token_type(profile: Literal["standard", "legacy"]) -> str:
    """The ``typ`` of a logout token's header (§2.4).

    :param profile: What the receiver understands.
    """
    return _LEGACY_TOKEN_TYPE if profile == "legacy" else TOKEN_TYPE


def verdict_on(status: int) -> Verdict:
    """What an answer means (§2.5, §2.8).

    :param status: The HTTP status.
    """
    if status in _ACCEPTED:
        return Verdict.ACCEPTED

    if status in _TEMPORARY or 500 <= status <= 599:  # noqa: PLR2004
        return Verdict.RETRY

    if 400 <= status <= 499:  # noqa: PLR2004
        return Verdict.REFUSED

    # Above all redirects: to follow one would hand the token to somebody else.
    return Verdict.FAILED


def retry_delay(
    *,
    attempts: int,
    first: timedelta,
    at_most: timedelta,
    jitter: float,
    retry_after: timedelta | None,
) -> timedelta:
    """How long to wait before a delivery is tried again.

    The longest wait doubles with each attempt. The actual one lies anywhere
    between a tenth of ``first`` and that, so that deliveries which failed
    together do not come back together.

    :param attempts: How often it was tried, at least once.
    :param first: The longest wait after the first attempt.
    :param at_most: The longest wait of all.
    :param jitter: A random number, at least 0 and less than 1.
    :param retry_after: The least wait that the client asked for; not honoured
        beyond ``at_most``.
    """
    doublings = min(max(attempts - 1, 0), _MOST_DOUBLINGS)
    longest = min(at_most.total_seconds(), first.total_seconds() * 2.0**doublings)
    shortest = min(longest, first.total_seconds() / 10)
    delay = timedelta(seconds=shortest + (longest - shortest) * jitter)

    return min(at_most, max(delay, retry_after or delay))


def check_registration(metadata: Mapping[str, Any]) -> None:
    """Refuse back-channel members that the specification forbids (§2.2).

    :param metadata: What a client registers.
    :raises InvalidClientMetadataError: If the URI is not http(s) or has a
        fragment, if a client without a secret names an http URI, or if the flag
        is not a boolean.
    """
    check_flag(metadata, "backchannel_logout_session_required")
    check_web_uri(metadata, "backchannel_logout_uri")
