"""What people are told of each application when they have signed out."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from .._protocol import front_channel
from .._protocol.session_management import origin_of
from ..models import Client
from ..models import ClientLogout
from ..models import Delivery
from ..models import LogoutOutcome
from ..models import LogoutResult
from ..models.logout_results import latest_by_client
from ..services.logout_tokens import is_wanted
from .catalogs import message
from .state import app_state

__all__ = ["WORDS", "Application", "ApplicationState", "applications_of"]


class ApplicationState(enum.StrEnum):
    """How the sign-out looks at an application to the person who signs out."""

    #: It has confirmed by the back channel.
    SIGNED_OUT = "signed-out"
    #: The browser loads its frame, and it has not said a word. Nobody knows whether
    #: it has noticed.
    ASKED = "asked"
    #: Its frame has said that it knows of no session in this browser.
    NO_SESSION = "no-session"
    #: Its frame has not loaded in time.
    NOT_REACHED = "not-reached"
    #: It has not confirmed, and is tried again.
    WAITING = "waiting"
    #: It was given up.
    NOT_TOLD = "not-told"


#: The states in words for people, to be translated; a page may have to say any of
#: them.
WORDS = {
    ApplicationState.SIGNED_OUT: message("signed out"),
    ApplicationState.ASKED: message("asked in this browser; has not confirmed"),
    ApplicationState.NO_SESSION: message(
        "saw no sign-in of yours on this page; if you have one, sign out there"
    ),
    ApplicationState.NOT_REACHED: message(
        "could not be reached in this browser; sign out there, or close it"
    ),
    ApplicationState.WAITING: message("not reached yet; we keep trying"),
    ApplicationState.NOT_TOLD: message(
        "could not be told; sign out there, or close your browser"
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    """One client of a session that has ended, as a page shows it."""

    #: Tells it from the others.
    key: str
    #: What people call it.
    name: str
    #: What the browser loads to tell it, if it wants that.
    frame_uri: str | None
    #: Whether it is or was told by the back channel.
    has_back_channel: bool
    #: What has come of that.
    outcome: LogoutOutcome

    @property
    def reachable(self) -> bool:
        """Whether it can be told at all."""
        return self.has_back_channel or self.frame_uri is not None

    @property
    def confirmed(self) -> bool:
        """Whether it has confirmed by the back channel."""
        return self.outcome is LogoutOutcome.CONFIRMED

    @property
    def may_change(self) -> bool:
        """Whether something else may have to be said of it later."""
        return self.has_back_channel and self.outcome is LogoutOutcome.PENDING

    @property
    def state(self) -> ApplicationState:
        """How the sign-out looks at it."""
        if self.confirmed:
            return ApplicationState.SIGNED_OUT

        if self.frame_uri is not None:
            return ApplicationState.ASKED

        return (
            ApplicationState.WAITING if self.may_change else ApplicationState.NOT_TOLD
        )


def applications_of(
    session_id: str, deliveries: Sequence[Delivery]
) -> tuple[Application, ...]:
    """The applications of a session that has ended, those that nobody can tell too.

    :param session_id: The session.
    :param deliveries: What is or was owed to them.
    """
    latest = latest_by_client(deliveries)
    clients = {each.client_id: _client(each.client_id) for each in latest}
    result = LogoutResult.of(
        session_id, latest, label=lambda client_id: clients[client_id].label
    )

    return tuple(
        _application(clients[delivery.client_id], delivery, logout)
        for delivery, logout in zip(latest, result.clients, strict=True)
    )


def _client(client_id: str) -> Client:
    return app_state().clients.get(client_id) or Client(client_id=client_id)


def _application(
    client: Client, delivery: Delivery, logout: ClientLogout
) -> Application:
    # It may not want to hear of this reason, which is known before its turn comes.
    is_skipped = logout.outcome is LogoutOutcome.SKIPPED or (
        logout.outcome is LogoutOutcome.PENDING
        and not is_wanted(delivery, client, app_state().options)
    )

    return Application(
        # A page must not fail because of one client's half of a character.
        key=client.client_id.encode(errors="replace").decode(),
        name=logout.label,
        frame_uri=_frame_uri(client, delivery),
        has_back_channel=bool(client.back_channel_logout_uri) and not is_skipped,
        outcome=logout.outcome,
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
