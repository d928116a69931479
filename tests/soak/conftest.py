"""Databases for processes."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from idp_session.stores.sql import create_engine
from idp_session.stores.sql import upgrade
from tests.services import scratch_database

from .processes import Processes


@pytest.fixture
def make_processes(tmp_path: Path) -> Iterator[Callable[..., Processes]]:
    """Processes that end with the test: of the database, the clients, the settings."""
    made: list[Processes] = []

    def make(url: sa.URL, uris: dict[str, str], **settings: object) -> Processes:
        made.append(
            Processes(url=url, directory=tmp_path, uris=uris, settings=settings)
        )
        return made[-1]

    yield make

    for each in made:
        each.close()


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """A database of its own with our tables; its name is the parameter."""
    with scratch_database(request.param, tmp_path) as url:
        engine = create_engine(url)
        upgrade(engine)
        yield engine
        engine.dispose()
