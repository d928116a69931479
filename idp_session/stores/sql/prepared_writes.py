"""Statements that write often, without the layers above the driver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import PoolProxiedConnection

from .compiled import CompiledStatement
from .explicit import is_over
from .prepared import keeps_cursors
from .prepared import kept_cursor
from .prepared import single_statement
from .prepared import sqlalchemy_is_needed
from .transactions import execute_write

__all__ = ["PreparedWrite"]


class PreparedWrite:
    """One statement that writes, compiled once, put straight to the driver.

    As with :class:`.PreparedQuery`, SQLAlchemy's own way is taken wherever the
    difference would be noticed. A statement that was refused is given to it once more,
    for its errors and its patience; not one of which nobody knows whether it was
    executed, because the connection was lost.

    :param engine: The database.
    :param statement: It has a bound parameter for each value.
    """

    def __init__(self, engine: sa.Engine, statement: sa.UpdateBase) -> None:
        self._engine = engine
        self._statement = statement
        self._compiled = CompiledStatement(statement, engine.dialect)
        self._keeps = keeps_cursors(engine)

    def execute(self, values: Mapping[str, Any]) -> int:
        """Execute it in a transaction of its own.

        :param values: By the names of the parameters.
        :returns: How many rows it matched.
        """
        if sqlalchemy_is_needed(self._engine):
            return execute_write(self._engine, self._statement, values)

        dbapi = self._engine.dialect.loaded_dbapi
        connection = self._engine.raw_connection()

        try:
            return self._executed(connection, self._compiled.parameters(values))
        except dbapi.Error as error:
            if self._engine.dialect.is_disconnect(error, _driver(connection), None):
                connection.invalidate()
                raise self._wrapped(error) from error
        except BaseException:
            # Interrupted, perhaps between a statement and its answer.
            connection.invalidate()
            raise
        finally:
            # Rolls back what was not committed.
            connection.close()

        return execute_write(self._engine, self._statement, values)

    def _executed(self, connection: PoolProxiedConnection, parameters: Any) -> int:
        if self._engine.dialect.name == "postgresql":
            with single_statement(self._engine, connection):
                return self._committed(connection, parameters)

        return self._committed(connection, parameters)

    def _committed(self, connection: PoolProxiedConnection, parameters: Any) -> int:
        cursor = kept_cursor(connection) if self._keeps else connection.cursor()
        cursor.execute(self._compiled.text, parameters)
        count = int(cursor.rowcount)

        if not self._keeps:
            cursor.close()

        if not self._is_over(connection):
            connection.commit()

        return count

    def _is_over(self, connection: PoolProxiedConnection) -> bool:
        # pg8000 goes on with a transaction that a look at the connection has begun.
        if self._keeps:
            return bool(_driver(connection).autocommit)

        return is_over(self._engine, connection)

    def _wrapped(self, error: Exception) -> Exception:
        wrapped: Exception = sa.exc.DBAPIError.instance(
            self._compiled.text,
            None,
            error,
            self._engine.dialect.loaded_dbapi.Error,
            hide_parameters=True,
            connection_invalidated=True,
            dialect=self._engine.dialect,
        )

        return wrapped


def _driver(connection: PoolProxiedConnection) -> Any:
    return connection.dbapi_connection
