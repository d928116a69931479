"""No copy outlives the session, whatever happens at the same moment."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from idp_session.errors import SessionGoneError
from idp_session.models import ServerSideSession
from idp_session.ports import SessionStore
from idp_session.stores.cache import Cache
from idp_session.stores.cache import CachedSessionStore
from idp_session.stores.memory import MemoryDeliveryQueue
from idp_session.stores.memory import MemorySessionStore
from idp_session.testing import make_session
from idp_session.testing import ManualClock
from idp_session.testing import START
from idp_session.testing import together

from .caches import CACHES
from .caches import end
from .caches import InterruptedStore
from .caches import node
from .caches import scratch_cache
from .caches import SlowStore
from .caches import WatchedCache

every_time = pytest.mark.parametrize("attempt", range(25))

Change = Callable[[SessionStore, ServerSideSession], object]


def _rotated(session: ServerSideSession) -> ServerSideSession:
    return dataclasses.replace(session, key=session.key[::-1])


def _rotate(store: SessionStore, session: ServerSideSession) -> None:
    store.update(session.key, _rotated(session))


def _update(store: SessionStore, session: ServerSideSession) -> None:
    store.update(session.key, dataclasses.replace(session, ticket=b"resealed"))


def _renew(store: SessionStore, session: ServerSideSession) -> None:
    store.renew(session.key, renewed_at=START, expires_at=START + timedelta(hours=9))


every_change = pytest.mark.parametrize(
    "change",
    [
        pytest.param(end, id="end"),
        pytest.param(_rotate, id="rotation"),
        pytest.param(_update, id="update"),
        pytest.param(_renew, id="renewal"),
    ],
)


@pytest.fixture(params=CACHES)
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cache]:
    with scratch_cache(request.param, tmp_path) as cache:
        yield cache


@pytest.fixture
def inner() -> MemorySessionStore:
    """What the nodes share, beside the cache."""
    return MemorySessionStore(MemoryDeliveryQueue())


@pytest.fixture
def session(inner: MemorySessionStore) -> ServerSideSession:
    """A session that has begun."""
    session = make_session()
    inner.create(session)

    return session


@pytest.fixture
def other(
    inner: MemorySessionStore, cache: Cache, clock: ManualClock
) -> CachedSessionStore:
    """The node that nothing happens to."""
    return node(inner, cache, clock)


class TestByHand:
    """Each order in which two nodes can get into each other's way."""

    @pytest.fixture
    def database(self, inner: MemorySessionStore) -> InterruptedStore:
        """The way of the first node to the sessions."""
        return InterruptedStore(inner)

    @pytest.fixture
    def watched(self, cache: Cache) -> WatchedCache:
        """The way of the first node to the cache."""
        return WatchedCache(cache)

    @pytest.fixture
    def first(
        self, database: InterruptedStore, watched: WatchedCache, clock: ManualClock
    ) -> CachedSessionStore:
        """The node that is interrupted."""
        return node(database, watched, clock)

    @every_change
    def test_a_change_is_seen_by_all(
        self,
        first: CachedSessionStore,
        other: CachedSessionStore,
        inner: MemorySessionStore,
        session: ServerSideSession,
        change: Change,
    ) -> None:
        """A node that has read a session sees at once what another one did to it."""
        first.get(session.key)
        change(other, session)

        assert first.get(session.key) == inner.get(session.key) != session

    @every_change
    def test_a_change_after_the_database_was_read(
        self,
        first: CachedSessionStore,
        other: CachedSessionStore,
        database: InterruptedStore,
        session: ServerSideSession,
        change: Change,
    ) -> None:
        """A slow reader leaves no copy of what it read before the change."""
        database.interrupt_after("get", partial(change, other, session))
        late = first.get(session.key)

        assert late == session
        assert first.get(session.key) == database.get(session.key) != session
        assert other.get(session.key) == database.get(session.key)

    @every_change
    def test_a_change_before_the_copy_is_written(
        self,
        first: CachedSessionStore,
        database: InterruptedStore,
        watched: WatchedCache,
        session: ServerSideSession,
        change: Change,
    ) -> None:
        """A reader that has already looked for marks leaves no copy either."""
        watched.before_set = partial(change, first, session)
        late = first.get(session.key)

        assert late == session
        assert first.get(session.key) == database.get(session.key) != session

    def test_a_rotation_while_the_session_is_ended(
        self,
        first: CachedSessionStore,
        other: CachedSessionStore,
        database: InterruptedStore,
        session: ServerSideSession,
    ) -> None:
        """A key that whoever ends the session never saw leads nowhere afterwards."""
        rotated = _rotated(session)

        def rotate_and_read() -> None:
            other.update(session.key, rotated)
            assert other.get(rotated.key) == rotated

        database.interrupt_after("find", rotate_and_read)
        ended = end(first, session)

        assert ended is not None
        assert first.get(rotated.key) is other.get(rotated.key) is None
        assert first.get(session.key) is other.get(session.key) is None

    def test_a_rotation_just_before_the_session_is_ended(
        self,
        first: CachedSessionStore,
        other: CachedSessionStore,
        session: ServerSideSession,
    ) -> None:
        """A copy under the new key is as dead as one under the old key."""
        rotated = _rotated(session)
        other.update(session.key, rotated)
        first.get(rotated.key)
        end(first, session)

        assert first.get(rotated.key) is other.get(rotated.key) is None

    def test_a_crash_after_the_commit(
        self,
        first: CachedSessionStore,
        other: CachedSessionStore,
        database: InterruptedStore,
        watched: WatchedCache,
        session: ServerSideSession,
    ) -> None:
        """A node that dies when the session has ended leaves no copy that is believed."""
        other.get(session.key)
        database.interrupt_after("end", lambda: setattr(watched, "error", OSError()))
        end(first, session)

        assert other.get(session.key) is None

    def test_a_cache_that_comes_back_while_the_session_is_ended(
        self,
        first: CachedSessionStore,
        other: CachedSessionStore,
        database: InterruptedStore,
        watched: WatchedCache,
        session: ServerSideSession,
    ) -> None:
        """A mark that could not be left before the commit is left after it."""
        other.get(session.key)
        watched.error = OSError()
        database.interrupt_after("end", lambda: setattr(watched, "error", None))
        end(first, session)

        assert other.get(session.key) is None

    def test_a_commit_that_seemed_to_fail(
        self,
        first: CachedSessionStore,
        other: CachedSessionStore,
        database: InterruptedStore,
        session: ServerSideSession,
    ) -> None:
        """If the connection breaks, the session may have ended: nothing is believed."""

        def break_off() -> None:
            raise RuntimeError("connection lost")

        other.get(session.key)
        database.interrupt_after("end", break_off)

        with pytest.raises(RuntimeError, match="lost"):
            end(first, session)

        assert other.get(session.key) is None

    def test_an_end_that_somebody_else_was_faster_with(
        self,
        first: CachedSessionStore,
        other: CachedSessionStore,
        database: InterruptedStore,
        session: ServerSideSession,
    ) -> None:
        """Of two nodes one ends the session."""
        database.interrupt_after("find", partial(end, other, session))

        assert end(first, session) is None
        assert first.get(session.key) is None


