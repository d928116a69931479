"""The administrator's pages, with a hundred thousand sessions and deliveries."""

from __future__ import annotations

import statistics
import time
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp_session.stores.sql import upgrade
from idp_session.stores.sql.schema import deliveries
from idp_session.stores.sql.schema import sessions
from tests.unit.admin_host import ADMIN
from tests.unit.admin_host import admin_host
from tests.unit.admin_host import administrator
from tests.unit.admin_host import links
from tests.unit.hosts import Host

pytestmark = pytest.mark.soak

_TIMES = 15
#: Of processor time: far more than a page takes longer by chance, and far less than a hundred thousand
#: sessions take longer than a hundred if all are read.
_RATIO = 8


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/sessions",
        "/sessions?subject_id=user7",
        "/sessions?display_name=Somebody",
        "/deliveries",
        "/deliveries?state=delivered",
        "/deliveries?state=failed",
        "/deliveries?client_id=shop",
    ],
)
def test_a_hundred_thousand_sessions(sqlite_engine: sa.Engine, path: str) -> None:
    """A page answers about as fast as with a hundred; so does one far down the list."""
    upgrade(sqlite_engine)
    host = admin_host(engine=sqlite_engine)
    root = administrator(host)
    _add(host, sqlite_engine, 100)
    _add_deliveries(host, sqlite_engine, 1000)
    few = _seconds(lambda: root.get(ADMIN + path))
    _add(host, sqlite_engine, 100_000)
    _add_deliveries(host, sqlite_engine, 100_000)

    far_down = _far_down(root)
    many = _seconds(lambda: root.get(ADMIN + path))
    deep = _seconds(lambda: root.get(far_down))

    assert many < _RATIO * few
    assert deep < _RATIO * few


def _far_down(root: FlaskClient) -> str:
    page = root.get(f"{ADMIN}/sessions?limit=200")

    for _ in range(5):
        page = root.get(links(page)["next"] + "&limit=200")

    return links(page)["next"]


def _seconds(request: Callable[[], TestResponse]) -> float:
    taken = []
    assert request().status_code == 200

    for _ in range(_TIMES):
        began = time.process_time()
        request()
        taken.append(time.process_time() - began)

    return statistics.median(taken)


def _add(host: Host, engine: sa.Engine, number: int) -> None:
    now = host.clock.now()

    with engine.begin() as connection:
        row = dict(connection.execute(sa.select(sessions).limit(1)).one()._mapping)
        names = (uuid.uuid4().hex for _ in range(number))
        connection.execute(
            sa.insert(sessions),
            [
                {
                    **row,
                    "key": name * 2,
                    "session_id": name,
                    "subject_id": f"user{place % 10_000}",
                    "display_name": f"Somebody {place % 10_000}",
                    "created_at": now - timedelta(seconds=place * 10),
                }
                for place, name in enumerate(names)
            ],
        )


def _add_deliveries(host: Host, engine: sa.Engine, number: int) -> None:
    now = host.clock.now()

    with engine.begin() as connection:
        connection.execute(
            sa.insert(deliveries),
            [
                {
                    "session_id": uuid.uuid4().hex,
                    "client_id": "shop" if place % 2 else "mail",
                    "issuer": "https://idp.test",
                    "subject": f"user{place % 10_000}",
                    "reason": "user",
                    "created_at": now - timedelta(seconds=number - place),
                    "due_at": now,
                    "attempts": 1,
                    "state": "delivered" if place % 10 else "failed",
                    "last_status": 200 if place % 10 else 503,
                    "finished_at": now,
                }
                for place in range(number)
            ],
        )
