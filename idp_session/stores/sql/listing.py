"""A page of the list of deliveries, found by its index in every database."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ...models import DeliveryState
from . import rows
from .schema import deliveries

__all__ = ["LARGEST_ID", "listed"]

#: No delivery has a larger number.
LARGEST_ID = 2**63 - 1


def listed(
    *,
    state: DeliveryState | None,
    client_id: str | None,
    limit: int,
    before_id: int,
    dialect_name: str,
) -> sa.Select[*tuple[object, ...]]:
    """The newest deliveries below a number that are like this.

    :param state: What became of them; ``None`` for all.
    :param client_id: Who is told; ``None`` for all.
    :param limit: How many at the most.
    :param before_id: Only with smaller numbers.
    :param dialect_name: Which database is asked.
    """
    query = sa.select(*rows.DELIVERY_COLUMNS).where(deliveries.c.id < before_id)
    given = [
        (column, value)
        for column, value in (
            (deliveries.c.state, state),
            (deliveries.c.client_id, client_id),
        )
        if value is not None
    ]

    if dialect_name == "sqlite" or not given:
        equal = (column == value for column, value in given)

        return query.where(*equal).order_by(deliveries.c.id.desc()).limit(limit)

    leading, _ = given[0]

    return (
        query.where(*_between(given, before_id))
        .order_by(leading.desc(), deliveries.c.id.desc())
        .limit(limit)
    )


def _between(
    given: Sequence[tuple[sa.Column[Any], str]], before_id: int
) -> Iterator[sa.ColumnElement[bool]]:
    # The same as equality, and put so because of two planners. To MariaDB an equality
    # is a reason to read everything that is equal, from its end, until the number is
    # small enough; a range of both columns begins there. PostgreSQL walks down all
    # deliveries where it believes the state to be common, though the latest may all
    # be in another; the order by two columns is in no other index.
    for column, value in given:
        yield column >= value
        yield column <= value

    leading, value = given[0]
    yield sa.tuple_(leading, deliveries.c.id) < sa.tuple_(value, before_id)