class TestThreads:
    """Nodes with threads that read while something happens."""

    @pytest.fixture
    def nodes(
        self, inner: MemorySessionStore, cache: Cache, clock: ManualClock
    ) -> list[CachedSessionStore]:
        """Two nodes, whose threads take their time."""
        return [node(SlowStore(inner), cache, clock) for _ in range(2)]

    @every_time
    @every_change
    def test_a_change_while_others_read(
        self,
        nodes: list[CachedSessionStore],
        inner: MemorySessionStore,
        session: ServerSideSession,
        change: Change,
        attempt: int,
    ) -> None:
        """From the moment of the change on nobody is told how it was before."""
        over = threading.Event()
        reading = [_reading(over, each, session.key) for each in nodes] * 2

        def change_and_look() -> object:
            try:
                change(nodes[0], session)

                return [each.get(session.key) for each in nodes]
            finally:
                over.set()

        seen, *_ = together([change_and_look, *reading])

        assert seen == [inner.get(session.key)] * 2
        assert [each.get(session.key) for each in nodes] == seen

    @every_time
    def test_a_rotation_and_an_end(
        self,
        nodes: list[CachedSessionStore],
        session: ServerSideSession,
        attempt: int,
    ) -> None:
        """Whoever comes first, neither key leads anywhere afterwards."""
        over = threading.Event()
        keys = [session.key, _rotated(session).key]
        reading = [_reading(over, nodes[0], key) for key in keys]

        def rotate() -> None:
            try:
                _rotate(nodes[1], session)
            except SessionGoneError:
                over.set()

        def end_it() -> None:
            try:
                end(nodes[0], session)
            finally:
                over.set()

        together([rotate, end_it, *reading])

        assert [each.get(key) for each in nodes for key in keys] == [None] * 4


def _reading(
    over: threading.Event, store: SessionStore, key: str
) -> Callable[[], object]:
    def read() -> None:
        while not over.is_set():
            store.get(key)

    return read
