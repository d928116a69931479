"""How others come to write to SQLite, where one writes at a time."""

from __future__ import annotations

import contextlib
import time

import sqlalchemy as sa

from .transactions import autocommit

__all__ = ["let_others_write"]


def let_others_write(engine: sa.Engine, seconds: float) -> None:
    """Begin no transaction that writes for some time.

    What was written last is copied from the log into the file in the meantime. Else a
    commit would do it, sooner or later, and whoever asks how long that took could not
    tell that others may write again while it goes on.

    :param engine: SQLite.
    :param seconds: For how long.
    """
    until = time.monotonic() + seconds

    # It keeps nobody waiting, and waits for nobody. What could not be copied stays in
    # the log; a commit says nothing of that, either.
    with contextlib.suppress(sa.exc.DBAPIError), autocommit(engine) as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")

    time.sleep(max(0.0, until - time.monotonic()))
