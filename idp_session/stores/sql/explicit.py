"""Transactions that begin when SQLAlchemy says so, and not with every statement."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.pool import PoolResetState

from .types import MYSQL

__all__ = [
    "EXPLICIT_OPTIONS",
    "begin_explicitly",
    "begins_explicitly",
    "can_begin_explicitly",
    "is_begun_explicitly",
    "is_over",
    "listens_to_begin",
    "transaction_as",
]

#: For :func:`sqlalchemy.create_engine`: what is open is ended by our listener.
EXPLICIT_OPTIONS: Mapping[str, Any] = {"pool_reset_on_return": None}

#: Whoever sets one of them has an opinion of how transactions begin and end.
_OPINIONS = frozenset(
    {
        "creator",
        "execution_options",
        "isolation_level",
        "module",
        "pool",
        "pool_reset_on_return",
        "skip_autocommit_rollback",
    }
)
#: The execution option that says which transaction is to begin.
_WANTED = "idp_session_transaction"
_NONE = "AUTOCOMMIT"

#: Bits of what PyMySQL knows of the server's state.
_IN_TRANSACTION = 0x1
_AUTOCOMMIT = 0x2


def can_begin_explicitly(url: sa.URL, options: Mapping[str, Any]) -> bool:
    """Whether an engine may have connections that commit by themselves.

    :param url: Where the database is.
    :param options: Those of :func:`sqlalchemy.create_engine`.
    """
    return (
        url.get_backend_name() in MYSQL
        and url.get_driver_name() == "pymysql"
        and "autocommit" not in {*url.query, *options.get("connect_args", ())}
        and _OPINIONS.isdisjoint(options)
    )


def begin_explicitly(engine: sa.Engine) -> None:
    """Have connections commit by themselves, and transactions begun by ``BEGIN``.

    Otherwise every ``SELECT`` begins one, and it takes a round trip to end it. What
    SQLAlchemy calls a transaction stays one, with the isolation that it had. Before a
    connection goes back to the pool, what is open on it is rolled back.

    :param engine: One for which :func:`can_begin_explicitly`, made with
        ``EXPLICIT_OPTIONS``.
    """
    errors = engine.dialect.loaded_dbapi.Error
    _engines.add(engine)

    def put_back(connection: Any, record: ConnectionPoolEntry) -> None:
        # There is none if it was broken. What raised here would cost the pool a place.
        try:
            if connection is not None:
                _commit_by_itself(connection)
        except errors as error:
            record.invalidate(error)

    sa.event.listen(engine, "connect", lambda driver, _: _commit_by_itself(driver))
    sa.event.listen(engine, "begin", _begin)
    sa.event.listen(engine, "reset", _end_what_is_open)
    # SQLAlchemy has taken back an isolation level by then, which ends the mode.
    sa.event.listen(engine, "checkin", put_back)


def begins_explicitly(engine: sa.Engine) -> bool:
    """Whether an engine was given to :func:`begin_explicitly`.

    :param engine: Any; one that was made of it by ``execution_options`` was not.
    """
    return engine in _engines


def is_begun_explicitly(connection: sa.Connection) -> bool:
    """Whether nothing begins on a connection unless :func:`transaction_as` says so.

    :param connection: Of any engine, also one in which a host has set an isolation
        level for all connections.
    """
    driver: Any = connection.connection.driver_connection

    return begins_explicitly(connection.engine) and driver.get_autocommit()


def transaction_as(connection: sa.Connection, level: str | None) -> None:
    """Say what is to begin on a connection that :func:`is_begun_explicitly`.

    :param connection: It has no transaction.
    :param level: The isolation level; ``None`` begins no transaction.
    """
    connection.execution_options(**{_WANTED: level or _NONE})


def listens_to_begin(engine: sa.Engine) -> bool:
    """Whether anybody but us wants to know when a transaction begins.

    :param engine: The database.
    """
    return any(listener is not _begin for listener in engine.dispatch.begin)


def is_over(engine: sa.Engine, connection: PoolProxiedConnection) -> bool:
    """Whether the last statement has been committed by itself.

    :param engine: The database.
    :param connection: A connection of it.
    """
    return begins_explicitly(engine) and not _may_be_open(
        connection.dbapi_connection, was_reset=False
    )


def _commit_by_itself(driver: Any) -> None:
    if not driver.get_autocommit():
        driver.autocommit(True)  # noqa: FBT003  # PyMySQL gives it no name


def _begin(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    wanted = options.get(_WANTED, options.get("isolation_level"))
    driver: Any = connection.connection.driver_connection

    # With another isolation level, SQLAlchemy has ended the mode: all begin by
    # themselves.
    if wanted == _NONE or not driver.get_autocommit():
        return

    try:
        if _WANTED in options:
            connection.exec_driver_sql(f"SET TRANSACTION ISOLATION LEVEL {wanted}")

        connection.exec_driver_sql("BEGIN")
    except BaseException:
        # SQLAlchemy believes from now on that it is about to begin, and would execute
        # the next statement outside of any transaction.
        connection.close()
        raise


def _end_what_is_open(
    connection: Any, _record: ConnectionPoolEntry, state: PoolResetState
) -> None:
    if _may_be_open(connection, was_reset=state.transaction_was_reset):
        connection.rollback()


def _may_be_open(connection: Any, *, was_reset: bool) -> bool:
    # Not what SQLAlchemy believes decides, but what the server has said. It says so
    # with each statement that returns no rows; those that do begin nothing.
    if connection.server_status & (_AUTOCOMMIT | _IN_TRANSACTION) != _AUTOCOMMIT:
        return True

    if was_reset:
        return False

    # With an error it does not say so, and PyMySQL has no result; with more to come it
    # has not said the last.
    result = getattr(connection, "_result", None)

    return result is None or bool(result.unbuffered_active or result.has_next)


#: To ask SQLAlchemy who listens would take longer, with every lookup.
_engines: weakref.WeakSet[sa.Engine] = weakref.WeakSet()
