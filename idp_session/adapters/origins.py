"""Where the pages of clients are."""

from __future__ import annotations

from collections.abc import Iterator

from .._protocol.uris import origin_of
from ..models import Client

__all__ = ["origins_of"]


def origins_of(client: Client) -> frozenset[str]:
    """The origins of a client's redirect URIs, as browsers send them.

    They are for a :class:`.ClientOrigins` that keeps them beside the client. What
    has no origin, such as a native app's own scheme, is left out.

    :param client: The client.
    """
    return frozenset(_origins(client))


def _origins(client: Client) -> Iterator[str]:
    for uri in client.redirect_uris:
        try:
            yield origin_of(uri)
        except ValueError:
            continue
