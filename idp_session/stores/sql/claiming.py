"""How deliveries are taken, within a transaction: by one caller each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ...models import Delivery
from ...models import DeliveryState
from ...models import FairShare
from . import rows
from .schema import deliveries

__all__ = ["IS_PENDING", "claimed"]

#: What is still to be delivered.
IS_PENDING = deliveries.c.state == DeliveryState.PENDING


def claimed(
    connection: sa.Connection,
    *,
    now: datetime,
    until: datetime,
    limit: int,
    share: FairShare,
) -> tuple[Delivery, ...]:
    """Deliveries that are due, as those of whoever asks for them.

    Those that others have locked are left to them.

    :param connection: The transaction.
    :param now: The instant to compare with.
    :param until: The end of the lease.
    :param limit: How many at the most.
    :param share: How many of them may go to one host.
    """
    picked: tuple[Delivery, ...] = ()
    known: dict[Any, Any] = {}

    # A page may be full of deliveries for a client that has its share; each further
    # look leaves out one such client at least.
    while len(picked) < limit:
        left = share.after(picked)
        found = connection.execute(
            _others(left.crowded, picked), {"now": now, "at_most": limit}
        )
        page = [rows.claimed_delivery(row, until=until, known=known) for row in found]
        picked += left.pick(page, limit=limit - len(picked))

        if len(page) < limit:
            break

    if picked:
        connection.execute(
            _TAKE, {"until": until, "taken": [delivery.id for delivery in picked]}
        )

    return picked


_DUE = (
    sa.select(*rows.DELIVERY_COLUMNS)
    .where(IS_PENDING, deliveries.c.due_at <= sa.bindparam("now"))
    .order_by(deliveries.c.due_at, deliveries.c.id)
    .limit(sa.bindparam("at_most", type_=sa.Integer))
    .with_for_update(skip_locked=True)
)

_TAKE = (
    sa.update(deliveries)
    .where(deliveries.c.id.in_(sa.bindparam("taken", expanding=True)))
    .values(due_at=sa.bindparam("until"), attempts=deliveries.c.attempts + 1)
)


def _others(
    crowded: Sequence[str], picked: Sequence[Delivery]
) -> sa.Select[*tuple[object, ...]]:
    query: sa.Select[*tuple[object, ...]] = _DUE

    # Most of the time there is nothing to leave out.
    if crowded:
        query = query.where(deliveries.c.client_id.not_in(crowded))

    if picked:
        query = query.where(
            deliveries.c.id.not_in([delivery.id for delivery in picked])
        )

    return query
