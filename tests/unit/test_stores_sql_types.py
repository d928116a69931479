"""Column types, and what fits into them."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from datetime import timedelta
from datetime import timezone
from datetime import UTC

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from idp_session.stores.sql import SqlSessionStore
from idp_session.stores.sql.types import ExactString
from idp_session.stores.sql.types import Instant
from idp_session.testing import make_participant
from idp_session.testing import make_session

DIALECT = sqlite.dialect()


@pytest.mark.parametrize(
    ("instant", "microseconds"),
    [
        pytest.param(datetime(1970, 1, 1, tzinfo=UTC), 0, id="epoch"),
        pytest.param(
            datetime(1970, 1, 1, 0, 0, 1, 2, tzinfo=UTC), 1_000_002, id="microseconds"
        ),
        pytest.param(
            datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), -1_000_000, id="before"
        ),
        pytest.param(
            datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
            253_402_300_799_999_999,
            id="the last one",
        ),
    ],
)
def test_instants_are_exact(instant: datetime, microseconds: int) -> None:
    """An instant is kept to the microsecond."""
    assert Instant().process_bind_param(instant, DIALECT) == microseconds
    assert Instant().process_result_value(microseconds, DIALECT) == instant


def test_other_time_zones_are_converted() -> None:
    """The same instant is the same number, wherever it was read."""
    there = datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))

    assert Instant().process_bind_param(there, DIALECT) == 0


def test_naive_datetimes_are_refused() -> None:
    """Without a time zone nobody knows what instant is meant."""
    with pytest.raises(ValueError, match="aware"):
        Instant().process_bind_param(datetime(2026, 1, 1), DIALECT)


@pytest.mark.parametrize(
    ("url", "ddl"),
    [
        pytest.param("sqlite://", "VARCHAR(9)", id="sqlite"),
        pytest.param("postgresql+psycopg://", "VARCHAR(9)", id="postgresql"),
        pytest.param(
            "mariadb+pymysql://",
            "VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
            id="mariadb",
        ),
        pytest.param(
            "mysql+pymysql://",
            "VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin",
            id="mysql",
        ),
    ],
)
def test_strings_are_compared_exactly(url: str, ddl: str) -> None:
    """Where the default would ignore something, a collation is named."""
    assert ExactString(9).compile(sa.create_engine(url).dialect) == ddl


def test_descriptions_are_cut_off(sqlite_engine: sa.Engine) -> None:
    """What only describes a session may be longer than its column."""
    store = SqlSessionStore(sqlite_engine)
    session = make_session(
        display_name="n" * 300, ip_address="i" * 300, user_agent="u" * 3000
    )

    store.create(session)

    assert store.get(session.key) == dataclasses.replace(
        session, display_name="n" * 255, ip_address="i" * 45, user_agent="u" * 512
    )


def test_identifiers_that_just_fit(engine: sa.Engine) -> None:
    """The longest identifiers are kept whole."""
    store = SqlSessionStore(engine)
    session = make_session(subject_id="🦊" * 255)
    participant = make_participant(
        session.session_id, client_id="🦊" * 255, issuer="i" * 512, subject="s" * 255
    )
    store.create(session)

    store.add_participant(participant)

    assert store.find_by_subject(session.subject_id or "") == (session,)
    assert store.participants(session.session_id) == (participant,)


def test_long_subjects_are_refused(sqlite_engine: sa.Engine) -> None:
    """Two subjects must not become one because their end was cut off."""
    session = make_session(subject_id="s" * 256)

    with pytest.raises(ValueError, match="subject_id is longer than 255"):
        SqlSessionStore(sqlite_engine).create(session)


@pytest.mark.parametrize(
    ("member", "length"),
    [
        pytest.param("client_id", 256, id="client"),
        pytest.param("subject", 256, id="subject"),
        pytest.param("issuer", 513, id="issuer"),
    ],
)
def test_long_participants_are_refused(
    sqlite_engine: sa.Engine, member: str, length: int
) -> None:
    """Two clients must not become one because their end was cut off."""
    store = SqlSessionStore(sqlite_engine)
    session = make_session()
    store.create(session)
    participant = make_participant(session.session_id, **{member: "x" * length})

    with pytest.raises(ValueError, match=f"{member} is longer than {length - 1}"):
        store.add_participant(participant)
