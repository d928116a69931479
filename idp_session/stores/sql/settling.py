"""How the results of attempts are written down, within a transaction."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from ...models import Delivery
from ...models import DeliveryResult
from . import rows
from .claiming import IS_PENDING
from .schema import deliveries

__all__ = ["settled", "settling"]

_SETTLED = (
    "state",
    "due_at",
    "last_status",
    "last_error",
    "latency",
    "finished_at",
)


def settling(delivery: Delivery, result: DeliveryResult) -> sa.Update:
    """What writes down one result, if the claim is the newest one.

    :param delivery: As it was claimed.
    :param result: What to write.
    """
    return (
        sa.update(deliveries)
        .where(
            deliveries.c.id == delivery.id,
            deliveries.c.attempts == delivery.attempts,
            deliveries.c.due_at == delivery.due_at,
            IS_PENDING,
        )
        .values(_values(delivery, result))
    )


def settled(
    connection: sa.Connection, results: Sequence[tuple[Delivery, DeliveryResult]]
) -> tuple[bool, ...]:
    """Write down what came of attempts whose claims are the newest ones.

    :param connection: The transaction.
    :param results: Each delivery as it was claimed, and what to write.
    :returns: For each of them, whether it was written.
    """
    # Always in the same order, so that two of these do not wait for each other.
    found = connection.execute(_NEWEST, {"claimed": [each.id for each, _ in results]})
    newest = {tuple(row) for row in found}
    is_newest = tuple(
        (each.id, each.attempts, each.due_at) in newest for each, _ in results
    )
    written = [
        each for each, is_ours in zip(results, is_newest, strict=True) if is_ours
    ]

    if written:
        connection.execute(
            _SETTLE,
            [
                {"settled_id": each.id, **_values(each, result)}
                for each, result in written
            ],
        )

    return is_newest


# Where an administrator has one tried again, the attempts are those of the last claim
# and the end of its lease is another.
_NEWEST = (
    sa.select(deliveries.c.id, deliveries.c.attempts, deliveries.c.due_at)
    .where(deliveries.c.id.in_(sa.bindparam("claimed", expanding=True)), IS_PENDING)
    .order_by(deliveries.c.id)
    .with_for_update()
)

_SETTLE = (
    sa.update(deliveries)
    .where(deliveries.c.id == sa.bindparam("settled_id"))
    .values({name: sa.bindparam(name) for name in _SETTLED})
)


def _values(delivery: Delivery, result: DeliveryResult) -> dict[str, object]:
    changes = result.changes(delivery)
    # The only one of them that may be longer than its column.
    changes["last_error"] = rows.fitting_error(result.error)

    return changes
