"""The page at the end of a logout, and what it says of each application."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response

from .._protocol import front_channel
from .._protocol.session_management import origin_of
from ..models import Client
from ..models import Delivery
from ..models import DeliveryState
from .pages import page
from .state import app_state

__all__ = ["needs_browser", "signed_out_page"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Application:
    """What the logout page says of one client."""

    name: str
    #: What the browser loads to tell it, if it wants that.
    frame_uri: str | None
    #: Whether it can be told at all.
    reachable: bool
    #: Whether it has confirmed by the back channel.
    confirmed: bool


def needs_browser(deliveries: Sequence[Delivery]) -> bool:
    """Whether some client has to be told in a frame (Front-Channel Logout 1.0 §2).

    :param deliveries: What is owed for the session that has ended.
    """
    return any(_application(delivery).frame_uri for delivery in deliveries)


def signed_out_page(
    deliveries: Sequence[Delivery], redirect_uri: str | None
) -> Response:
    """The page that tells every application, and then goes on or says good-bye.

    :param deliveries: What is owed for the session that has ended.
    :param redirect_uri: Where to go on to; has been validated.
    """
    applications = tuple(map(_application, deliveries))
    reachable = [application for application in applications if application.reachable]
    frames = [application for application in reachable if application.frame_uri]
    wait = app_state().options.front_channel_wait.total_seconds()

    return page(
        "signed_out.html",
        frame_origins=[origin_of(frame.frame_uri or "") for frame in frames],
        applications=reachable,
        confirmed=sum(application.confirmed for application in reachable),
        frames=frames,
        wait_milliseconds=round(wait * 1000),
        redirect_uri=redirect_uri,
    )


def _application(delivery: Delivery) -> _Application:
    client = app_state().clients.get(delivery.client_id)
    client = client or Client(client_id=delivery.client_id)
    frame_uri = _frame_uri(client, delivery)

    return _Application(
        name=client.label,
        frame_uri=frame_uri,
        reachable=bool(frame_uri or client.back_channel_logout_uri),
        confirmed=delivery.state is DeliveryState.DELIVERED,
    )


def _frame_uri(client: Client, delivery: Delivery) -> str | None:
    uri = client.front_channel_logout_uri

    if uri is None:
        return None

    try:
        origin_of(uri)
    except ValueError:
        # A registry of the host's may hold what check_logout_metadata refuses.
        return None

    return front_channel.logout_uri(uri, iss=delivery.issuer, sid=delivery.session_id)
