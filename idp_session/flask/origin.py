"""From where a request came, as far as the settings let that be kept."""

from __future__ import annotations

import ipaddress

from flask import Request

from ..models import SessionOrigin
from ..options import SessionOptions

__all__ = ["request_origin"]

_LONGEST_USER_AGENT = 512
# What is left of an address says the town and the provider, and not the household.
_SHORTENED = {4: 24, 6: 48}


def request_origin(request: Request, options: SessionOptions) -> SessionOrigin | None:
    """What may be kept of where a request came from.

    :param request: The request. Behind proxies its address is that of the client if
        the host has said which proxies to believe, with Werkzeug's ``ProxyFix``.
    :param options: The settings.
    :returns: ``None`` where sessions are in cookies, which nobody lists.
    """
    if options.tickets == "cookie":
        return None

    return SessionOrigin(
        ip_address=_address(request.remote_addr, options),
        user_agent=_user_agent(request) if options.keep_user_agent else None,
    )


def _address(text: str | None, options: SessionOptions) -> str | None:
    if options.keep_ip_address == "no" or text is None:
        return None

    try:
        # Without the zone, which means something on this machine only.
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        # What a proxy has put there instead of an address, such as "unknown".
        return None

    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped

    if options.keep_ip_address == "full":
        return str(address)

    return str(
        ipaddress.ip_network((address, _SHORTENED[address.version]), strict=False)
    )


def _user_agent(request: Request) -> str | None:
    text = request.headers.get("User-Agent", "")[:_LONGEST_USER_AGENT]
    # Databases refuse some characters, and terminals obey others.
    printable = "".join(each for each in text if each.isprintable())

    return printable or None
