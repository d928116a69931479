"""Where a page leads whoever has nowhere else to go."""

from __future__ import annotations

from dataclasses import dataclass

from .._protocol.session_management import origin_of
from ..models import Client

__all__ = ["WayBack", "way_back"]


@dataclass(frozen=True, kw_only=True, slots=True)
class WayBack:
    """A link to an application, for people to follow or not."""

    #: The home page of the application, as it is registered.
    uri: str
    #: What people call the application.
    name: str


def way_back(client: Client | None) -> WayBack | None:
    """The way back to a client, ``None`` if it has no home page.

    :param client: The client that a request names. It need not have proved that it
        asks: its own registered page is shown as a link, and nobody is sent there.
    """
    if client is None or client.client_uri is None:
        return None

    try:
        origin_of(client.client_uri)
    except ValueError:
        # A registry of the host's may hold a script, or an app's own scheme.
        return None

    return WayBack(uri=client.client_uri, name=client.label)
