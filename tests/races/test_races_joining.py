"""Clients that join while the session goes in a way of its own, on every database."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from idp_session.errors import SessionGoneError
from idp_session.models import Participant
from idp_session.models import SessionLimit
from idp_session.stores.sql import SqlDeliveryQueue
from idp_session.stores.sql import SqlSessionStore
from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing import START
from idp_session.testing import together

pytestmark = pytest.mark.no_cover

every_time = pytest.mark.parametrize("attempt", range(25))

LATE = START + timedelta(hours=2)
CLIENTS = [f"client-{number}" for number in range(6)]


@pytest.fixture
def store(engine: sa.Engine) -> SqlSessionStore:
    return SqlSessionStore(engine)


def _begun(store: SqlSessionStore, count: int) -> list[str]:
    sessions = [make_session(subject_id="alice") for _ in range(count)]
    for session in sessions:
        store.create(session)

    return [session.session_id for session in sessions]


def _join(
    store: SqlSessionStore, participants: Sequence[Participant]
) -> list[Participant]:
    joined = []

    for participant in participants:
        try:
            store.add_participant(participant)
        except SessionGoneError:
            continue

        joined.append(participant)

    return joined


def _joins(
    store: SqlSessionStore, session_ids: list[str]
) -> list[Callable[[], list[Participant]]]:
    joining = [
        make_participant(session_id, client_id=client_id)
        for session_id, client_id in itertools.product(session_ids, CLIENTS)
    ]

    return [partial(_join, store, joining[start::3]) for start in range(3)]


def _told(engine: sa.Engine, session_ids: list[str]) -> set[tuple[str, str]]:
    queue = SqlDeliveryQueue(engine)

    return {
        (each.session_id, each.client_id)
        for session_id in session_ids
        for each in queue.of_session(session_id)
    }


def _pairs(results: list[list[Participant]]) -> set[tuple[str, str]]:
    return {(each.session_id, each.client_id) for some in results for each in some}


@every_time
def test_clients_join_while_the_session_is_swept(
    engine: sa.Engine, store: SqlSessionStore, attempt: int
) -> None:
    """Whoever was let in is told; whoever is not told was turned away."""
    session_ids = _begun(store, 6)

    def sweep() -> list[Participant]:
        while store.end_expired(LATE, limit=2):
            pass

        return []

    results = together([*_joins(store, session_ids), sweep])
    # Those that somebody was just joining were left to the next sweep.
    sweep()

    assert _told(engine, session_ids) == _pairs(results)


@every_time
def test_clients_join_while_the_session_makes_room(
    engine: sa.Engine, store: SqlSessionStore, attempt: int
) -> None:
    """Whoever was let in is told; whoever is not told was turned away."""
    session_ids = _begun(store, 6)

    def sign_in() -> list[Participant]:
        store.create(make_session(subject_id="alice"), limit=SessionLimit(at_most=1))

        return []

    results = together([*_joins(store, session_ids), sign_in])

    assert _told(engine, session_ids) == _pairs(results)
