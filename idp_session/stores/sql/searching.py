"""Which rows a filter means, and in which order they are listed."""

from __future__ import annotations

import operator
from collections.abc import Collection
from collections.abc import Container
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from ...models import SessionFilter
from . import rows
from .schema import attributes
from .schema import participants
from .schema import sessions

__all__ = [
    "AT_MOST",
    "MANY_MAY_MEET",
    "can_be_in",
    "can_be_met",
    "counting",
    "matching",
    "meeting",
    "page",
    "parameters_of",
]

_LAST_BEFORE_SURROGATES = 0xD7FF
_FIRST_AFTER_SURROGATES = 0xE000
_LAST = 0x10FFFF

#: The parameter that says how many rows are enough.
AT_MOST = sa.bindparam("at_most", type_=sa.Integer())

#: What a filter is compared with, by the names of the parameters; and how.
_COMPARED: Mapping[str, tuple[sa.Column[Any], Any]] = {
    "subject_id": (sessions.c.subject_id, operator.eq),
    "session_id": (sessions.c.session_id, operator.eq),
    "client_id": (participants.c.client_id, operator.eq),
    # Not LIKE: SQLite ignores case there, and it has wildcards.
    "display_name": (sessions.c.display_name, operator.ge),
    "display_name_end": (sessions.c.display_name, operator.lt),
    "created_after": (sessions.c.created_at, operator.ge),
    "created_before": (sessions.c.created_at, operator.lt),
    "attribute": (attributes.c.name, operator.eq),
    "attribute_value": (attributes.c.value, operator.eq),
}

#: The conditions that nearly all or very few sessions meet; each by its first
#: parameter, with all of them.
MANY_MAY_MEET: Mapping[str, Collection[str]] = {
    "display_name": ("display_name", "display_name_end"),
    "client_id": ("client_id",),
    "attribute": ("attribute", "attribute_value"),
}


def parameters_of(wanted: SessionFilter) -> dict[str, Any]:
    """The values of the parameters of a filter's conditions.

    Filters that have parameters of the same names have the same statements.

    :param wanted: The filter.
    """
    begins = wanted.display_name or None
    attribute, attribute_value = wanted.attribute or (None, None)
    values = {
        "subject_id": wanted.subject_id,
        "session_id": wanted.session_id,
        "client_id": wanted.client_id,
        "display_name": begins,
        "display_name_end": None if begins is None else _first_after(begins),
        "created_after": wanted.created_after,
        "created_before": wanted.created_before,
        "attribute": attribute,
        "attribute_value": attribute_value,
    }

    return {name: value for name, value in values.items() if value is not None}


def can_be_met(parameters: Mapping[str, Any]) -> bool:
    """Whether some row can have the texts of a filter.

    :param parameters: Of its conditions.
    """
    return all(
        can_be_in(_COMPARED[name][0], value)
        for name, value in parameters.items()
        if isinstance(value, str) and name != "display_name_end"
    )


def meeting(names: Collection[str]) -> sa.Select[*tuple[object, ...]]:
    """How many sessions meet such a condition, in the index alone, up to ``at_most``.

    :param names: Of its parameters.
    """
    column, _ = _COMPARED[next(iter(names))]
    found = sa.select(column).where(*_conditions(names))

    if column is sessions.c.display_name:
        # Else PostgreSQL may read all of them first.
        found = found.order_by(column)

    return _number(found)


def counting(
    names: Collection[str], *, anonymous: bool | None
) -> sa.Select[*tuple[object, ...]]:
    """How many sessions a filter means, up to ``at_most``.

    :param names: As :func:`matching` takes them.
    :param anonymous: As :func:`matching` takes it.
    """
    # Which column to count is left to the database, and with it which index to read.
    meant = matching(names, anonymous=anonymous)

    return _number(meant.with_only_columns(sa.literal_column("1").label("one")))


