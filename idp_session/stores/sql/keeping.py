"""What a session keeps: its data and its attributes.

Whoever writes here has locked the row of the session before, so that all who write
for one session come one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping

import sqlalchemy as sa

from . import rows
from .schema import attributes
from .schema import data

__all__ = [
    "attributes_of",
    "data_of",
    "move",
    "without_attribute",
    "write_attribute",
    "write_data",
]


def data_of(connection: sa.Connection, session_id: str) -> dict[str, bytes]:
    """All data of a session, by name."""
    query = sa.select(data.c.name, data.c.value).where(data.c.session_id == session_id)

    return {name: bytes(value) for name, value in connection.execute(query)}


def write_data(
    connection: sa.Connection,
    session_id: str,
    changed: Mapping[str, bytes],
    removed: Collection[str],
) -> None:
    """Replace, add and remove some data of a session.

    :raises ValueError: If a name is longer than its column.
    """
    inserted = [
        rows.data_values(session_id, name, value) for name, value in changed.items()
    ]
    outdated = sa.delete(data).where(
        data.c.session_id == session_id, data.c.name.in_([*changed, *removed])
    )
    connection.execute(outdated)

    if inserted:
        connection.execute(sa.insert(data), inserted)


def attributes_of(connection: sa.Connection, session_id: str) -> dict[str, str]:
    """All attributes of a session, by name."""
    query = sa.select(attributes.c.name, attributes.c.value).where(
        attributes.c.session_id == session_id
    )

    return {row.name: row.value for row in connection.execute(query)}


def write_attribute(
    connection: sa.Connection, session_id: str, name: str, value: str
) -> None:
    """Give a session an attribute, whatever it has under that name.

    :raises ValueError: If the name or the value is longer than its column.
    """
    values = rows.attribute_values(session_id, name, value)
    connection.execute(without_attribute(session_id, name))
    connection.execute(sa.insert(attributes).values(values))


def without_attribute(session_id: str, name: str) -> sa.Delete:
    """The statement that takes an attribute from a session."""
    return sa.delete(attributes).where(
        attributes.c.session_id == session_id, attributes.c.name == name
    )


def move(
    connection: sa.Connection,
    session_id: str,
    *,
    to: str,
    reseal: Callable[[str, bytes], bytes | None],
) -> None:
    """Give what a session keeps to another one, whose row is there already.

    :param session_id: The session that has it.
    :param to: The session that gets it.
    :param reseal: From the bytes of a name to those that belong to the new session.
    """
    moved = {
        name: reseal(name, value)
        for name, value in data_of(connection, session_id).items()
    }
    kept = {name: value for name, value in moved.items() if value is not None}
    write_data(connection, to, kept, ())
    connection.execute(
        sa.update(attributes)
        .where(attributes.c.session_id == session_id)
        .values(session_id=to)
    )
