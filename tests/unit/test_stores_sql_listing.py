"""A page of deliveries is found by an index, however many there are."""

from __future__ import annotations

from typing import TypedDict

import pytest
import sqlalchemy as sa

from idp_session.models import DeliveryState
from idp_session.stores.sql import SqlDeliveryQueue
from idp_session.stores.sql.schema import deliveries
from idp_session.testing import START

from .explaining import explained

_NUMBER = 6000
_BY_STATE = "ix_idp_session_deliveries_state"
_BY_CLIENT = "ix_idp_session_deliveries_client_id"
_ANALYZE = {
    "sqlite": "ANALYZE",
    "postgresql": "ANALYZE",
    "mysql": "ANALYZE TABLE idp_session_deliveries",
}
#: How the three of them say that rows are sorted, or read and thrown away.
_TOO_MUCH = ("TEMP B-TREE", "Sort", "Filter", "filesort", "'ref'")


class Conditions(TypedDict):
    """Which deliveries are listed."""

    state: DeliveryState | None
    client_id: str | None


@pytest.fixture
def queue(engine: sa.Engine) -> SqlDeliveryQueue:
    """The first half has failed, for one client, and all went well with the other."""
    row = {
        "issuer": "https://idp.example",
        "subject": "alice",
        "reason": "user",
        "created_at": START,
        "due_at": START,
        "attempts": 1,
    }
    rows = [
        {
            **row,
            "session_id": f"{number:032x}",
            "client_id": "shop" if number < _NUMBER / 2 else "mail",
            "state": "failed" if number < _NUMBER / 2 else "delivered",
        }
        for number in range(_NUMBER)
    ]

    with engine.begin() as connection:
        connection.execute(sa.insert(deliveries), rows)

    with engine.begin() as connection:
        connection.exec_driver_sql(_ANALYZE[engine.dialect.name])

    return SqlDeliveryQueue(engine)


@pytest.mark.parametrize(
    ("conditions", "index"),
    [
        ({"state": DeliveryState.FAILED, "client_id": None}, _BY_STATE),
        ({"state": DeliveryState.DELIVERED, "client_id": None}, _BY_STATE),
        ({"state": None, "client_id": "shop"}, _BY_CLIENT),
        ({"state": None, "client_id": "mail"}, _BY_CLIENT),
    ],
)
@pytest.mark.parametrize("depth", [0, 1000])
def test_a_page_is_a_part_of_an_index(
    engine: sa.Engine,
    queue: SqlDeliveryQueue,
    conditions: Conditions,
    index: str,
    depth: int,
) -> None:
    """Nothing is sorted, and nothing is read that is not on the page."""
    before_id = None

    if depth:
        before_id = queue.query(**conditions, limit=depth, before_id=None)[-1].id

    with explained(engine) as plans:
        found = queue.query(**conditions, limit=26, before_id=before_id)

    (plan,) = plans
    assert len(found) == 26
    assert index in plan
    assert not [word for word in _TOO_MUCH if word in plan]
