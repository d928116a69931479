"""How a database goes about what it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

__all__ = ["analyze", "explained"]


def analyze(engine: sa.Engine, table: sa.Table) -> None:
    """Have the database look at what is in a table now.

    :param engine: The database.
    :param table: Which table.
    """
    name = engine.dialect.identifier_preparer.format_table(table)
    word = "ANALYZE TABLE" if engine.dialect.name == "mysql" else "ANALYZE"

    with engine.begin() as connection:
        connection.exec_driver_sql(f"{word} {name}")


@contextmanager
def explained(engine: sa.Engine) -> Iterator[list[str]]:
    """The plan of each statement, in the database's own words.

    :param engine: The database.
    """
    plans: list[str] = []
    word = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"

    def explain(
        connection: sa.Connection, _cursor: object, sql: str, values: Any, *_: object
    ) -> None:
        raw = connection.connection.cursor()
        raw.execute(f"{word} {sql}", values)
        plans.append(repr(raw.fetchall()))
        raw.close()

    sa.event.listen(engine, "before_cursor_execute", explain)

    try:
        yield plans
    finally:
        # Many tests share the engine.
        sa.event.remove(engine, "before_cursor_execute", explain)
