"""Bring the tables to a revision of the schema.

Alembic is imported when there is something to do for it: it takes more memory than
the stores, and a process that only answers requests never needs it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ...errors import ConfigurationError
from .schema import VERSION_TABLE
from .transactions import autocommit
from .transactions import write_transaction
from .types import MYSQL

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

__all__ = [
    "current_revision",
    "downgrade",
    "head_revision",
    "is_known",
    "upgrade",
]

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
    :raises ConfigurationError: If a newer version of this package made the tables.
    :raises TimeoutError: On MySQL and MariaDB, if another process takes more than a
        minute; PostgreSQL waits for as long as it takes.
    """
    _migrate(engine, revision, is_upgrade=True)


def downgrade(engine: sa.Engine, revision: str) -> None:
    """Change the tables back to an older revision; this loses data.

    :param engine: The database.
    :param revision: Where to go; ``"base"`` removes the tables.
    :raises ConfigurationError: If a newer version of this package made the tables.
    :raises TimeoutError: On MySQL and MariaDB, if another process takes more than a
        minute; PostgreSQL waits for as long as it takes.
    """
    _migrate(engine, revision, is_upgrade=False)


def current_revision(engine: sa.Engine) -> str | None:
    """The revision that the database is at; ``None`` if it has no tables of ours."""
    with autocommit(engine) as connection:
        return _revision_of(connection)


def is_known(revision: str | None) -> bool:
    """Whether this package knows a revision; if not, it is from a newer one.

    :param revision: As :func:`current_revision` gave it.
    """
    known = {each.revision for each in _scripts().walk_revisions()}

    return revision is None or revision in known


def head_revision() -> str:
    """The newest revision that this package knows."""
    # There is always one: it is shipped beside this file.
    return str(_scripts().get_current_head())


def _scripts() -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory(_SCRIPTS)


def _migrate(engine: sa.Engine, revision: str, *, is_upgrade: bool) -> None:
    from alembic import command
    from alembic.config import Config

    step = command.upgrade if is_upgrade else command.downgrade
    config = Config()
    # The option is read with interpolation.
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))

    with _one_thread, write_transaction(engine) as connection, _alone(connection):
        _refuse_newer(_revision_of(connection))
        config.attributes["connection"] = connection
        step(config, revision)


def _revision_of(connection: sa.Connection) -> str | None:
    from alembic.runtime.migration import MigrationContext

    context = MigrationContext.configure(
        connection, opts={"version_table": VERSION_TABLE}
    )

    return context.get_current_revision()


def _refuse_newer(revision: str | None) -> None:
    if not is_known(revision):
        raise ConfigurationError(
            f"the tables are at revision {revision}, which this version of idp_session"
            " does not know: a newer one made them; install that one"
        )


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
