"""OpenID Connect Front-Channel Logout 1.0.

https://openid.net/specs/openid-connect-frontchannel-1_0.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidClientMetadataError
from .uris import check_flag
from .uris import check_web_uri
from .uris import origin_of
from .uris import with_query

__all__ = ["check_registration", "logout_uri"]

_URI = "frontchannel_logout_uri"
_SESSION_REQUIRED = "frontchannel_logout_session_required"


def logout_uri(uri: str, *, iss: str, sid: str) -> str:
    """What a frame of the logout page loads to sign the user out of one client.

    :param uri: The client's registered URI, whose query is kept as it is.
    :param iss: The issuer, as in the client's ID tokens.
    :param sid: The session, as in the client's ID tokens.
    """
    # frontchannel §2: both or neither; a client that asked for none ignores them.
    return with_query(uri, {"iss": iss, "sid": sid})


def check_registration(metadata: Mapping[str, Any]) -> None:
    """Refuse front-channel members that the specification forbids (§2).

    :param metadata: What a client registers, with its ``redirect_uris``.
    :raises InvalidClientMetadataError: If the URI is not http(s), has a fragment
        or shares no redirect URI's origin, if a client without a secret names an
        http URI, or if the flag is not a boolean.
    """
    check_flag(metadata, _SESSION_REQUIRED)
    check_web_uri(metadata, _URI)

    if _URI in metadata and origin_of(metadata[_URI]) not in _redirect_origins(
        metadata
    ):
        raise InvalidClientMetadataError(
            _URI, "must have the scheme, host and port of a registered redirect URI"
        )


def _redirect_origins(metadata: Mapping[str, Any]) -> set[str | None]:
    redirect_uris = metadata.get("redirect_uris")

    if not isinstance(redirect_uris, list | tuple):
        return set()

    return {_origin_or_none(uri) for uri in redirect_uris if isinstance(uri, str)}


def _origin_or_none(uri: str) -> str | None:
    try:
        return origin_of(uri)
    except ValueError:
        return None
