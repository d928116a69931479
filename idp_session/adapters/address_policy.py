"""Which addresses logout tokens may be sent to."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from collections.abc import Sequence
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from ipaddress import IPv6Address
from ipaddress import IPv6Network
from urllib.parse import SplitResult
from urllib.parse import urlsplit

from ..errors import ConfigurationError
from ..models import SendFailure

__all__ = ["AddressPolicy"]

# The lists are our own because those of the standard library differ from one
# release of Python to the next. Source: IANA special-purpose address registries.
_SPECIAL_IPV4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network, unspecified
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's own services, on a public-looking address
        "169.254.0.0/16",  # link-local, among them cloud metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_GLOBAL_IPV6 = IPv6Network("2000::/3")
_SPECIAL_IPV6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, among them Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)
# RFC 6052 §2.1: the last 32 bits are the IPv4 address behind the translator. The
# prefix for local use, 64:ff9b:1::/48, is not reachable globally.
_TRANSLATED = IPv6Network("64:ff9b::/96")

_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network


class AddressPolicy:
    """Keeps logout tokens, and requests in our name, away from inner networks.

    Only addresses that the whole internet can reach are permitted, and those in
    the networks that the host has named.

    :param allow_http: Whether plain http is permitted.
    :param allowed_networks: Networks that are permitted although they are not
        public, as CIDR.
    :raises ConfigurationError: If one of them is not a network.
    """

    def __init__(self, *, allow_http: bool, allowed_networks: Sequence[str]) -> None:
        self._allow_http = allow_http
        self._allowed = tuple(_network(network) for network in allowed_networks)

    def check_uri(self, uri: str) -> SendFailure | None:
        """What speaks against requesting a URI; its address is checked later.

        :param uri: An absolute http or https URI.
        :returns: ``None`` if nothing does; ``ADDRESS_REFUSED`` for plain http
            that is not allowed; otherwise ``INVALID_URI``.
        """
        parts = _split(uri)

        if parts is None or parts.scheme not in {"http", "https"}:
            return SendFailure.INVALID_URI

        if parts.scheme == "http" and not self._allow_http:
            return SendFailure.ADDRESS_REFUSED

        return None

    def permits(self, address: str) -> bool:
        """Whether a connection to an address is permitted.

        An IPv6 address that carries an IPv4 address is judged by that as well.

        :param address: A numeric address; anything else is not permitted, and
            neither is an address with a zone.
        """
        if "%" in address:
            return False

        try:
            parsed = _unmapped(ipaddress.ip_address(address))
        except ValueError:
            return False

        return _in_any(parsed, self._allowed) or _is_public(parsed)


def _network(text: str) -> _Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ConfigurationError(
            "IDP_SESSION_DELIVERY_ALLOWED_NETWORKS must be networks as CIDR,"
            f" but {error}"
        ) from error


def _split(uri: str) -> SplitResult | None:
    # A backslash or a space is read differently from one parser to the next.
    if "\\" in uri or not all(c.isprintable() and not c.isspace() for c in uri):
        return None

    try:
        parts = urlsplit(uri)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None

    return parts if usable and "@" not in parts.netloc else None


def _unmapped(address: _Address) -> _Address:
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped

    return address


def _in_any(address: _Address, networks: Iterable[_Network]) -> bool:
    return any(address in network for network in networks)


def _is_public(address: _Address) -> bool:
    if isinstance(address, IPv4Address):
        return not _in_any(address, _SPECIAL_IPV4)

    if address in _TRANSLATED:
        return _is_public(IPv4Address(address.packed[-4:]))

    return address in _GLOBAL_IPV6 and not _in_any(address, _SPECIAL_IPV6)
