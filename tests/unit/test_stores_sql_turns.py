"""Others write while a sweep pauses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from idp_session.stores.sql import create_engine
from idp_session.stores.sql import SqlSessionStore
from idp_session.stores.sql import upgrade
from idp_session.stores.sql.turns import let_others_write
from idp_session.testing import make_session


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.sqlite"


@pytest.fixture
def engine(path: Path) -> Iterator[sa.Engine]:
    engine = create_engine(sa.URL.create("sqlite", database=str(path)))
    upgrade(engine)
    yield engine
    engine.dispose()


def test_a_turn_lasts(engine: sa.Engine) -> None:
    """Nothing is written before the others had their time."""
    began_at = time.monotonic()

    let_others_write(engine, 0.05)

    assert time.monotonic() - began_at >= 0.05


def test_the_log_is_copied_in_a_turn(engine: sa.Engine, path: Path) -> None:
    """No commit has to copy later what was written before the turn."""
    session = make_session(ticket=b"written before the turn")
    SqlSessionStore(engine).create(session)
    before = session.ticket in path.read_bytes()

    let_others_write(engine, 0)

    assert (before, session.ticket in path.read_bytes()) == (False, True)


def test_a_turn_beside_a_writer(engine: sa.Engine) -> None:
    """Somebody who writes during the turn neither waits nor is waited for."""
    with engine.connect() as other:
        other.exec_driver_sql("BEGIN IMMEDIATE")

        let_others_write(engine, 0)

        other.exec_driver_sql("DELETE FROM idp_sessions")
        other.exec_driver_sql("COMMIT")


def test_a_turn_without_a_log(tmp_path: Path) -> None:
    """A host's database may keep no log, or may not open at all."""
    plain = sa.create_engine("sqlite://")
    broken = sa.create_engine(f"sqlite:///{tmp_path}/missing/file.sqlite")

    let_others_write(plain, 0)
    let_others_write(broken, 0)

    plain.dispose()
    broken.dispose()
