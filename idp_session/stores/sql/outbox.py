"""The outbox: what is owed to clients."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import datetime
from datetime import timedelta

import sqlalchemy as sa

from ...models import Delivery
from ...models import DeliveryResult
from ...models import DeliveryState
from ...models import EndedSession
from ...models import FairShare
from . import rows
from .schema import deliveries
from .searching import can_be_in
from .transactions import autocommit
from .transactions import execute_write
from .transactions import run_write

__all__ = ["SqlDeliveryQueue", "owe"]

_IS_PENDING = deliveries.c.state == DeliveryState.PENDING
_IS_GIVEN_UP = deliveries.c.state.in_(
    [DeliveryState.EXPIRED, DeliveryState.FAILED, DeliveryState.REFUSED]
)
_LARGEST_ID = 2**63 - 1
_SETTLED = (
    "state",
    "due_at",
    "last_status",
    "last_error",
    "latency",
    "finished_at",
)


class SqlDeliveryQueue:
    """A :class:`~idp_session.ports.DeliveryQueue` in a database.

    Any number of processes may share it; leases keep them apart.

    :param engine: The database that the session store writes to.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def claim(
        self,
        *,
        now: datetime,
        lease: timedelta,
        limit: int,
        share: FairShare | None = None,
    ) -> tuple[Delivery, ...]:
        fair = share or FairShare(per_client=limit)

        def work(connection: sa.Connection) -> tuple[Delivery, ...]:
            found = _due(connection, now=now, limit=limit, share=fair)

            return _taken(connection, found, until=now + lease)

        return run_write(self._engine, work)

    def settle(self, delivery: Delivery, result: DeliveryResult) -> bool:
        settled = result.applied_to(delivery)
        statement = (
            sa.update(deliveries)
            .where(
                deliveries.c.id == delivery.id,
                deliveries.c.attempts == delivery.attempts,
                _IS_PENDING,
            )
            .values(rows.delivery_values(settled, *_SETTLED))
        )

        return execute_write(self._engine, statement) == 1

    def of_session(self, session_id: str) -> tuple[Delivery, ...]:
        query = (
            sa.select(*rows.DELIVERY_COLUMNS)
            .where(deliveries.c.session_id == session_id)
            .order_by(deliveries.c.id)
        )

        return self._all(query)

    def next_due_at(self) -> datetime | None:
        query = sa.select(sa.func.min(deliveries.c.due_at)).where(_IS_PENDING)

        with autocommit(self._engine) as connection:
            due_at: datetime | None = connection.scalar(query)

        return due_at

    def query(
        self,
        *,
        state: DeliveryState | None,
        client_id: str | None,
        limit: int,
        before_id: int | None,
    ) -> tuple[Delivery, ...]:
        if client_id is not None and not can_be_in(deliveries.c.client_id, client_id):
            return ()

        query = sa.select(*rows.DELIVERY_COLUMNS)

        if state is not None:
            query = query.where(deliveries.c.state == state)

        if client_id is not None:
            query = query.where(deliveries.c.client_id == client_id)

        if before_id is not None:
            query = query.where(deliveries.c.id < _possible(before_id))

        return self._all(query.order_by(deliveries.c.id.desc()).limit(limit))

    def retry(self, delivery_id: int, *, now: datetime) -> bool:
        statement = (
            sa.update(deliveries)
            .where(deliveries.c.id == _possible(delivery_id), _IS_GIVEN_UP)
            .values(
                state=DeliveryState.PENDING,
                due_at=now,
                last_status=None,
                last_error=None,
                latency=None,
                finished_at=None,
            )
        )

        return execute_write(self._engine, statement) == 1

    def purge(self, *, finished_before: datetime, limit: int) -> int:
        def work(connection: sa.Connection) -> int:
            return _purge(connection, finished_before=finished_before, limit=limit)

        return run_write(self._engine, work)

    def _all(self, query: sa.Select[*tuple[object, ...]]) -> tuple[Delivery, ...]:
        with autocommit(self._engine) as connection:
            return tuple(map(rows.delivery_from, connection.execute(query).mappings()))


def owe(connection: sa.Connection, ended: Iterable[EndedSession]) -> None:
    """Add one pending delivery per participant, within a transaction.

    :param connection: The transaction in which the sessions end.
    :param ended: The sessions.
    """
    owed = [
        {
            "session_id": session.session_id,
            "client_id": participant.client_id,
            "issuer": participant.issuer,
            "subject": participant.subject,
            "reason": session.reason,
            "created_at": session.ended_at,
            "due_at": session.ended_at,
            "attempts": 0,
            "state": DeliveryState.PENDING,
        }
        for session in ended
        for participant in session.participants
    ]

    if owed:
        connection.execute(sa.insert(deliveries), owed)


def _due(
    connection: sa.Connection, *, now: datetime, limit: int, share: FairShare
) -> tuple[Delivery, ...]:
    picked: tuple[Delivery, ...] = ()
    query = (
        sa.select(*rows.DELIVERY_COLUMNS)
        .where(_IS_PENDING, deliveries.c.due_at <= now)
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )

    # A page may be full of deliveries for a client that has its share; each further
    # look leaves out one such client at least.
    while len(picked) < limit:
        left = share.after(picked)
        others = query.where(
            deliveries.c.client_id.not_in(left.crowded),
            deliveries.c.id.not_in([delivery.id for delivery in picked]),
        )
        page = [
            rows.delivery_from(row) for row in connection.execute(others).mappings()
        ]
        picked += left.pick(page, limit=limit - len(picked))

        if len(page) < limit:
            break

    return picked


def _taken(
    connection: sa.Connection, found: tuple[Delivery, ...], *, until: datetime
) -> tuple[Delivery, ...]:
    if found:
        connection.execute(
            sa.update(deliveries)
            .where(deliveries.c.id.in_([delivery.id for delivery in found]))
            .values(due_at=until, attempts=deliveries.c.attempts + 1)
        )

    return tuple(
        dataclasses.replace(delivery, due_at=until, attempts=delivery.attempts + 1)
        for delivery in found
    )


def _purge(connection: sa.Connection, *, finished_before: datetime, limit: int) -> int:
    query = (
        sa.select(deliveries.c.id)
        .where(deliveries.c.finished_at < finished_before)
        .order_by(deliveries.c.finished_at, deliveries.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )

    # MariaDB takes no LIMIT in a subquery.
    if found := connection.scalars(query).all():
        connection.execute(sa.delete(deliveries).where(deliveries.c.id.in_(found)))

    return len(found)


def _possible(delivery_id: int) -> int:
    # No database takes a number that its column cannot hold.
    return max(0, min(delivery_id, _LARGEST_ID))
