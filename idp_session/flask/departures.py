"""The page of a client that has left, for pages of the host's own."""

from __future__ import annotations

from flask import Response
from flask import url_for

from ..models import Departure
from .blueprints import protocol_endpoint
from .logout_in_progress import logout_cookie
from .logout_in_progress import LogoutInProgress
from .logout_in_progress import page_ends_at
from .onward import go_on

__all__ = ["to_departure_page"]


def to_departure_page(departure: Departure) -> Response:
    """Send the browser to the page that tells one client in a frame.

    :param departure: What has left; one client.
    :raises ValueError: If it is not one.
    """
    if len(departure.client_ids) != 1:
        raise ValueError("the page is for one client that has left")

    progress = LogoutInProgress(
        session_id=departure.session_id,
        until=page_ends_at(),
        client_id=departure.client_ids[0],
        is_departure=True,
    )
    response = go_on(url_for(protocol_endpoint("end_session_callback")))
    value = progress.sealed()

    if value is not None:
        logout_cookie().set_on(response, value)

    return response
