"""What the processes of the race tests do; importable by a fresh interpreter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from datetime import timedelta

from idp_session.errors import SessionGoneError
from idp_session.models import LogoutReason
from idp_session.models import SessionLimit
from idp_session.stores.sql import create_engine
from idp_session.stores.sql import SqlDeliveryQueue
from idp_session.stores.sql import SqlSessionStore
from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing import START

__all__ = [
    "begin_all",
    "claim_all",
    "end_all",
    "join_all",
    "renew_all",
    "sweep_all",
    "write_all",
]


def begin_all(
    url: str, subjects: Iterable[str], count: int, at_most: int
) -> tuple[Counter[str], Counter[str]]:
    """Begin sessions under a limit; returns how many began and ended, by subject."""
    engine = create_engine(url)
    store = SqlSessionStore(engine)
    limit = SessionLimit(at_most=at_most)
    begun: Counter[str] = Counter()
    ended: Counter[str] = Counter()

    for subject in subjects:
        for _ in range(count):
            gone = store.create(make_session(subject_id=subject), limit=limit)
            begun[subject] += 1
            ended.update(str(each.subject_id) for each in gone)

    engine.dispose()

    return begun, ended


def join_all(
    url: str, session_ids: Iterable[str], client_ids: Iterable[str]
) -> set[tuple[str, str]]:
    """Have each client join each session; returns who was let in where."""
    engine = create_engine(url)
    store = SqlSessionStore(engine)
    joined = set()

    for session_id in session_ids:
        for client_id in client_ids:
            try:
                store.add_participant(make_participant(session_id, client_id=client_id))
            except SessionGoneError:
                continue

            joined.add((session_id, client_id))

    engine.dispose()

    return joined


def write_all(url: str, session_ids: Iterable[str], names: Iterable[str]) -> None:
    """Write each name of each session, one after the other."""
    engine = create_engine(url)
    store = SqlSessionStore(engine)
    written = [*names]

    for session_id in session_ids:
        for name in written:
            store.write_data(session_id, changed={name: name.encode()}, removed=())

    engine.dispose()


def end_all(url: str, session_ids: Iterable[str]) -> list[str]:
    """End each session; returns those that this process ended."""
    engine = create_engine(url)
    store = SqlSessionStore(engine)
    ended = [
        session_id
        for session_id in session_ids
        if store.end(session_id, reason=LogoutReason.USER, ended_at=START)
    ]
    engine.dispose()

    return ended


def renew_all(url: str, keys: Iterable[str], now: datetime) -> list[str]:
    """Renew each session; returns the keys of those that were still there."""
    engine = create_engine(url)
    store = SqlSessionStore(engine)
    later = now + timedelta(hours=1)
    renewed = [
        key for key in keys if store.renew(key, renewed_at=now, expires_at=later)
    ]
    engine.dispose()

    return renewed


def sweep_all(url: str, now: datetime, at_once: int) -> list[str]:
    """End expired sessions until none is left to this process; returns their keys."""
    engine = create_engine(url)
    store = SqlSessionStore(engine)
    ended: list[str] = []

    while gone := store.end_expired(now, limit=at_once):
        ended.extend(each.key for each in gone)

    engine.dispose()

    return ended


def claim_all(url: str) -> list[int]:
    """Claim until nothing is left; returns the ids."""
    engine = create_engine(url)
    queue = SqlDeliveryQueue(engine)
    taken: list[int] = []

    while claimed := queue.claim(now=START, lease=timedelta(hours=1), limit=3):
        taken.extend(each.id for each in claimed)

    engine.dispose()

    return taken