def matching(
    names: Collection[str], *, anonymous: bool | None, common: Container[str] = ()
) -> sa.Select[*tuple[object, ...]]:
    """The sessions that a filter means.

    :param names: Of the parameters of its conditions.
    :param anonymous: As a filter has it.
    :param common: The conditions of ``MANY_MAY_MEET`` that so many sessions meet that
        they had better not be looked up: to sort them takes longer than to meet some
        on the way.
    """
    query = sa.select(*rows.SESSION_COLUMNS).select_from(sessions)
    query = query.where(*_conditions(names, common))

    if anonymous is not None:
        nobody = sessions.c.subject_id.is_(None)
        query = query.where(nobody if anonymous else sa.not_(nobody))

    # A client takes part once, and a session has an attribute once, so the joins
    # multiply nothing; and the database may begin at either end, since few sessions
    # may be meant or nearly all.
    if "client_id" in names:
        of = _session_of(participants, is_common="client_id" in common)
        query = query.join(participants, of)

    if "attribute" in names:
        of = _session_of(attributes, is_common="attribute" in common)
        query = query.join(attributes, of)

    return query


def page(
    query: sa.Select[*tuple[object, ...]],
    *,
    goes_on: bool,
    backwards: bool,
    few: bool = False,
) -> sa.Select[*tuple[object, ...]]:
    """A part of a list, leading away from where it begins: of ``at_most`` sessions.

    :param query: The whole list.
    :param goes_on: Whether it begins next to the session ``from_session_id``, which
        began at ``from_created_at``, and not at the edge of the list.
    :param backwards: Oldest first, towards the newer ones.
    :param few: Whether the list is short and had better be sorted: to meet its
        sessions in their order may take until the end of all.
    """
    began_at: sa.ColumnElement[Any] = sessions.c.created_at

    if few:
        # The same order, in which no index is.
        began_at = sa.type_coerce(began_at, sa.BigInteger) + 0

    order = (began_at, sessions.c.session_id)

    if goes_on:
        query = query.where(*_beyond(backwards=backwards))

    if backwards:
        return query.order_by(*order).limit(AT_MOST)

    return query.order_by(*(column.desc() for column in order)).limit(AT_MOST)


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


def _conditions(
    names: Collection[str], common: Container[str] = ()
) -> list[sa.ColumnElement[bool]]:
    without_index = {
        name for each in MANY_MAY_MEET if each in common for name in MANY_MAY_MEET[each]
    }

    return [
        _condition(name, is_common=name in without_index)
        for name in _COMPARED
        if name in names
    ]


def _condition(name: str, *, is_common: bool) -> sa.ColumnElement[bool]:
    column, compare = _COMPARED[name]
    # The same text, which no index has.
    compared = column + sa.literal("") if is_common else column
    condition: sa.ColumnElement[bool] = compare(compared, _parameter(name, column))

    return condition


def _session_of(table: sa.Table, *, is_common: bool) -> sa.ColumnElement[bool]:
    session_id = sessions.c.session_id
    # Else SQLite from some version on begins with the other table, and sorts.
    compared = session_id + sa.literal("") if is_common else session_id
    same: sa.ColumnElement[bool] = table.c.session_id == compared

    return same


def _parameter(name: str, column: sa.Column[Any]) -> sa.BindParameter[Any]:
    return sa.bindparam(name, type_=column.type)


def _number(found: sa.Select[*tuple[object, ...]]) -> sa.Select[*tuple[object, ...]]:
    number = sa.func.count().label("number")

    return sa.select(number).select_from(found.limit(AT_MOST).subquery())


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
    *, backwards: bool
) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    created_at, session_id = sessions.c.created_at, sessions.c.session_id
    from_created_at = _parameter("from_created_at", created_at)
    from_session_id = _parameter("from_session_id", session_id)

    # The first condition lets every database begin at the right place of the index.
    if backwards:
        return created_at >= from_created_at, sa.or_(
            created_at > from_created_at, session_id > from_session_id
        )

    return created_at <= from_created_at, sa.or_(
        created_at < from_created_at, session_id < from_session_id
    )
