"""Values to rows and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from ...models import Delivery
from ...models import Participant
from ...models import ServerSideSession
from ...models import SessionOrigin
from ...models.making import maker_of
from . import schema

__all__ = [
    "DELIVERY_COLUMNS",
    "PARTICIPANT_COLUMNS",
    "SESSION_COLUMNS",
    "attribute_values",
    "claimed_delivery",
    "data_values",
    "delivery_from",
    "fitting_error",
    "origin_values",
    "participant_from",
    "participant_of",
    "participant_values",
    "session_from",
    "session_of",
    "session_values",
]

_SESSION = tuple(each.name for each in dataclasses.fields(ServerSideSession))
_PARTICIPANT = tuple(each.name for each in dataclasses.fields(Participant))
_ORIGIN = tuple(each.name for each in dataclasses.fields(SessionOrigin))
_DELIVERY = tuple(each.name for each in dataclasses.fields(Delivery))

_OFTEN_THE_SAME = ("session_id", "issuer", "subject", "created_at")

SESSION_COLUMNS = tuple(schema.sessions.c[name] for name in _SESSION)
PARTICIPANT_COLUMNS = tuple(schema.participants.c[name] for name in _PARTICIPANT)
DELIVERY_COLUMNS = tuple(schema.deliveries.c[name] for name in _DELIVERY)

#: The session with the values of ``SESSION_COLUMNS``, in their order.
session_of = maker_of(ServerSideSession)
#: The participant with the values of ``PARTICIPANT_COLUMNS``, in their order.
participant_of = maker_of(Participant)


def session_from(row: sa.Row[*tuple[Any, ...]]) -> ServerSideSession:
    """The session in a row of ``SESSION_COLUMNS``."""
    return session_of(*row)


def session_values(session: ServerSideSession) -> dict[str, Any]:
    """What to write for a session.

    :raises ValueError: If an identifier is longer than its column.
    """
    return _fitted(schema.sessions, _SESSION, session)


def origin_values(origin: SessionOrigin) -> dict[str, Any]:
    """What to write for where a session was used."""
    return _fitted(schema.sessions, _ORIGIN, origin)


def participant_from(row: sa.Row[*tuple[Any, ...]]) -> Participant:
    """The participant in a row of ``PARTICIPANT_COLUMNS``."""
    return participant_of(*row)


def participant_values(participant: Participant) -> dict[str, Any]:
    """What to write for a participant.

    :raises ValueError: If an identifier is longer than its column.
    """
    return _fitted(schema.participants, _PARTICIPANT, participant)


def data_values(session_id: str, name: str, value: bytes) -> dict[str, Any]:
    """What to write for one value of a session's data.

    :raises ValueError: If an identifier is longer than its column.
    """
    return _fitting(schema.data, session_id=session_id, name=name, value=value)


def attribute_values(session_id: str, name: str, value: str) -> dict[str, Any]:
    """What to write for one attribute of a session.

    :raises ValueError: If an identifier is longer than its column.
    """
    return _fitting(schema.attributes, session_id=session_id, name=name, value=value)


def claimed_delivery(
    values: Sequence[Any], *, until: datetime, known: dict[Any, Any]
) -> Delivery:
    """A delivery that is taken.

    :param values: Those of ``DELIVERY_COLUMNS``, before.
    :param until: The end of the lease.
    :param known: What others have in common with it: many are of one session, and each
        is in memory while it is on its way.
    """
    members = dict(zip(_DELIVERY, values, strict=True))
    members["due_at"] = until
    members["attempts"] += 1

    for name in _OFTEN_THE_SAME:
        value = members[name]
        members[name] = known.setdefault(value, value)

    return Delivery(**members)


def delivery_from(row: sa.RowMapping) -> Delivery:
    """The delivery in a row of ``DELIVERY_COLUMNS``."""
    return Delivery(**{name: row[name] for name in _DELIVERY})


def fitting_error(error: str | None) -> str | None:
    """What is written of an attempt's failure: as much of it as fits."""
    if error is None:
        return None

    fitting: str | None = _fit(schema.deliveries.c.last_error, error)

    return fitting


def _fitted(table: sa.Table, names: tuple[str, ...], value: object) -> dict[str, Any]:
    return {name: _fit(table.c[name], getattr(value, name)) for name in names}


def _fitting(table: sa.Table, **values: Any) -> dict[str, Any]:
    return {name: _fit(table.c[name], value) for name, value in values.items()}


def _fit(column: sa.Column[Any], value: Any) -> Any:
    length = _length(column)

    if length is None or value is None or len(value) <= length:
        return value

    if column.info.get("descriptive"):
        return value[:length]

    # A database in a lenient mode would cut it off, and make two users one.
    raise ValueError(f"{column.name} is longer than {length} characters")


@cache
def _length(column: sa.Column[Any]) -> int | None:
    # Of an instant it takes SQLAlchemy a microsecond to say that it has none.
    length: int | None = getattr(column.type, "length", None)

    return length
