"""Fixtures for all tests."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from idp_session.stores.sql import create_engine
from idp_session.stores.sql import metadata
from idp_session.stores.sql import upgrade
from idp_session.testing import ManualClock

from .services import DATABASES
from .services import scratch_database

# Engines that somebody has connected with, so that none is left open: Python 3.13
# complains of SQLite connections that nobody closes.
_connected: weakref.WeakSet[sa.Engine] = weakref.WeakSet()


@sa.event.listens_for(sa.Engine, "engine_connect")
def _remember_engine(connection: sa.Connection) -> None:
    _connected.add(connection.engine)


@pytest.fixture(autouse=True)
def _closed_connections() -> Iterator[None]:
    yield

    while _connected:
        _connected.pop().dispose()


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
        engine = create_engine(url)
        upgrade(engine)
        yield engine
        engine.dispose()


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
