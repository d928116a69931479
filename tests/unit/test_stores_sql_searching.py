"""Searches find their index, whatever the database."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from idp_session.models import SessionFilter
from idp_session.stores.sql import SqlSessionStore
from idp_session.stores.sql.types import ordered_string
from idp_session.testing import make_session


@pytest.mark.parametrize(
    ("url", "ddl"),
    [
        pytest.param("sqlite://", "VARCHAR(9)", id="sqlite"),
        pytest.param(
            "postgresql+psycopg://", 'VARCHAR(9) COLLATE "C"', id="postgresql"
        ),
        pytest.param(
            "mariadb+pymysql://",
            "VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
            id="mariadb",
        ),
    ],
)
def test_ordered_strings_are_ordered_by_character(url: str, ddl: str) -> None:
    """Where the default would order by a language, a collation is named."""
    table = sa.Table("names", sa.MetaData(), sa.Column("name", ordered_string(9)))
    statement = sa.schema.CreateTable(table)

    assert f"name {ddl}" in str(
        statement.compile(dialect=sa.create_engine(url).dialect)
    )


def test_a_beginning_is_looked_up_in_the_index(sqlite_engine: sa.Engine) -> None:
    """Whoever looks for a name does not read every session."""
    store = SqlSessionStore(sqlite_engine)
    store.create(make_session(display_name="Alice"))
    plans: list[str] = []

    @sa.event.listens_for(sqlite_engine, "before_cursor_execute")
    def explain(
        connection: sa.Connection, _cursor: object, sql: str, values: object, *_: object
    ) -> None:
        raw = connection.connection.driver_connection
        assert raw is not None
        plans.extend(
            row[-1] for row in raw.execute(f"EXPLAIN QUERY PLAN {sql}", values)
        )

    store.count(SessionFilter(display_name="Al"), at_most=9)

    assert any("ix_idp_sessions_display_name (display_name>? AND" in p for p in plans)
