"""The least that a session in a database can cost: one statement, no security."""

from __future__ import annotations

import secrets
import sqlite3
from pathlib import Path

import sqlalchemy as sa
from flask import Flask
from flask import request
from flask import Response

from idp_session.stores.sql import create_engine

from .texts import SUBJECT

__all__ = ["core_floor", "sqlite_floor"]

_COOKIE = "floor"


def sqlite_floor(path: Path) -> Flask:
    """The module ``sqlite3`` and nothing in between.

    :param path: The database file.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE floor (key TEXT PRIMARY KEY, subject TEXT)")
    app = Flask(__name__)

    @app.get("/")
    def home() -> str:
        found = connection.execute(
            "SELECT subject FROM floor WHERE key = ?", (request.cookies[_COOKIE],)
        ).fetchone()

        return str(found[0])

    @app.post("/login")
    def login() -> Response:
        key = secrets.token_hex(32)
        connection.execute("INSERT INTO floor VALUES (?, ?)", (key, SUBJECT))

        return _with_cookie(key)

    return app


def core_floor(url: sa.URL) -> Flask:
    """SQLAlchemy Core, on an engine with the settings of ours.

    :param url: The database.
    """
    engine = create_engine(url)
    metadata = sa.MetaData()
    table = sa.Table(
        "floor",
        metadata,
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("subject", sa.String(64)),
    )
    metadata.create_all(engine)
    by_key = sa.select(table.c.subject).where(table.c.key == sa.bindparam("wanted"))
    app = Flask(__name__)

    @app.get("/")
    def home() -> str:
        with engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")

            return str(connection.scalar(by_key, {"wanted": request.cookies[_COOKIE]}))

    @app.post("/login")
    def login() -> Response:
        key = secrets.token_hex(32)

        with engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.execute(sa.insert(table), {"key": key, "subject": SUBJECT})

        return _with_cookie(key)

    return app


def _with_cookie(key: str) -> Response:
    response = Response("ok")
    response.set_cookie(_COOKIE, key)

    return response
