"""What the logout specifications ask of registered URIs (RFC 3986, RFC 6454)."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from urllib.parse import urlencode
from urllib.parse import urlsplit
from urllib.parse import urlunsplit

from ..errors import InvalidClientMetadataError

__all__ = [
    "check_absolute_uri",
    "check_flag",
    "check_uri",
    "check_web_uri",
    "is_dangerous",
    "is_public",
    "origin_of",
    "with_query",
]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HIGHEST_PORT = 65535

# urlsplit drops or tolerates these silently; browsers turn "\" into "/".
_MISLEADING = re.compile(r"[\x00-\x20\x7f\\]")

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

# RFC 3986 §2: the characters of a URI, with whole percent-encodings only.
_URI = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:"
    r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*"
)
_AUTHORITY = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:@%]+)(?::(?P<port>[0-9]*))?"
)
_HOST_NAME = re.compile(r"[a-z0-9_.-]+")
_DOTS = re.compile("[.\u3002\uff0e\uff61]")

# Browsers take a name for an IPv4 address if its last label is a number.
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")

# Case folding would change these two, browsers do not (UTS 46 §4).
_KEPT = "ßς"

_DANGEROUS_SCHEMES = frozenset(
    {"about", "blob", "data", "file", "filesystem", "javascript", "vbscript"}
)


def origin_of(uri: str) -> str:
    """The origin of a URI as a browser reports it in ``event.origin`` (RFC 6454 §6).

    Lower case, without the default port, international names in punycode.

    :param uri: An absolute URI.
    :raises ValueError: If the URI has no such origin, as that of a native app.
    """
    if _MISLEADING.search(uri):
        raise ValueError("a URI has neither spaces nor control characters")

    parts = urlsplit(uri)
    authority = _AUTHORITY.fullmatch(parts.netloc.rpartition("@")[2])

    if parts.scheme not in _DEFAULT_PORTS or authority is None:
        raise ValueError("only http and https URIs with a host have an origin")

    host = _host(authority["host"])
    port = int(authority["port"] or _DEFAULT_PORTS[parts.scheme])

    if port > _HIGHEST_PORT:
        raise ValueError(f"a port is at most {_HIGHEST_PORT}")

    if port != _DEFAULT_PORTS[parts.scheme]:
        host = f"{host}:{port}"

    return urlunsplit((parts.scheme, host, "", "", ""))


def with_query(uri: str, parameters: Mapping[str, str]) -> str:
    """The URI with parameters added at the end of its query.

    What was there stays as it is, byte for byte; a fragment stays last. A space
    is written as ``%20``, which every decoder understands.

    :param uri: The URI.
    :param parameters: What to add.
    """
    address, hash_mark, fragment = uri.partition("#")
    path, _, query = address.partition("?")
    joint = "" if not query or query.endswith("&") else "&"
    added = urlencode(parameters, quote_via=quote, safe="")

    return "".join((path, "?", query, joint, added, hash_mark, fragment))


def check_flag(metadata: Mapping[str, Any], member: str) -> None:
    """Refuse a member that is there and is not a JSON boolean.

    :param metadata: What a client registers.
    :param member: The name of the member.
    :raises InvalidClientMetadataError: If the value is refused.
    """
    if not isinstance(metadata.get(member, False), bool):
        raise InvalidClientMetadataError(member, "must be true or false")


def check_absolute_uri(uri: object, *, member: str) -> str:
    """Refuse what is not an absolute URI that a browser may be sent to.

    Any scheme will do that does not run code or open files. With http and https
    there is a host and nobody's name or password.

    :param uri: The value to check.
    :param member: The member that it belongs to.
    :returns: The scheme of the URI, in lower case.
    :raises InvalidClientMetadataError: If the value is refused.
    """
    if not isinstance(uri, str) or not _URI.fullmatch(uri):
        raise InvalidClientMetadataError(member, "must be an absolute URI")

    if "#" in uri:
        raise InvalidClientMetadataError(member, "must not have a fragment")

    scheme = uri.partition(":")[0].lower()

    if scheme in _DANGEROUS_SCHEMES:
        raise InvalidClientMetadataError(member, f"must not be a {scheme} URI")

    if scheme in _DEFAULT_PORTS:
        _check_host(uri, member)

    return scheme


def check_uri(uri: object, *, member: str, metadata: Mapping[str, Any]) -> str:
    """Refuse what :func:`check_absolute_uri` refuses, and http where it may not be.

    http is only for clients that can keep a secret. The specifications make no
    exception for the loopback interface here, as there is one for redirect URIs.

    :param uri: The value to check.
    :param member: The member that it belongs to.
    :param metadata: What the client registers.
    :returns: The scheme of the URI, in lower case.
    :raises InvalidClientMetadataError: If the value is refused.
    """
    scheme = check_absolute_uri(uri, member=member)

    if scheme == "http" and is_public(metadata):
        raise InvalidClientMetadataError(
            member, "must be https for a client without a secret"
        )

    return scheme


def check_web_uri(metadata: Mapping[str, Any], member: str) -> None:
    """Refuse a member that is there and is not an http or https URI.

    :param metadata: What a client registers.
    :param member: The name of the member.
    :raises InvalidClientMetadataError: As :func:`check_uri`, or if the scheme
        is another one.
    """
    if member not in metadata:
        return

    if check_uri(metadata[member], member=member, metadata=metadata) not in (
        _DEFAULT_PORTS
    ):
        raise InvalidClientMetadataError(member, "must be an https URI")


def is_dangerous(uri: str) -> bool:
    """Whether a URI would run code, open a file, or begin a line of a header.

    For registries of hosts, which may hold what :func:`check_absolute_uri` refuses.

    :param uri: The URI, as it was registered.
    """
    # Browsers skip blanks in front, and some control characters anywhere.
    scheme = uri.lstrip(" ").partition(":")[0].lower()

    return bool(_CONTROL.search(uri)) or scheme in _DANGEROUS_SCHEMES


def is_public(metadata: Mapping[str, Any]) -> bool:
    """Whether a client has no secret.

    :param metadata: What it registers.
    """
    # registration §2: the default is client_secret_basic.
    return metadata.get("token_endpoint_auth_method") == "none"


def _check_host(uri: str, member: str) -> None:
    try:
        origin_of(uri)
        has_user = "@" in urlsplit(uri).netloc
    except ValueError as error:
        raise InvalidClientMetadataError(member, "must name a usable host") from error

    if has_user:
        raise InvalidClientMetadataError(member, "must not name a user")


def _host(host: str) -> str:
    if host.startswith("["):
        return f"[{ipaddress.IPv6Address(host[1:-1])}]"

    name = ".".join(_label(label) for label in _DOTS.split(host))

    # Also keeps marks such as ";" out of policies that are made of origins.
    if not _HOST_NAME.fullmatch(name):
        raise ValueError("a host name consists of letters, digits, dots and hyphens")

    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        return str(ipaddress.IPv4Address(name))

    return name


def _label(label: str) -> str:
    composed = unicodedata.normalize("NFKC", label)
    folded = "".join(c if c in _KEPT else c.casefold() for c in composed)
    mapped = unicodedata.normalize("NFKC", folded)

    if mapped.isascii():
        return mapped

    return "xn--" + mapped.encode("punycode").decode("ascii")
