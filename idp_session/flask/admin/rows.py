"""What the pages say of sessions, of who takes part, and of deliveries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ...models import Delivery
from ...models import DeliveryState
from ...models import Participant
from ...models import ServerSideSession
from ..devices import words
from ..devices.words import Moment
from ..languages import texts_for
from ..state import app_state
from ..state import request_state
from .access import confirmation

__all__ = [
    "DeliveryRow",
    "ParticipantRow",
    "SessionRow",
    "delivery_rows",
    "participant_rows",
    "session_row",
]

_GIVEN_UP = {DeliveryState.EXPIRED, DeliveryState.FAILED, DeliveryState.REFUSED}


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionRow:
    """A session, without what nobody has to see."""

    #: Its public id.
    session_id: str
    #: Who is signed in.
    subject_id: str | None
    #: What they are called.
    display_name: str | None
    #: Its browser and system in words.
    device: str
    #: Its address, or the network that it is in, if that was kept.
    ip_address: str | None
    #: When it began.
    began: Moment
    #: When the user last proved who they are.
    authenticated: Moment
    #: When it was last renewed; it may have been used since.
    used: Moment
    #: When it ends unless it is renewed.
    expires_at: datetime
    #: When it ends, used or not.
    absolute_expires_at: datetime
    #: Whether it has expired, and nobody has noticed yet.
    has_expired: bool
    #: Whether it is the one in which the page is looked at.
    is_own: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ParticipantRow:
    """A client that takes part in a session."""

    #: What it is called.
    name: str
    #: Its id, the issuer and the ``sub`` that it knows.
    client_id: str
    issuer: str
    subject: str
    #: When it joined.
    joined: Moment


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryRow:
    """A logout notification."""

    #: The delivery.
    delivery: Delivery
    #: What its client is called.
    client_name: str
    #: When the session ended.
    owed: Moment
    #: How often it was sent.
    attempts: int
    #: Lets a form have it tried again, if it was given up.
    confirmation: str | None


def session_row(session: ServerSideSession) -> SessionRow:
    """What to say of a session.

    :param session: Which.
    """
    now, texts = app_state().clock.now(), texts_for()

    return SessionRow(
        session_id=session.session_id,
        subject_id=session.subject_id,
        display_name=session.display_name,
        device=words.device_name(session.user_agent, texts),
        ip_address=session.ip_address,
        began=words.ago(session.created_at, now, texts),
        authenticated=words.ago(session.authenticated_at, now, texts),
        used=words.active_within(session.renewed_at, now, texts),
        expires_at=session.expires_at,
        absolute_expires_at=session.absolute_expires_at,
        has_expired=session.expires_at <= now,
        is_own=session.session_id == request_state().user_session.session_id,
    )


def participant_rows(participants: Iterable[Participant]) -> tuple[ParticipantRow, ...]:
    """What to say of those who take part.

    :param participants: Who.
    """
    now, texts = app_state().clock.now(), texts_for()

    return tuple(
        ParticipantRow(
            name=_name(each.client_id),
            client_id=each.client_id,
            issuer=each.issuer,
            subject=each.subject,
            joined=words.ago(each.joined_at, now, texts),
        )
        for each in participants
    )


def delivery_rows(deliveries: Iterable[Delivery]) -> tuple[DeliveryRow, ...]:
    """What to say of deliveries.

    :param deliveries: Which.
    """
    now, texts = app_state().clock.now(), texts_for()

    return tuple(
        DeliveryRow(
            delivery=each,
            client_name=_name(each.client_id),
            owed=words.ago(each.created_at, now, texts),
            attempts=_attempts(each),
            confirmation=_retry_confirmation(each),
        )
        for each in deliveries
    )


def _attempts(delivery: Delivery) -> int:
    # The claim that finds that its time is over sends nothing.
    return delivery.attempts - (delivery.state is DeliveryState.EXPIRED)


def _retry_confirmation(delivery: Delivery) -> str | None:
    if delivery.state not in _GIVEN_UP:
        return None

    return confirmation("retry", delivery.id)


def _name(client_id: str) -> str:
    # A client that was removed meanwhile has no name any more.
    client = app_state().clients.get(client_id)

    return client.label if client else client_id
