"""Which addresses are what."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from ipaddress import IPv6Address
from ipaddress import IPv6Network

__all__ = ["Network", "in_any", "is_inner", "is_public", "numeric_address"]

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

# Where a company's own servers are, and never a cloud's services for its machines.
_INNER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
    )
)
_CLOUD_SERVICES = tuple(
    ipaddress.ip_network(network)
    for network in (
        "100.100.100.200/32",
        "fd00:ec2::/32",
        "fd20:ce::/32",
    )
)

_Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def numeric_address(address: str) -> _Address | None:
    """An address as it counts; one that IPv6 wraps around IPv4 is that of IPv4.

    :param address: As text.
    :returns: ``None`` if it is no address, or has a zone.
    """
    if "%" in address:
        return None

    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None

    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped

    return parsed


def in_any(address: _Address, networks: Iterable[Network]) -> bool:
    """Whether one of the networks has the address."""
    return any(address in network for network in networks)


def is_public(address: _Address) -> bool:
    """Whether the whole internet can reach an address."""
    if isinstance(address, IPv4Address):
        return not in_any(address, _SPECIAL_IPV4)

    if address in _TRANSLATED:
        return is_public(IPv4Address(address.packed[-4:]))

    return address in _GLOBAL_IPV6 and not in_any(address, _SPECIAL_IPV6)


def is_inner(address: _Address) -> bool:
    """Whether an address may be that of a server of one's own."""
    return in_any(address, _INNER) and not in_any(address, _CLOUD_SERVICES)
