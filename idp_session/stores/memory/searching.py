"""How sessions are found."""

from __future__ import annotations

from datetime import datetime
from operator import attrgetter

from ...models import Participant
from ...models import Position
from ...models import ServerSideSession
from ...models import SessionFilter
from .tables import Tables

__all__ = ["beside", "expired", "live", "matching", "of_subject", "page"]


def of_subject(tables: Tables, subject_id: str) -> tuple[ServerSideSession, ...]:
    """The sessions of a subject, oldest first.

    :param tables: What there is.
    :param subject_id: Whose sessions.
    """
    found = [s for s in tables.sessions.values() if s.subject_id == subject_id]

    return tuple(sorted(found, key=attrgetter("created_at", "session_id")))


def expired(
    tables: Tables, now: datetime, *, limit: int
) -> tuple[ServerSideSession, ...]:
    """Sessions that have expired, the longest expired first.

    :param tables: What there is.
    :param now: The instant to compare with.
    :param limit: How many at the most.
    """
    found = [s for s in tables.sessions.values() if s.expires_at <= now]

    return tuple(sorted(found, key=attrgetter("expires_at", "session_id"))[:limit])


def live(
    tables: Tables, subject_id: str | None, now: datetime
) -> list[ServerSideSession]:
    """The sessions of a subject that have not expired; none for nobody.

    :param tables: What there is.
    :param subject_id: Whose sessions.
    :param now: The instant to compare with.
    """
    if subject_id is None:
        return []

    return [s for s in of_subject(tables, subject_id) if s.expires_at > now]


def beside(tables: Tables, participant: Participant) -> list[ServerSideSession]:
    """The other live sessions of the same subject with the same client.

    :param tables: What there is.
    :param participant: Who is about to join.
    """
    session = tables.find(participant.session_id)

    if session is None:
        return []

    return [
        other
        for other in live(tables, session.subject_id, participant.joined_at)
        if other is not session
        and participant.client_id in tables.participants[other.session_id]
    ]


def matching(tables: Tables, wanted: SessionFilter) -> list[ServerSideSession]:
    """All sessions that match, in no order.

    :param tables: What there is.
    :param wanted: What to look for.
    """
    return [s for s in tables.sessions.values() if _matches(tables, s, wanted)]


def page(
    found: list[ServerSideSession],
    *,
    limit: int,
    after: Position | None,
    backwards: bool,
) -> tuple[ServerSideSession, ...]:
    """So many of the sessions that come after a place, newest first.

    :param found: The sessions.
    :param limit: How many at the most.
    :param after: The place; ``None`` means the beginning.
    :param backwards: Whether to go towards the newer ones.
    """
    ordered = sorted(found, key=_position, reverse=not backwards)

    if after is not None:
        ordered = [s for s in ordered if _is_beyond(s, after, backwards=backwards)]

    chosen = ordered[:limit]

    return tuple(reversed(chosen)) if backwards else tuple(chosen)


def _matches(tables: Tables, session: ServerSideSession, wanted: SessionFilter) -> bool:
    name, beginning = session.display_name, wanted.display_name
    after, before = wanted.created_after, wanted.created_before
    clients = tables.participants[session.session_id]
    attributes = tables.attributes[session.session_id].items()

    return (
        wanted.anonymous in {None, session.subject_id is None}
        and (wanted.attribute is None or wanted.attribute in attributes)
        and wanted.subject_id in {None, session.subject_id}
        and wanted.session_id in {None, session.session_id}
        and (wanted.client_id is None or wanted.client_id in clients)
        and (beginning is None or (name or "").startswith(beginning))
        and (after is None or session.created_at >= after)
        and (before is None or session.created_at < before)
    )


def _position(session: ServerSideSession) -> Position:
    return Position(created_at=session.created_at, session_id=session.session_id)


def _is_beyond(session: ServerSideSession, place: Position, *, backwards: bool) -> bool:
    here = _position(session)

    return here > place if backwards else here < place
