"""The devices of whoever is signed in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...models import ServerSideSession
from ...models import SessionFilter
from ...models import SessionPage
from ..languages import texts_for
from ..sealing import opened
from ..sealing import Purpose
from ..sealing import sealed
from ..state import app_state
from ..state import request_state
from . import words
from .words import Moment

__all__ = ["Device", "DeviceList", "device_of", "devices", "own", "own_session"]

_PER_PAGE = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """What the page says of one session."""

    #: Names it in addresses of this session.
    reference: str
    #: Its browser and system in words.
    name: str
    #: Whether the page is looked at in it.
    is_this: bool
    #: When it was last renewed; it may have been used since.
    used: Moment
    #: When somebody signed in there first.
    signed_in: Moment
    #: Its address, or the network that it is in, if that was kept.
    ip_address: str | None
    #: What the applications are called that are used there.
    applications: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceList:
    """A page of the list."""

    #: This device first, if it is the first page, and the others newest first.
    devices: tuple[Device, ...]
    #: Whether there are others than this one, on whatever page.
    has_others: bool
    #: Lead to the next and the previous page.
    next: str | None
    previous: str | None


def own(session_id: str | None = None) -> SessionFilter:
    """The sessions of whoever is signed in, and nobody else's.

    :param session_id: Only this one, if it is theirs.
    :raises RuntimeError: If nobody is signed in.
    """
    user = request_state().user_session.user

    if user is None:
        raise RuntimeError("nobody is signed in")

    return SessionFilter(subject_id=user.subject_id, session_id=session_id)


def own_session(reference: str) -> ServerSideSession | None:
    """The session that a page has named, if it lives and is the user's own.

    :param reference: As it came.
    """
    session_id = opened(reference, Purpose.REFERENCE)

    if session_id is None:
        return None

    return next(_live(app_state().management.query(own(session_id), limit=1)), None)


def devices(cursor: str | None) -> DeviceList | None:
    """A page of the list; ``None`` if there is no such page.

    :param cursor: ``next`` or ``previous`` of another page, as it came.
    """
    place = None if cursor is None else opened(cursor, Purpose.CURSOR)

    if cursor is not None and place is None:
        return None

    page = app_state().management.query(own(), limit=_PER_PAGE, cursor=place)
    current = request_state().user_session.session_id
    others = [each for each in _live(page) if each.session_id != current]
    this = own(current) if page.previous is None else None
    first = _live(app_state().management.query(this, limit=1)) if this else ()

    return DeviceList(
        devices=tuple(device_of(each) for each in (*first, *others)),
        has_others=bool(others or page.next or page.previous),
        next=page.next and sealed(page.next, Purpose.CURSOR),
        previous=page.previous and sealed(page.previous, Purpose.CURSOR),
    )


def device_of(session: ServerSideSession) -> Device:
    """What to say of a session.

    :param session: One of the user's own.
    """
    app = app_state()
    now = app.clock.now()
    texts = texts_for()
    is_this = session.session_id == request_state().user_session.session_id
    joined = app.store.participants(session.session_id)
    clients = [(each.client_id, app.clients.get(each.client_id)) for each in joined]

    return Device(
        reference=sealed(session.session_id, Purpose.REFERENCE),
        name=words.device_name(session.user_agent, texts),
        is_this=is_this,
        used=words.active_within(now if is_this else session.renewed_at, now, texts),
        signed_in=words.ago(session.created_at, now, texts),
        ip_address=session.ip_address,
        # A client that was removed meanwhile has no name any more.
        applications=tuple(client.label if client else id_ for id_, client in clients),
    )


def _live(page: SessionPage) -> Iterator[ServerSideSession]:
    # Those that have expired, and that nobody has noticed yet, are devices no more.
    now = app_state().clock.now()

    return (each for each in page.sessions if each.expires_at > now)
