"""Engines with the settings that the stores want."""

from __future__ import annotations

import os
import sqlite3
import time
from typing import Any

import sqlalchemy as sa

__all__ = ["create_engine", "create_sqlite_engine"]

_BUSY_TIMEOUT = 10.0


def create_engine(url: str | sa.URL, **options: Any) -> sa.Engine:
    """An engine for the stores; connects when it is first used.

    SQLite gets a write-ahead log, full durability, foreign keys, and 10 seconds of
    patience. Other databases are asked whether a pooled connection still lives
    before it is used. Errors do not show parameters.

    :param url: Where the database is, as SQLAlchemy writes it.
    :param options: More for :func:`sqlalchemy.create_engine`; these win.
    """
    url = sa.make_url(url)
    is_sqlite = url.get_backend_name() == "sqlite"
    settings = {"hide_parameters": True, "pool_pre_ping": not is_sqlite, **options}
    engine = sa.create_engine(url, **settings)

    if is_sqlite:
        sa.event.listen(engine, "connect", _prepare_sqlite)

    return engine


def create_sqlite_engine(path: str | os.PathLike[str]) -> sa.Engine:
    """An engine for one SQLite file.

    :param path: The file; it is made when first needed, its folder is not.
    """
    return create_engine(sa.URL.create("sqlite", database=os.fspath(path)))


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT * 1000:.0f}")
    _use_write_ahead_log(connection, patience=_BUSY_TIMEOUT)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _use_write_ahead_log(connection: sqlite3.Connection, *, patience: float) -> None:
    # The switch needs the file for itself, and SQLite does not always wait for that.
    give_up_at = time.monotonic() + patience

    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() >= give_up_at:
                raise

            time.sleep(0.01)
        else:
            return
