"""Which addresses logout tokens may be sent to."""

from __future__ import annotations

import enum
import functools
import ipaddress
import logging
import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import SplitResult
from urllib.parse import urlsplit

from ..errors import ConfigurationError
from ..models import SendFailure
from ._addresses import in_any
from ._addresses import is_inner
from ._addresses import is_public
from ._addresses import Network
from ._addresses import numeric_address

__all__ = ["AddressPolicy"]

_logger = logging.getLogger(__name__)

_DEFAULT_PORTS = {"http": 80, "https": 443}
_FIRST_USER_PORT = 1024
_HOST_PATTERN = re.compile(r"(\*\.)?[^*/:@%\s]+|[0-9a-f:.]+")


# Clients of one process, and their addresses.
_MOST_KNOWN = 4096


class _Kind(enum.Enum):
    #: For everybody.
    OPEN = enum.auto()
    #: For the hosts that were named.
    INNER = enum.auto()
    #: For nobody.
    CLOSED = enum.auto()


class _Fault(NamedTuple):
    """What speaks against a URI."""

    #: The host, as it is logged.
    host: str | None
    #: Why it is refused; ``None`` if it is no URI that can be requested.
    reason: str | None


class AddressPolicy:
    """Keeps logout tokens, and requests in our name, away from inner networks.

    Only addresses that the whole internet can reach are permitted, those in the
    networks that the operator has named, and those inside for hosts that the
    operator has named. What is refused is logged, with the reason.

    :param allow_http: Whether plain http is permitted.
    :param allowed_networks: Networks that are permitted although they are not
        public, as CIDR.
    :param allowed_hosts: Hosts that may have private and loopback addresses:
        ``"crm.intranet.example"``, or ``"*.intranet.example"`` for all names below
        it. Link-local addresses, among them those of cloud metadata, remain for
        ``allowed_networks``.
    :param allowed_ports: The only ports that are permitted. Without any, those are
        443 and all from 1024 on, which leaves out the well-known services to which
        nobody should be made to talk; with plain http 80 as well.
    :param is_logged: Whether refusals are logged; nothing is sent where they are not.
    :raises ConfigurationError: If one of the networks or hosts is none.
    """

    def __init__(
        self,
        *,
        allow_http: bool,
        allowed_networks: Sequence[str] = (),
        allowed_hosts: Sequence[str] = (),
        allowed_ports: Sequence[int] = (),
        is_logged: bool = True,
    ) -> None:
        self._is_logged = is_logged
        #: Whether plain http is permitted.
        self.allow_http = allow_http
        self._networks = tuple(_network(network) for network in allowed_networks)
        self._hosts = tuple(_pattern(host) for host in allowed_hosts)
        self._ports = frozenset(allowed_ports)
        # Asked several times for each request, and always the same for an address.
        self._kind_of = functools.lru_cache(maxsize=_MOST_KNOWN)(self._find_kind)
        self._fault_of = functools.lru_cache(maxsize=_MOST_KNOWN)(self._find_fault)

    def check_uri(self, uri: str) -> SendFailure | None:
        """What speaks against requesting a URI; its address is checked later.

        :param uri: An absolute http or https URI.
        :returns: ``None`` if nothing does; ``ADDRESS_REFUSED`` for plain http or a
            port that is not allowed; otherwise ``INVALID_URI``.
        """
        fault = self._fault_of(uri)

        if fault is None:
            return None

        if fault.reason is None:
            return SendFailure.INVALID_URI

        return self._refused(fault.host, fault.reason)

    def permits(self, address: str, *, host: str | None = None) -> bool:
        """Whether a connection to an address is permitted.

        An IPv6 address that carries an IPv4 address is judged by that as well.

        :param address: A numeric address; anything else is not permitted, and
            neither is an address with a zone.
        :param host: The host for which it is, as it was looked up.
        """
        kind = self._kind_of(address)

        if kind is _Kind.OPEN or (kind is _Kind.INNER and self._is_named(host)):
            return True

        self._refused(host, f"{address} is neither public nor allowed")

        return False

    def _find_fault(self, uri: str) -> _Fault | None:
        parts = _split(uri)

        if parts is None or parts.scheme not in _DEFAULT_PORTS:
            return _Fault(None, None)

        if parts.scheme == "http" and not self.allow_http:
            return _Fault(parts.hostname, "plain http is not allowed")

        port = parts.port or _DEFAULT_PORTS[parts.scheme]

        if not self._permits_port(port):
            return _Fault(parts.hostname, f"port {port} is not allowed")

        return None

    def _find_kind(self, address: str) -> _Kind:
        parsed = numeric_address(address)

        if parsed is None:
            return _Kind.CLOSED

        if is_public(parsed) or in_any(parsed, self._networks):
            return _Kind.OPEN

        return _Kind.INNER if is_inner(parsed) else _Kind.CLOSED

    def _refused(self, host: str | None, reason: str) -> SendFailure:
        if self._is_logged:
            # The host only: what else a URI has may be confidential.
            _logger.warning("a logout token for %r is refused: %s", host, reason)

        return SendFailure.ADDRESS_REFUSED

    def _permits_port(self, port: int) -> bool:
        if self._ports:
            return port in self._ports

        return (
            port >= _FIRST_USER_PORT
            or port == _DEFAULT_PORTS["https"]
            or (self.allow_http and port == _DEFAULT_PORTS["http"])
        )

    def _is_named(self, host: str | None) -> bool:
        name = _canonical(host or "")

        return any(
            name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern
            for pattern in self._hosts
        )


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ConfigurationError(
            "IDP_SESSION_DELIVERY_ALLOWED_NETWORKS must be networks as CIDR,"
            f" but {error}"
        ) from error


def _pattern(text: str) -> str:
    pattern = _canonical(text)

    if not _HOST_PATTERN.fullmatch(pattern):
        raise ConfigurationError(
            "IDP_SESSION_DELIVERY_ALLOWED_HOSTS must be host names, or *. and a"
            f" domain, but {text!r} is not"
        )

    return pattern


def _canonical(host: str) -> str:
    return host.lower().removesuffix(".")


def _split(uri: str) -> SplitResult | None:
    # A backslash or a space is read differently from one parser to the next.
    if "\\" in uri or not all(c.isprintable() and not c.isspace() for c in uri):
        return None

    try:
        parts = urlsplit(uri)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None

    # So is a percent sign in a host: as a zone, or as a character in disguise.
    return parts if usable and not set("@%") & set(parts.netloc) else None
