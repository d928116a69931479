"""Which rows a filter means, and in which order they are listed."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from ...models import Position
from ...models import SessionFilter
from . import rows
from .schema import attributes
from .schema import participants
from .schema import sessions

__all__ = ["can_be_in", "matching", "page"]

_LAST_BEFORE_SURROGATES = 0xD7FF
_FIRST_AFTER_SURROGATES = 0xE000
_LAST = 0x10FFFF


def matching(wanted: SessionFilter) -> sa.Select[*tuple[object, ...]]:
    """The sessions that a filter means.

    :param wanted: The filter.
    """
    query = sa.select(*rows.SESSION_COLUMNS).where(*_conditions(wanted))

    # A client takes part once, and a session has an attribute once, so the joins
    # multiply nothing; and the database may begin at either end, since few sessions
    # may be meant or nearly all.
    if wanted.client_id is not None:
        query = query.join(
            participants, participants.c.session_id == sessions.c.session_id
        ).where(_equals(participants.c.client_id, wanted.client_id))

    if wanted.attribute is not None:
        name, value = wanted.attribute
        query = query.join(
            attributes, attributes.c.session_id == sessions.c.session_id
        ).where(
            _equals(attributes.c.name, name),
            _equals(attributes.c.value, value),
        )

    return query


def page(
    query: sa.Select[*tuple[object, ...]],
    *,
    limit: int,
    after: Position | None,
    backwards: bool,
) -> sa.Select[*tuple[object, ...]]:
    """A part of a list, beginning next to a position and leading away from it.

    :param query: The whole list.
    :param limit: How many at the most.
    :param after: The position; ``None`` is the edge of the list.
    :param backwards: Oldest first, towards the newer ones.
    """
    order = (sessions.c.created_at, sessions.c.session_id)

    if after is not None:
        query = query.where(*_beyond(after, backwards=backwards))

    if backwards:
        return query.order_by(*order).limit(limit)

    return query.order_by(*(column.desc() for column in order)).limit(limit)


def can_be_in(column: sa.Column[str], text: str) -> bool:
    """Whether some row can have this text; to ask for another is an error in places.

    PostgreSQL refuses NUL, and nobody can encode half of a surrogate pair.

    :param column: Where it would be.
    :param text: As it came.
    """
    length: int = column.type.length  # type: ignore[attr-defined]  # ours all have one

    try:
        text.encode()
    except UnicodeEncodeError:
        return False

    return "\0" not in text and len(text) <= length


def _conditions(wanted: SessionFilter) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.subject_id is not None:
        yield _equals(sessions.c.subject_id, wanted.subject_id)

    if wanted.session_id is not None:
        yield _equals(sessions.c.session_id, wanted.session_id)

    if wanted.anonymous is not None:
        nobody = sessions.c.subject_id.is_(None)
        yield nobody if wanted.anonymous else sa.not_(nobody)

    if wanted.display_name:
        yield _begins_with(sessions.c.display_name, wanted.display_name)

    if wanted.created_after is not None:
        yield sessions.c.created_at >= wanted.created_after

    if wanted.created_before is not None:
        yield sessions.c.created_at < wanted.created_before


def _equals(column: sa.Column[str], text: str) -> sa.ColumnElement[bool]:
    return column == text if can_be_in(column, text) else sa.false()


def _begins_with(column: sa.Column[str], text: str) -> sa.ColumnElement[bool]:
    if not can_be_in(column, text):
        return sa.false()

    # Not LIKE: SQLite ignores case there, and it has wildcards.
    after = _first_after(text)
    begins = column >= text

    return begins if after is None else sa.and_(begins, column < after)


def _first_after(text: str) -> str | None:
    # The least string that is greater than everything that begins with the text,
    # where strings are ordered by their characters' numbers.
    stem = text.rstrip(chr(_LAST))

    if not stem:
        return None

    number = ord(stem[-1])
    is_last = number == _LAST_BEFORE_SURROGATES

    return stem[:-1] + chr(_FIRST_AFTER_SURROGATES if is_last else number + 1)


def _beyond(
    place: Position, *, backwards: bool
) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    created_at, session_id = sessions.c.created_at, sessions.c.session_id

    # The first condition lets every database begin at the right place of the index.
    if backwards:
        return created_at >= place.created_at, sa.or_(
            created_at > place.created_at, session_id > place.session_id
        )

    return created_at <= place.created_at, sa.or_(
        created_at < place.created_at, session_id < place.session_id
    )
