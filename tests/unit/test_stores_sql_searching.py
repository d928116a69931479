"""Searches find their index, whatever the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from idp_session.models import Position
from idp_session.models import SessionFilter
from idp_session.stores.sql import SqlSessionStore
from idp_session.stores.sql.schema import attributes
from idp_session.stores.sql.schema import participants
from idp_session.stores.sql.schema import sessions
from idp_session.stores.sql.types import ordered_string
from idp_session.testing import make_session

from .explaining import analyze
from .explaining import explained


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

    with explained(sqlite_engine) as plans:
        store.count(SessionFilter(display_name="Al"), at_most=9)

    assert any("ix_idp_sessions_display_name (display_name>? AND" in p for p in plans)


def test_those_signed_in_are_counted_in_an_index(sqlite_engine: sa.Engine) -> None:
    """Whoever counts reads no session: a million may be anonymous and come first."""
    with explained(sqlite_engine) as plans:
        SqlSessionStore(sqlite_engine).count(SessionFilter(), at_most=9)

    assert any("COVERING INDEX ix_idp_sessions_subject_id" in each for each in plans)


def test_a_beginning_of_many_names(engine: sa.Engine) -> None:
    """Pages of a common name are in order, as those of a rare one, and both complete."""
    store = SqlSessionStore(engine)
    store.create(make_session(display_name="Alice"))
    _add_sessions(engine, 4500)
    every = store.query(SessionFilter(), limit=9000, after=None)
    common = [each for each in every if (each.display_name or "").startswith("Bo")]
    middle = common[2000]
    place = Position(created_at=middle.created_at, session_id=middle.session_id)

    newest = store.query(SessionFilter(display_name="Bo"), limit=30, after=None)
    older = store.query(SessionFilter(display_name="Bo"), limit=30, after=place)
    newer = store.query(
        SessionFilter(display_name="Bo"), limit=30, after=place, backwards=True
    )
    rare = store.query(SessionFilter(display_name="Al"), limit=900, after=None)

    assert len(common) == 4400
    assert [*newest] == common[:30]
    assert [*older] == common[2001:2031]
    assert [*newer] == common[1970:2000]
    assert len(rare) == 101


def test_a_common_beginning_is_met_on_the_way(sqlite_engine: sa.Engine) -> None:
    """Nobody sorts thousands of sessions for a page of them."""
    store = SqlSessionStore(sqlite_engine)
    store.create(make_session(display_name="Alice"))
    _add_sessions(sqlite_engine, 4500)

    with explained(sqlite_engine) as plans:
        store.query(SessionFilter(display_name="Bo"), limit=30, after=None)

    assert "USING INDEX ix_idp_sessions_created_at" in plans[-1]
    assert "TEMP B-TREE" not in plans[-1]


def test_a_rare_beginning_is_looked_up(engine: sa.Engine) -> None:
    """Nobody walks the whole list to meet the few who have the name."""
    store = SqlSessionStore(engine)
    store.create(make_session(display_name="Alice"))
    _add_sessions(engine, 4500)
    # PostgreSQL may remember the sessions of another test, all of whom had the name.
    analyze(engine, sessions)

    with explained(engine) as plans:
        store.query(SessionFilter(display_name="Al"), limit=30, after=None)

    assert "ix_idp_sessions_display_name" in plans[-1]


@pytest.mark.parametrize(
    "wanted",
    [
        SessionFilter(client_id="shop"),
        SessionFilter(attribute=("tenant", "acme")),
        SessionFilter(client_id="shop", attribute=("tenant", "acme")),
        SessionFilter(client_id="shop", display_name="Al"),
    ],
)
def test_sessions_that_many_are_like(engine: sa.Engine, wanted: SessionFilter) -> None:
    """A client or an attribute that thousands have finds them in order, all of them."""
    store = SqlSessionStore(engine)
    store.create(make_session(display_name="Alice"))
    _add_sessions(engine, 4500)
    _have_all_in_common(engine)
    every = store.query(SessionFilter(), limit=9000, after=None)
    name = wanted.display_name or ""
    like = [each for each in every if (each.display_name or "").startswith(name)]
    middle = like[50]
    place = Position(created_at=middle.created_at, session_id=middle.session_id)

    assert [*store.query(wanted, limit=30, after=None)] == like[:30]
    assert [*store.query(wanted, limit=30, after=place)] == like[51:81]


@pytest.mark.parametrize(
    "wanted",
    [
        SessionFilter(client_id="shop"),
        SessionFilter(attribute=("tenant", "acme")),
    ],
)
def test_many_are_not_sorted(sqlite_engine: sa.Engine, wanted: SessionFilter) -> None:
    """A page of the sessions of a client that all use is a part of the list of all."""
    store = SqlSessionStore(sqlite_engine)
    store.create(make_session(display_name="Alice"))
    _add_sessions(sqlite_engine, 4500)
    _have_all_in_common(sqlite_engine)

    with explained(sqlite_engine) as plans:
        store.query(wanted, limit=30, after=None)

    assert "USING INDEX ix_idp_sessions_created_at" in plans[-1]
    assert "TEMP B-TREE" not in plans[-1]


@pytest.mark.parametrize(
    "wanted",
    [
        SessionFilter(display_name="a\0"),
        SessionFilter(client_id="x" * 999),
        SessionFilter(attribute=("n" * 99, "acme")),
        SessionFilter(attribute=("tenant", "\ud800")),
    ],
    ids=["name", "client", "attribute", "value"],
)
def test_what_no_database_could_hold(engine: sa.Engine, wanted: SessionFilter) -> None:
    """It is in no session, and no error."""
    store = SqlSessionStore(engine)
    store.create(make_session(display_name="Alice"))

    assert store.query(wanted, limit=9, after=None) == ()
    assert store.count(wanted, at_most=9) == 0


def _have_all_in_common(engine: sa.Engine) -> None:
    every = sa.select(sessions.c.session_id, sessions.c.created_at)

    with engine.begin() as connection:
        rows = connection.execute(every).all()
        connection.execute(
            sa.insert(participants),
            [
                {
                    "session_id": row.session_id,
                    "client_id": "shop",
                    "issuer": "https://idp.test",
                    "subject": "alice",
                    "joined_at": row.created_at,
                }
                for row in rows
            ],
        )
        connection.execute(
            sa.insert(attributes),
            [
                {"session_id": row.session_id, "name": "tenant", "value": "acme"}
                for row in rows
            ],
        )


def _add_sessions(engine: sa.Engine, number: int) -> None:
    # Like the only one there is, but for what names it, one after the other.
    with engine.begin() as connection:
        row = dict(connection.execute(sa.select(sessions)).one()._mapping)
        connection.execute(
            sa.insert(sessions),
            [
                {
                    **row,
                    "key": f"{place:064x}",
                    "session_id": f"{place:032x}",
                    "display_name": "Bob" if place % 45 else "Alan",
                    "created_at": row["created_at"] + timedelta(seconds=place // 3),
                }
                for place in range(number)
            ],
        )
