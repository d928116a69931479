"""Statements that read, without the layers above the driver."""

from __future__ import annotations

import logging
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from typing import Generic
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.pool import reset_none

from .compiled import CompiledStatement
from .explicit import begins_explicitly
from .explicit import listens_to_begin
from .kept import connection_source
from .packing import is_worth_packing
from .packing import packed
from .packing import unpacked
from .transactions import run_read

__all__ = [
    "DirectReader",
    "PreparedQuery",
    "keeps_cursors",
    "kept_cursor",
    "single_statement",
    "sqlalchemy_is_needed",
]

T = TypeVar("T")

_CURSOR = "idp_session_cursor"


class DirectReader:
    """Puts statements straight to the driver, each in a transaction of its own.

    :param engine: The database.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self._sets_autocommit = engine.dialect.name == "postgresql"
        self._keeps_cursors = keeps_cursors(engine)
        self._connections = connection_source(engine)

    def rows(self, statement: CompiledStatement, parameters: Any) -> Any:
        """All rows, as the driver returns them.

        :param statement: What to execute.
        :param parameters: As the statement itself has put them.
        """
        connection = self._connections.take()

        try:
            if self._sets_autocommit:
                with single_statement(self.engine, connection):
                    found = self._fetched(connection, statement, parameters)
            else:
                found = self._fetched(connection, statement, parameters)
        except BaseException:
            self._connections.discard(connection)
            raise

        self._connections.give_back(connection)

        return found

    def _fetched(
        self,
        connection: PoolProxiedConnection,
        statement: CompiledStatement,
        parameters: Any,
    ) -> Any:
        keeps = self._keeps_cursors
        cursor = kept_cursor(connection) if keeps else connection.cursor()
        cursor.execute(statement.text, parameters)
        rows = cursor.fetchall()

        if not keeps:
            cursor.close()

        return rows


class PreparedQuery(Generic[T]):
    """One statement that reads, compiled once, put straight to the driver.

    SQLAlchemy needs several times as long for a short statement as SQLite does. Its own
    way is still taken wherever the difference would be noticed: when somebody listens
    to the statements, connections or transactions of the engine or logs them, when its
    tables are elsewhere, when its pool ends no transaction, and when the driver reports
    an error, which is then found again and wrapped, or is over with the connection that
    was broken.

    The database is asked each time. What is remembered is which values were made of
    rows that came before as they are now.

    :param reader: Who executes it.
    :param query: Its parameters have names.
    :param make: Makes a value that nobody can change of the columns of a row, which it
        takes in their order.
    :param remembered: Of how many rows. A query whose rows are remembered is one of
        every request, and its rows may come packed; then bytes are its last columns.
    """

    def __init__(
        self,
        reader: DirectReader,
        query: sa.Select[*tuple[object, ...]],
        make: Callable[..., T],
        *,
        remembered: int = 0,
    ) -> None:
        dialect = reader.engine.dialect
        columns = query.selected_columns
        self._reader = reader
        self._query = query
        self._is_packed = remembered > 0 and is_worth_packing(dialect)
        self._compiled = CompiledStatement(
            packed(query) if self._is_packed else query, dialect
        )
        self._processors = tuple(
            (place, process)
            for place, column in enumerate(columns)
            if (process := _processor(column, dialect))
        )
        self._make = make
        self._made = (
            lru_cache(maxsize=remembered)(self._made_of)
            if remembered
            else self._made_of
        )

    def first(self, **values: Any) -> T | None:
        """The value of the first row.

        :param values: Those of the parameters.
        """
        found = self.all(**values)

        return found[0] if found else None

    def all(self, **values: Any) -> tuple[T, ...]:
        """The values of all rows.

        :param values: Those of the parameters.
        """
        engine = self._reader.engine

        if sqlalchemy_is_needed(engine):
            return self._from_sqlalchemy(values)

        try:
            rows = self._reader.rows(self._compiled, self._compiled.parameters(values))
        except engine.dialect.loaded_dbapi.Error:
            return self._from_sqlalchemy(values)

        # Some drivers, and hosts, make rows of another kind, such as lists.
        return tuple(map(self._made, map(tuple, rows)))

    def _from_sqlalchemy(self, values: dict[str, Any]) -> tuple[T, ...]:
        rows = run_read(
            self._reader.engine,
            lambda connection: connection.execute(self._query, values).all(),
        )

        return tuple(self._make(*row) for row in rows)

    def _made_of(self, row: tuple[Any, ...]) -> T:
        values = unpacked(row) if self._is_packed else list(row)

        for place, process in self._processors:
            values[place] = process(values[place])

        return self._make(*values)


def sqlalchemy_is_needed(engine: sa.Engine) -> bool:
    """Whether it does more with a statement than to give it to the driver.

    :param engine: The database.
    """
    listeners = engine.dispatch

    return bool(
        listeners.before_cursor_execute
        or listeners.after_cursor_execute
        or listeners.before_execute
        or listeners.after_execute
        # Hosts say there which tenant a connection or a transaction is for.
        or listeners.engine_connect
        or (listeners.begin and listens_to_begin(engine))
        or listeners.commit
        or engine.get_execution_options()
        or engine.logger.isEnabledFor(logging.INFO)
        # What a lookup has begun would go on, and never see what others commit.
        or (
            engine.pool._reset_on_return is reset_none  # noqa: SLF001
            and not begins_explicitly(engine)
        )
    )


def keeps_cursors(engine: sa.Engine) -> bool:
    """Whether a connection has one cursor for all statements.

    To make one takes psycopg half as long as to execute a statement.

    :param engine: The database.
    """
    return engine.dialect.driver == "psycopg"


def kept_cursor(connection: PoolProxiedConnection) -> Any:
    """The cursor of a connection; it is gone when the connection is replaced.

    :param connection: One of an engine of which :func:`keeps_cursors` is true.
    """
    kept = connection.info.get(_CURSOR)

    if kept is None:
        kept = connection.info[_CURSOR] = connection.cursor()

    return kept


@contextmanager
def single_statement(
    engine: sa.Engine, connection: PoolProxiedConnection
) -> Iterator[None]:
    """On PostgreSQL: let the next statement be a transaction of its own.

    Otherwise there would be a round trip before the statement and one after it.

    :param engine: The database.
    :param connection: A connection of it. It is as it was afterwards, also when the
        driver refuses the statement; after any other error nobody may have it.
    """
    driver: Any = connection.driver_connection
    before, driver.autocommit = driver.autocommit, True

    try:
        yield
    except engine.dialect.loaded_dbapi.Error:
        if not getattr(driver, "closed", False):
            driver.autocommit = before
        raise

    driver.autocommit = before


def _processor(
    column: sa.ColumnElement[Any], dialect: sa.Dialect
) -> Callable[[Any], Any] | None:
    return column.type.dialect_impl(dialect).result_processor(dialect, None)
