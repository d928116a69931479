"""The outbox: what is owed to clients."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ...models import Backlog
from ...models import Delivery
from ...models import DeliveryResult
from ...models import DeliveryState
from ...models import EndedSession
from ...models import FairShare
from . import rows
from .claiming import claimed
from .claiming import IS_PENDING
from .ends import forget_ends
from .ends import note_end
from .ends import noted_end
from .listing import LARGEST_ID
from .listing import listed
from .owing import owe
from .schema import deliveries
from .schema import ends
from .searching import can_be_in
from .settling import settled
from .settling import settling
from .transactions import execute_write
from .transactions import run_read
from .transactions import run_write

__all__ = ["SqlDeliveryQueue"]

_IS_GIVEN_UP = deliveries.c.state.in_(
    [DeliveryState.EXPIRED, DeliveryState.FAILED, DeliveryState.REFUSED]
)
_IS_UNTRIED = sa.and_(
    IS_PENDING, deliveries.c.last_status.is_(None), deliveries.c.last_error.is_(None)
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
        fair = share or FairShare(per_host=limit)

        def work(connection: sa.Connection) -> tuple[Delivery, ...]:
            return claimed(
                connection, now=now, until=now + lease, limit=limit, share=fair
            )

        # A claim that is forgotten is made again: an outage of the machine ends all.
        return run_write(self._engine, work, is_durable=False)

    def settle(self, delivery: Delivery, result: DeliveryResult) -> bool:
        return execute_write(self._engine, settling(delivery, result)) == 1

    def settle_all(
        self, results: Sequence[tuple[Delivery, DeliveryResult]]
    ) -> tuple[bool, ...]:
        def work(connection: sa.Connection) -> tuple[bool, ...]:
            return settled(connection, results)

        return run_write(self._engine, work) if results else ()

    def of_session(self, session_id: str) -> tuple[Delivery, ...]:
        if not can_be_in(deliveries.c.session_id, session_id):
            return ()

        query = (
            sa.select(*rows.DELIVERY_COLUMNS)
            .where(deliveries.c.session_id == session_id)
            .order_by(deliveries.c.id)
        )

        return self._all(query)

    def has_untried(self, session_id: str, *, client_id: str | None = None) -> bool:
        wanted = {deliveries.c.session_id: session_id}

        if client_id is not None:
            wanted[deliveries.c.client_id] = client_id

        if not all(can_be_in(column, text) for column, text in wanted.items()):
            return False

        query = (
            sa.select(deliveries.c.id)
            .where(_IS_UNTRIED, *(column == text for column, text in wanted.items()))
            .limit(1)
        )

        return self._scalar(query) is not None

    def next_due_at(self) -> datetime | None:
        query = sa.select(sa.func.min(deliveries.c.due_at)).where(IS_PENDING)

        due_at: datetime | None = self._scalar(query)

        return due_at

    def backlog(self, *, at_most: int) -> Backlog:
        # By the index on state and due_at, and never more rows than that.
        found = (
            sa.select(deliveries.c.created_at)
            .where(IS_PENDING)
            .order_by(deliveries.c.due_at)
            .limit(at_most)
            .subquery()
        )
        query = sa.select(sa.func.count(), sa.func.min(found.c.created_at))

        pending, oldest = run_read(
            self._engine,
            lambda connection: connection.execute(query.select_from(found)).one(),
        )

        return Backlog(pending=pending, oldest_created_at=oldest)

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

        return self._all(
            listed(
                state=state,
                client_id=client_id,
                limit=limit,
                before_id=LARGEST_ID if before_id is None else _possible(before_id),
                dialect_name=self._engine.dialect.name,
            )
        )

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

    def owe(self, ended: EndedSession) -> bool:
        def work(connection: sa.Connection) -> None:
            note_end(connection, ended)
            owe(connection, [ended])

        try:
            run_write(self._engine, work)
        except IntegrityError:
            if self.has_ended(ended.session_id):
                return False

            raise

        return True

    def has_ended(self, session_id: str) -> bool:
        if not can_be_in(ends.c.session_id, session_id):
            return False

        return self._scalar(noted_end(session_id)) is not None

    def forget_ends(self, *, before: datetime, limit: int) -> int:
        def work(connection: sa.Connection) -> int:
            return forget_ends(connection, before=before, limit=limit)

        return run_write(self._engine, work)

    def _all(self, query: sa.Select[*tuple[object, ...]]) -> tuple[Delivery, ...]:
        found = run_read(
            self._engine,
            lambda connection: connection.execute(query).mappings().all(),
        )

        return tuple(map(rows.delivery_from, found))

    def _scalar(self, query: sa.Select[*tuple[Any, ...]]) -> Any:
        return run_read(self._engine, lambda connection: connection.scalar(query))


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
    return max(0, min(delivery_id, LARGEST_ID))
