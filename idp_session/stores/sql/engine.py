"""Engines with the settings that the stores want."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from typing import Any

import sqlalchemy as sa

from .explicit import begin_explicitly
from .explicit import can_begin_explicitly
from .explicit import EXPLICIT_OPTIONS
from .liveness import watch_over

__all__ = ["create_engine", "create_sqlite_engine"]

_BUSY_TIMEOUT = 10.0
_LOGGING_NAME = "idp_session"


def create_engine(url: str | sa.URL, **options: Any) -> sa.Engine:
    """An engine for the stores; connects when it is first used.

    SQLite gets a write-ahead log, full durability, foreign keys, and 10 seconds of
    patience. With other databases no pooled connection is used that is dead: they are
    asked when it was not used for some seconds, or when something has come in on it.
    Those of PyMySQL commit by themselves, and SQLAlchemy's transactions are begun by
    ``BEGIN``; who uses ``raw_connection`` begins them in the same way. An engine for
    which ``options`` say how transactions begin or end has them as usual.
    Neither errors nor logs show parameters or rows, at any level,
    unless ``hide_parameters`` is false; statements are logged by
    ``sqlalchemy.engine.Engine.idp_session``.

    :param url: Where the database is, as SQLAlchemy writes it.
    :param options: More for :func:`sqlalchemy.create_engine`; these win.
    """
    url = sa.make_url(url)
    is_sqlite = url.get_backend_name() == "sqlite"
    defaults = {
        "hide_parameters": True,
        "logging_name": _LOGGING_NAME,
    }
    is_explicit = can_begin_explicitly(url, options)

    if is_explicit:
        defaults |= EXPLICIT_OPTIONS

    engine = sa.create_engine(url, **{**defaults, **options})

    if engine.hide_parameters and engine.logging_name:
        _hide_rows(engine.logging_name)

    if is_sqlite:
        sa.event.listen(engine, "connect", _prepare_sqlite)
    else:
        watch_over(engine)

    if is_explicit:
        begin_explicitly(engine)

    return engine


def create_sqlite_engine(path: str | os.PathLike[str]) -> sa.Engine:
    """An engine for one SQLite file.

    :param path: The file; it is made when first needed, its folder is not.
    """
    return create_engine(sa.URL.create("sqlite", database=os.fspath(path)))


def _hide_rows(logging_name: str) -> None:
    # SQLAlchemy hides what goes into a statement, and at DEBUG tells what came out.
    logger = logging.getLogger(f"sqlalchemy.engine.Engine.{logging_name}")
    logger.addFilter(_tells_no_row)


def _tells_no_row(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG


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
