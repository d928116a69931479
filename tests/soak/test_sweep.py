"""A hundred thousand expired sessions, and two processes that end them."""

from __future__ import annotations

import dataclasses
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from datetime import timedelta
from datetime import UTC
from pathlib import Path

import pytest
import sqlalchemy as sa

from idp_session.models import LogoutReason
from idp_session.stores.sql import SqlSessionStore
from idp_session.stores.sql.schema import deliveries
from idp_session.stores.sql.schema import participants
from idp_session.stores.sql.schema import sessions
from idp_session.testing import make_participant
from idp_session.testing import make_session

pytestmark = [pytest.mark.soak, pytest.mark.process, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
COUNT = 100_000
MYSQL = ("mysql", "mariadb")
CHUNK = 5_000
CLIENTS = ("shop", "mail")

#: How long a sign-in may have to wait for a sweep, on a machine that may stand still
#: for a while. A transaction ends 100 sessions; all of them take far longer than this.
LONGEST_WAIT = timedelta(seconds=8)
#: How much a sweeper may grow while it ends its share, after the first thousand.
LARGEST_GROWTH_MIB = 16


def _insert_expired(engine: sa.Engine) -> None:
    now = datetime.now(UTC)
    begun = make_session(
        created_at=now - timedelta(hours=3),
        expires_at=now - timedelta(hours=1),
        absolute_expires_at=now + timedelta(hours=1),
    )
    session = dataclasses.asdict(begun)
    joined = dataclasses.asdict(make_participant(begun.session_id))

    for start in range(0, COUNT, CHUNK):
        rows = [
            session
            | {
                "key": secrets.token_hex(32),
                "session_id": secrets.token_hex(16),
                "expires_at": begun.expires_at - timedelta(milliseconds=number),
            }
            for number in range(start, start + CHUNK)
        ]
        taking_part = [
            joined | {"session_id": row["session_id"], "client_id": client_id}
            for row in rows
            for client_id in CLIENTS
        ]

        with engine.begin() as connection:
            connection.execute(sa.insert(sessions), rows)
            connection.execute(sa.insert(participants), taking_part)


@contextmanager
def _sweeper(engine: sa.Engine, notes: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "flask",
            "--app",
            "tests.soak.sweeper",
            "idp-session",
            "sweep",
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "SWEEPER_DATABASE": engine.url.render_as_string(hide_password=False),
            "SWEEPER_NOTES": str(notes),
        },
    )

    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _sign_in_and_out(store: SqlSessionStore) -> timedelta:
    """What a request writes; returns how long it took."""
    began_at = time.perf_counter()
    now = datetime.now(UTC)
    session = make_session(
        subject_id="bob",
        created_at=now,
        expires_at=now + timedelta(hours=2),
        absolute_expires_at=now + timedelta(hours=12),
    )
    store.create(session)
    store.add_participant(make_participant(session.session_id, client_id="news"))
    store.end(session.session_id, reason=LogoutReason.USER, ended_at=now)

    return timedelta(seconds=time.perf_counter() - began_at)


def _count_deliveries(engine: sa.Engine) -> int:
    # One for each participant, under the reason of the end.
    owed = (
        sa.select(deliveries.c.session_id, deliveries.c.client_id)
        .where(deliveries.c.reason == LogoutReason.IDLE_TIMEOUT)
        .distinct()
    )
    query = sa.select(sa.func.count()).select_from(owed.subquery())

    with engine.connect() as connection:
        return connection.execute(query).scalar_one()


def _growth(notes: Path) -> float:
    """How much the memory of a sweeper grew, in MiB."""
    lines = [line.split() for line in notes.read_text().splitlines()]
    memory = [int(each[2]) for each in lines if each[2] != "0"]

    return (max(memory[2:], default=0) - min(memory[2:], default=0)) / 1024


def test_two_processes_sweep(engine: sa.Engine, tmp_path: Path) -> None:
    """Each ending is announced once, each client is owed once, and nobody waits long."""
    _insert_expired(engine)
    store = SqlSessionStore(engine)
    notes = [tmp_path / "first", tmp_path / "second"]
    waits: list[timedelta] = []
    began_at = time.perf_counter()

    with _sweeper(engine, notes[0]) as first, _sweeper(engine, notes[1]) as second:
        while first.poll() is None or second.poll() is None:
            waits.append(_sign_in_and_out(store))
            time.sleep(0.02)

    took = time.perf_counter() - began_at
    shares = [each.read_text().splitlines() for each in notes]
    ended = [line.split()[0] for share in shares for line in share]
    growth = [_growth(each) for each in notes]
    print(  # noqa: T201
        f"\n{engine.dialect.name}: {COUNT / took:.0f} sessions per second, shares"
        f" {[len(share) for share in shares]}, longest wait"
        f" {max(waits).total_seconds():.2f} s of {len(waits)},"
        f" memory {[f'{each:+.1f} MiB' for each in growth]}"
    )
    assert (first.returncode, second.returncode) == (0, 0)
    assert len(ended) == len(set(ended)) == COUNT
    assert {line.split()[1] for share in shares for line in share} == {
        LogoutReason.IDLE_TIMEOUT
    }
    assert _count_deliveries(engine) == COUNT * len(CLIENTS)
    # MariaDB locks all that it sorts: the other sweep may find nothing, and go home.
    assert engine.dialect.name in MYSQL or min(map(len, shares)) > COUNT / 20
    assert max(waits) < LONGEST_WAIT
    assert max(growth) < LARGEST_GROWTH_MIB
