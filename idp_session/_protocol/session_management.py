"""OpenID Connect Session Management 1.0.

https://openid.net/specs/openid-connect-session-1_0.html

The other half of the computation is ``check_session.js``, which the iframe runs.
"""

from __future__ import annotations

import hashlib

from .uris import origin_of

__all__ = ["bound_salt", "origin_of", "session_state"]

_BINDING_DIGITS = 16


def bound_salt(*, client_id: str, origin: str, random_part: str) -> str:
    """A salt that the iframe recognises as made for this client and origin.

    Without it a stranger's question would look like one about another session,
    and be answered ``changed`` instead of ``error`` (session §3.2).

    :param client_id: The client that gets the ``session_state``.
    :param origin: The origin of its redirect URI, see :func:`origin_of`.
    :param random_part: Fresh random characters.
    :raises ValueError: If the random part is empty or has a space.
    """
    if not random_part or " " in random_part:
        raise ValueError("the random part of a salt needs characters, but no space")

    binding = _sha256(client_id, origin, random_part)[:_BINDING_DIGITS]

    return f"{random_part}-{binding}"


def session_state(*, client_id: str, origin: str, browser_state: str, salt: str) -> str:
    """What a client compares with the iframe's answer to notice a change.

    It contains no space, so the iframe can split a message at its last one.

    :param client_id: The client that gets the value.
    :param origin: The origin of its redirect URI, see :func:`origin_of`.
    :param browser_state: What the check-session cookie says; empty if nobody is
        signed in.
    :param salt: What :func:`bound_salt` returned for this client and origin.
    :raises ValueError: If the salt has a space.
    """
    # session §2: the value must not contain a space.
    if " " in salt:
        raise ValueError("a salt has no space")

    # session §3.2: the hash covers who asks, from where, and the state of the
    # browser; the salt rides along so that the iframe can compute it again.
    return f"{_sha256(client_id, origin, browser_state, salt)}.{salt}"


def _sha256(*parts: str) -> str:
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()
