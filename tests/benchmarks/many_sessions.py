"""Tables with a great many sessions, made by the database itself."""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from datetime import UTC
from typing import Any

import sqlalchemy as sa

from idp_session.stores.sql import metadata
from idp_session.stores.sql import SqlSessionStore
from idp_session.testing import make_participant
from idp_session.testing import make_session

__all__ = ["fill", "fill_expired"]

_SESSIONS = metadata.tables["idp_sessions"]
_PARTICIPANTS = metadata.tables["idp_session_participants"]
_TICKET_SIZE = 400
_USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_MILLISECOND = 1000


def fill(engine: sa.Engine, count: int) -> datetime:
    """Sessions that live, one millisecond after the other, of as many people.

    :param engine: A database with our tables, and nothing in them.
    :param count: How many.
    :returns: When the first of them began.
    """
    began = datetime.now(UTC) - timedelta(hours=1)
    _fill(engine, count, began=began)

    return began


def fill_expired(engine: sa.Engine, count: int, *, client_ids: tuple[str, ...]) -> None:
    """Sessions that have expired, with clients that are to be told.

    :param engine: A database with our tables, and nothing in them.
    :param count: How many sessions.
    :param client_ids: Who takes part in each.
    """
    _fill(engine, count, began=datetime.now(UTC) - timedelta(days=2))
    session_id = _SESSIONS.c.session_id
    columns = [each for each in _PARTICIPANTS.c if each.name != "id"]
    joined = make_participant("")

    with engine.begin() as connection:
        for client_id in client_ids:
            given: dict[str, Any] = {
                "session_id": session_id,
                "client_id": sa.literal(client_id),
            }
            values = [
                given.get(each.name, sa.literal(_member(joined, each), each.type))
                for each in columns
            ]
            connection.execute(
                sa.insert(_PARTICIPANTS).from_select(
                    [each.name for each in columns], sa.select(*values)
                )
            )

    _analyze(engine)


def _fill(engine: sa.Engine, count: int, *, began: datetime) -> None:
    # One is made as ever, and the database copies it with other keys and instants.
    model = make_session(
        created_at=began,
        expires_at=began + timedelta(hours=12),
        absolute_expires_at=began + timedelta(hours=24),
        ip_address="203.0.113.77",
        user_agent=_USER_AGENT,
        ticket=b"\0" * _TICKET_SIZE,
    )
    SqlSessionStore(engine).create(model)
    number = sa.column("number", sa.BigInteger)
    is_sqlite = engine.dialect.name == "sqlite"
    given = {
        "key": _hexadecimal(number, is_sqlite=is_sqlite, digits=64),
        "session_id": _hexadecimal(number, is_sqlite=is_sqlite, digits=32),
        "subject_id": sa.literal("subject-") + sa.cast(number, sa.String),
        "display_name": sa.literal("Person ") + sa.cast(number, sa.String),
    } | {
        name: sa.type_coerce(_SESSIONS.c[name], sa.BigInteger) + number * _MILLISECOND
        for name in ("created_at", "expires_at")
    }
    values = [given.get(each.name, each) for each in _SESSIONS.c]

    with engine.begin() as connection:
        connection.execute(
            sa.insert(_SESSIONS).from_select(
                [each.name for each in _SESSIONS.c],
                sa.select(*values).select_from(
                    _SESSIONS.join(_numbers(count - 1, is_sqlite=is_sqlite), sa.true())
                ),
            )
        )

    _analyze(engine)


def _numbers(count: int, *, is_sqlite: bool) -> sa.FromClause:
    text = (
        "WITH RECURSIVE counted(number) AS (SELECT 1 UNION ALL"
        " SELECT number + 1 FROM counted WHERE number < :count)"
        " SELECT number FROM counted"
        if is_sqlite
        else "SELECT generate_series(1, CAST(:count AS bigint)) AS number"
    )

    return (
        sa.text(text)
        .bindparams(count=count)
        .columns(sa.column("number", sa.BigInteger))
        .subquery()
    )


def _hexadecimal(
    number: sa.ColumnElement[int], *, is_sqlite: bool, digits: int
) -> sa.ColumnElement[str]:
    if is_sqlite:
        return sa.func.lower(sa.func.hex(sa.func.randomblob(digits // 2)))

    # Random enough for an index, and made by every version.
    seed = sa.cast(sa.func.random(), sa.String) + sa.cast(number, sa.String)
    digest = sa.func.md5(seed, type_=sa.String)

    return (
        digest if digits == 32 else digest + sa.func.md5(digest + "2", type_=sa.String)
    )


def _member(value: object, column: sa.Column[Any]) -> Any:
    return getattr(value, column.name)


def _analyze(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(sa.text("ANALYZE"))
