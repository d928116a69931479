"""Looks at the addresses of clients, and at whether they can be told of logouts."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from urllib.parse import urlsplit

from ..._protocol.uris import origin_of
from ...adapters.address_policy import AddressPolicy
from ...errors import ConfigurationError
from ...errors import LogoutTokenError
from ...models import Client
from ...models import SendFailure
from ...ports import ClientDirectory
from ...ports import ClientStore
from ..defaults import address_policy
from .cookies import is_loopback
from .findings import error
from .findings import Examined
from .findings import Finding
from .findings import ok
from .findings import warning

__all__ = ["check_client", "listed_clients"]

# That of no token that anybody takes.
_NO_TYPE = "check+jwt"


def listed_clients(clients: ClientStore) -> Iterable[Client] | None:
    """All clients; ``None`` if whoever knows them does not list them.

    :param clients: A :class:`.ClientDirectory`, a mapping, or something else.
    """
    if isinstance(clients, ClientDirectory):
        return clients.all_clients()

    return clients.values() if isinstance(clients, Mapping) else None


def check_client(examined: Examined, client: Client) -> Iterator[Finding]:
    """Whether a client can be told of logouts.

    :param examined: What is looked at.
    :param client: Which.
    """
    found = [
        *_back_channel_findings(examined, client),
        *_front_channel_findings(examined, client),
        *_redirect_findings(client),
    ]

    yield from found or [ok(_about(client), "Its addresses are usable.")]


def _about(client: Client) -> str:
    return f"client {client.client_id}"


def _back_channel_findings(examined: Examined, client: Client) -> Iterator[Finding]:
    uri = client.back_channel_logout_uri

    if not uri:
        if not client.front_channel_logout_uri:
            yield warning(
                _about(client),
                "It has no logout URI, so it is told of logouts in no way.",
                "Register a back-channel logout URI, if it keeps sessions of its own.",
            )
        return

    yield from _address_findings(examined, client, uri)

    try:
        # Never sent; it shows whether there is a key, and so no client needs it.
        examined.state.signer.sign({}, client=client, token_type=_NO_TYPE)
    except (LogoutTokenError, ConfigurationError) as problem:
        yield error(
            _about(client),
            f"No logout token can be signed for it: {problem}.",
            "Have its algorithm be one that there is a key for, or its secret known.",
        )


def _address_findings(
    examined: Examined, client: Client, uri: str
) -> Iterator[Finding]:
    policy = address_policy(examined.state.options, is_logged=False)
    refusal = policy.check_uri(uri)

    if refusal is SendFailure.INVALID_URI:
        yield error(
            _about(client),
            "Its back-channel logout URI cannot be requested.",
            "Register an https URI with a host and without a user name.",
        )
    elif refusal is not None:
        yield error(
            _about(client),
            "Its back-channel logout URI is plain http or has a port that is refused.",
            "Register an https URI with port 443 or one from 1024 on; or see "
            "IDP_SESSION_DELIVERY_ALLOW_HTTP and IDP_SESSION_DELIVERY_ALLOWED_PORTS.",
        )
    elif not examined.offline:
        yield from _name_findings(client, uri, policy)


def _name_findings(
    client: Client, uri: str, policy: AddressPolicy
) -> Iterator[Finding]:
    host = urlsplit(uri).hostname or ""
    addresses = _addresses(host)
    permitted = [each for each in addresses if policy.permits(each, host=host)]

    if not addresses:
        yield warning(
            _about(client),
            f"{host} has no address, as seen from this machine.",
            "Correct its back-channel logout URI, or the name server.",
        )
    elif not permitted:
        yield error(
            _about(client),
            f"Logout tokens to {host} are refused: {', '.join(addresses)} is not "
            "public.",
            "If it is meant to be reached, name it in "
            "IDP_SESSION_DELIVERY_ALLOWED_HOSTS, or its network in "
            "IDP_SESSION_DELIVERY_ALLOWED_NETWORKS.",
        )


def _addresses(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        return []

    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _front_channel_findings(examined: Examined, client: Client) -> Iterator[Finding]:
    uri = client.front_channel_logout_uri

    if not uri:
        return

    origins = {_origin(each) for each in client.redirect_uris} - {None}
    origin = _origin(uri)

    if origin is None:
        yield error(
            _about(client),
            "Its front-channel logout URI is no http or https URI with a host.",
            "Register another one.",
        )
        return

    # frontchannel §2: scheme, host and port of a registered redirect URI.
    if origins and origin not in origins:
        yield error(
            _about(client),
            f"Its front-channel logout URI is at {origin}, where none of its redirect "
            "URIs is.",
            "Register one with the scheme, host and port of a redirect URI.",
        )

    if _is_mixed(examined, uri):
        yield error(
            _about(client),
            "Its front-channel logout URI is plain http, which browsers do not load in "
            "a page that came by https.",
            "Register an https URI.",
        )


def _is_mixed(examined: Examined, uri: str) -> bool:
    return (
        examined.state.options.secure_transport
        and urlsplit(uri).scheme == "http"
        and not is_loopback(uri)
    )


def _redirect_findings(client: Client) -> Iterator[Finding]:
    for uri in client.post_logout_redirect_uris:
        if uri.startswith("http:") and not is_loopback(uri):
            yield warning(
                _about(client),
                f"Its post-logout redirect URI {uri} is plain http.",
                "Register an https URI.",
            )


def _origin(uri: str) -> str | None:
    try:
        return origin_of(uri)
    except ValueError:
        return None
