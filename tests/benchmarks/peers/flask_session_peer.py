"""The application with Flask-Session."""

from __future__ import annotations

import sqlite3
import warnings
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask_session import Session
from flask_sqlalchemy import SQLAlchemy
from redis import Redis

from .flask_peers import keeping_in_session
from .texts import SECRET

__all__ = ["flask_session_app", "flask_session_on_redis"]


def flask_session_app(url: sa.URL, *, is_read_only: bool = False) -> Flask:
    """Flask-Session in a database, with the settings for SQLite that we take, too.

    :param url: The database.
    :param is_read_only: Whether a request that changes nothing writes nothing, which
        is not how it comes.
    """
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    database = SQLAlchemy(app)

    with app.app_context():
        if url.get_backend_name() == "sqlite":
            sa.event.listen(database.engine, "connect", _prepare_sqlite)

    return _with_session(
        app,
        is_read_only=is_read_only,
        SESSION_TYPE="sqlalchemy",
        SESSION_SQLALCHEMY=database,
    )


def flask_session_on_redis(
    client: Redis, prefix: str, *, is_read_only: bool = False
) -> Flask:
    """Flask-Session in Redis.

    :param client: The server.
    :param prefix: How the names of all entries begin.
    :param is_read_only: As :func:`flask_session_app` takes it.
    """
    return _with_session(
        Flask(__name__),
        is_read_only=is_read_only,
        SESSION_TYPE="redis",
        SESSION_REDIS=client,
        SESSION_KEY_PREFIX=prefix,
    )


def _with_session(app: Flask, *, is_read_only: bool, **settings: Any) -> Flask:
    app.secret_key = SECRET
    app.config.update(settings)
    app.config["SESSION_REFRESH_EACH_REQUEST"] = not is_read_only

    with warnings.catch_warnings():
        # It tells of its own future.
        warnings.simplefilter("ignore", DeprecationWarning)
        Session(app)

    keeping_in_session(app)

    return app


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA busy_timeout = 10000")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
