"""Bring the tables to a revision of the schema."""

from __future__ import annotations

import threading
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from .schema import VERSION_TABLE
from .transactions import autocommit
from .transactions import write_transaction
from .types import MYSQL

__all__ = ["current_revision", "downgrade", "head_revision", "upgrade"]

_SCRIPTS = Path(__file__).parent / "migrations"

# Alembic keeps what it is doing in globals.
_one_thread = threading.Lock()

#: Any number that others are not likely to lock in the host's database.
_ADVISORY_LOCK = 7_305_804_385_112_643_429
_LOCK_NAME = "idp_session_schema"
_LOCK_TIMEOUT = 60


def upgrade(engine: sa.Engine, revision: str = "head") -> None:
    """Make the tables, or change them to a newer revision.

    Does nothing if they are there already. Several processes may do this at once:
    one works, the others wait.

    :param engine: The database.
    :param revision: Where to go; ``"head"`` is the newest.
    :raises TimeoutError: If another process holds the lock for more than a minute.
    """
    _migrate(engine, command.upgrade, revision)


def downgrade(engine: sa.Engine, revision: str) -> None:
    """Change the tables back to an older revision; this loses data.

    :param engine: The database.
    :param revision: Where to go; ``"base"`` removes the tables.
    :raises TimeoutError: If another process holds the lock for more than a minute.
    """
    _migrate(engine, command.downgrade, revision)


def current_revision(engine: sa.Engine) -> str | None:
    """The revision that the database is at; ``None`` if it has no tables of ours."""
    with autocommit(engine) as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE}
        )

        return context.get_current_revision()


def head_revision() -> str:
    """The newest revision that this package knows."""
    # There is always one: it is shipped beside this file.
    return str(ScriptDirectory(_SCRIPTS).get_current_head())


def _migrate(
    engine: sa.Engine, step: Callable[[Config, str], None], revision: str
) -> None:
    config = Config()
    # The option is read with interpolation.
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))

    with _one_thread, write_transaction(engine) as connection, _alone(connection):
        config.attributes["connection"] = connection
        step(config, revision)


@contextmanager
def _alone(connection: sa.Connection) -> Iterator[None]:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))

    if connection.dialect.name not in MYSQL:
        # SQLite's write lock is taken; both hold until the transaction is over.
        yield
        return

    if connection.scalar(sa.select(sa.func.get_lock(_LOCK_NAME, _LOCK_TIMEOUT))) != 1:
        raise TimeoutError("another process has not finished changing the schema")

    try:
        yield
        # Before the lock is given back, others must see the new revision.
        connection.execute(sa.text("COMMIT"))
    finally:
        connection.execute(sa.select(sa.func.release_lock(_LOCK_NAME)))
