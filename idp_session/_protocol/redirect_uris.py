"""Where authorization codes may be sent (OpenID Connect Core §3.1.2.1, RFC 8252)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..errors import InvalidClientMetadataError
from ..errors import InvalidRedirectUriError
from .uris import check_absolute_uri
from .uris import is_public
from .uris import origin_of

__all__ = ["check_registration"]

_MEMBER = "redirect_uris"


def check_registration(
    metadata: Mapping[str, Any], *, allow_http: bool = False
) -> None:
    """Refuse redirect URIs that a code must not be sent to.

    :param metadata: What a client registers.
    :param allow_http: Whether a client that keeps a secret may use http anywhere.
    :raises InvalidRedirectUriError: If there are none, or one of them is not absolute,
        has a fragment, runs code, names a user, is http where it may not be, or has a
        scheme of its own without a dot.
    """
    uris = metadata.get(_MEMBER)

    if not isinstance(uris, list | tuple) or not uris:
        raise InvalidRedirectUriError(_MEMBER, "must be a list of absolute URIs")

    for uri in uris:
        _check(uri, allow_http=allow_http and not is_public(metadata))


def _check(uri: Any, *, allow_http: bool) -> None:
    try:
        scheme = check_absolute_uri(uri, member=_MEMBER)
    except InvalidClientMetadataError as error:
        description = error.description.removeprefix(f"{_MEMBER}: ")
        raise InvalidRedirectUriError(_MEMBER, description) from error

    if scheme == "https":
        return

    if scheme == "http":
        # RFC 8252 §7.3: what stays on the machine needs no TLS.
        if not allow_http and not _is_loopback(uri):
            raise InvalidRedirectUriError(
                _MEMBER, "must be https unless it is on the loopback interface"
            )
    elif "." not in scheme:
        # RFC 8252 §7.1: a domain of one's own, backwards, is nobody else's scheme.
        raise InvalidRedirectUriError(
            _MEMBER, "must have a dot in a scheme of its own, as com.example.app"
        )


def _is_loopback(uri: str) -> bool:
    host = urlsplit(origin_of(uri)).hostname or ""

    # RFC 6761 §6.3: names below localhost stay on the machine, too.
    if host == "localhost" or host.endswith(".localhost"):
        return True

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
