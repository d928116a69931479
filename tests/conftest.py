"""Fixtures for all tests."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck
from hypothesis import settings

from idp_session.stores.sql import create_engine
from idp_session.stores.sql import metadata
from idp_session.stores.sql import upgrade
from idp_session.testing import ManualClock

from .services import DATABASES
from .services import scratch_database

# How long an example takes says more of the machine than of us.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# Every engine that there is, so that none is left open: psycopg complains of connections
# that nobody closes, and Python 3.13 of those to SQLite.
_engines: weakref.WeakSet[sa.Engine] = weakref.WeakSet()
# Those that many tests share. To connect to MariaDB takes longer than most tests.
_shared: weakref.WeakSet[sa.Engine] = weakref.WeakSet()
# Those of the test that is running: none of them goes before it is disposed of.
_new: list[sa.Engine] = []

# Connections to a server, for an engine does not close what a thread still has when it
# is disposed of. SQLite's cannot be remembered like this.
_opened: weakref.WeakSet[Any] = weakref.WeakSet()
_opened_for_all: weakref.WeakSet[Any] = weakref.WeakSet()

_create_engine = sa.create_engine


def _remembered(*arguments: Any, **options: Any) -> sa.Engine:
    engine = _create_engine(*arguments, **options)
    _engines.add(engine)
    _new.append(engine)

    return engine


# Who would listen to all engines instead would change what the stores do with them.
sa.create_engine = _remembered


@sa.event.listens_for(sa.pool.Pool, "connect")
def _remember_connection(connection: Any, _record: object) -> None:
    with contextlib.suppress(TypeError):
        _opened.add(connection)


def _share(connection: Any, _record: object) -> None:
    with contextlib.suppress(TypeError):
        _opened.discard(connection)
        _opened_for_all.add(connection)


def _close_all(connections: weakref.WeakSet[Any]) -> None:
    while connections:
        # PyMySQL complains of one that is closed already.
        with contextlib.suppress(Exception):
            connections.pop().close()


@pytest.fixture(autouse=True)
def _closed_connections() -> Iterator[None]:
    yield

    for engine in tuple(_engines - _shared):
        engine.dispose()

    _new.clear()
    _close_all(_opened)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still."""
    return ManualClock()


@pytest.fixture(scope="session", params=DATABASES)
def _database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[sa.Engine]:
    directory = tmp_path_factory.mktemp("databases")

    with scratch_database(request.param, directory) as url:
        # As many as by default, but none of them is closed after use.
        engine = create_engine(url, pool_size=15, max_overflow=0)
        _shared.add(engine)
        sa.event.listen(engine, "connect", _share)
        upgrade(engine)
        yield engine
        engine.dispose()
        _close_all(_opened_for_all)


@pytest.fixture
def engine(_database: sa.Engine) -> Iterator[sa.Engine]:
    """Each database in turn, with empty tables."""
    yield _database

    with _database.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(sa.delete(table))


@pytest.fixture
def sqlite_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    """A new SQLite file with our tables."""
    directory = tmp_path_factory.mktemp("sqlite")

    with scratch_database("sqlite", directory) as url:
        engine = create_engine(url)
        upgrade(engine)
        yield engine
        engine.dispose()
