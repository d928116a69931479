"""A cached store is fast, and does without its cache."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cachelib import NullCache
from cachelib import RedisCache
from cachelib import SimpleCache
from redis import ConnectionError as RedisConnectionError
from redis import Redis
from redis import TimeoutError as RedisTimeoutError
from redis.backoff import NoBackoff
from redis.retry import Retry

from idp_session.errors import ConfigurationError
from idp_session.models import ServerSideSession
from idp_session.stores.cache import BytesSerializer
from idp_session.stores.cache import Cache
from idp_session.stores.cache import CachedSessionStore
from idp_session.stores.memory import MemoryDeliveryQueue
from idp_session.stores.memory import MemorySessionStore
from idp_session.stores.sql import SqlSessionStore
from idp_session.testing import make_session
from idp_session.testing import ManualClock
from idp_session.testing import START

from .caches import CACHES
from .caches import end
from .caches import LIFETIME
from .caches import node
from .caches import PROTECTOR
from .caches import RedisBytesCache
from .caches import scratch_cache
from .caches import SimpleBytesCache
from .caches import WatchedCache

_HOUR = timedelta(hours=1)


@pytest.fixture
def inner() -> MemorySessionStore:
    """Where the sessions are."""
    return MemorySessionStore(MemoryDeliveryQueue())


@pytest.fixture
def cache() -> WatchedCache:
    return WatchedCache(SimpleBytesCache())


@pytest.fixture
def store(
    inner: MemorySessionStore, cache: WatchedCache, clock: ManualClock
) -> CachedSessionStore:
    return node(inner, cache, clock)


@pytest.fixture
def session(inner: MemorySessionStore) -> ServerSideSession:
    """A session that has begun."""
    session = make_session(display_name="Älice", ticket=bytes(range(256)))
    inner.create(session)

    return session


def _behind_the_back(inner: MemorySessionStore, session: ServerSideSession) -> None:
    """Change a session without the cache, to see where a read comes from."""
    inner.update(session.key, dataclasses.replace(session, display_name="changed"))


class TestReading:
    """What comes from the cache, and for how long."""

    @pytest.mark.parametrize("name", CACHES)
    def test_a_cached_session_needs_no_database(
        self, sqlite_engine: sa.Engine, clock: ManualClock, tmp_path: Path, name: str
    ) -> None:
        """The second read is one round trip to the cache and no statement."""
        statements: list[object] = []
        sql = SqlSessionStore(sqlite_engine)
        session = make_session()
        sql.create(session)

        with scratch_cache(name, tmp_path) as backend:
            cache = WatchedCache(backend)
            store = node(sql, cache, clock)
            first = store.get(session.key)
            sa.event.listen(
                sqlite_engine, "before_cursor_execute", lambda *a: statements.append(a)
            )
            cache.calls.clear()
            second = store.get(session.key)

        assert first == second == session
        assert statements == []
        assert cache.calls == ["get_many"]

    def test_a_copy_is_the_session(
        self, store: CachedSessionStore, session: ServerSideSession
    ) -> None:
        """Nothing is lost on the way through the cache."""
        assert store.get(session.key) == store.get(session.key) == session

    def test_nothing_is_kept_of_what_is_not_there(
        self, store: CachedSessionStore, inner: MemorySessionStore
    ) -> None:
        """A session that begins after somebody asked for its key is found."""
        session = make_session()
        before = store.get(session.key)
        inner.create(session)

        assert before is None
        assert store.get(session.key) == session

    def test_a_copy_grows_stale(
        self,
        store: CachedSessionStore,
        inner: MemorySessionStore,
        session: ServerSideSession,
        clock: ManualClock,
    ) -> None:
        """A copy is believed for its lifetime, however long the cache keeps it."""
        store.get(session.key)
        _behind_the_back(inner, session)
        clock.tick(LIFETIME - timedelta(microseconds=1))
        just_before = store.get(session.key)
        clock.tick(timedelta(microseconds=1))

        assert just_before == session
        assert store.get(session.key) == inner.get(session.key) != session

    def test_a_copy_does_not_outlive_its_session(
        self,
        store: CachedSessionStore,
        inner: MemorySessionStore,
        cache: WatchedCache,
        clock: ManualClock,
    ) -> None:
        """What seems to have expired is asked for again: it may have been renewed."""
        session = make_session(expires_at=START + LIFETIME / 2)
        inner.create(session)
        store.get(session.key)
        inner.renew(session.key, renewed_at=START, expires_at=START + _HOUR)
        clock.tick(LIFETIME / 2)

        assert list(cache.timeouts.values()) == [30]
        assert store.get(session.key) == inner.get(session.key) != session

    def test_an_expired_session_is_not_kept(
        self, store: CachedSessionStore, inner: MemorySessionStore, cache: WatchedCache
    ) -> None:
        """A session that has expired is returned and not cached."""
        session = make_session(expires_at=START)
        inner.create(session)

        assert store.get(session.key) == session
        assert cache.timeouts == {}

    def test_a_short_lifetime_is_a_whole_second(
        self, inner: MemorySessionStore, cache: WatchedCache, session: ServerSideSession
    ) -> None:
        """No entry is written with the timeout 0, which caches take for forever."""
        store = CachedSessionStore(
            inner,
            cache,
            protector=PROTECTOR,
            clock=ManualClock(),
            lifetime=timedelta(milliseconds=1),
        )
        store.get(session.key)

        assert list(cache.timeouts.values()) == [1]

    def test_the_time_is_that_of_the_machine(
        self, inner: MemorySessionStore, session: ServerSideSession
    ) -> None:
        """A host does not have to bring a clock."""
        store = CachedSessionStore(inner, SimpleBytesCache(), protector=PROTECTOR)

        assert store.get(session.key) == session

    def test_a_changed_session_comes_from_the_store(
        self,
        store: CachedSessionStore,
        inner: MemorySessionStore,
        session: ServerSideSession,
        cache: WatchedCache,
    ) -> None:
        """Beside a mark nothing is read from the cache, nor written into it."""
        store.renew(session.key, renewed_at=START, expires_at=START + 3 * _HOUR)
        cache.calls.clear()

        assert store.get(session.key) == inner.get(session.key)
        assert cache.calls == ["get_many"]

    def test_marks_outlive_copies(
        self, store: CachedSessionStore, session: ServerSideSession, cache: WatchedCache
    ) -> None:
        """A mark is there until long after the last copy that it stands against."""
        end(store, session)

        assert set(cache.timeouts.values()) == {2 * LIFETIME / timedelta(seconds=1)}


class TestForeignEntries:
    """Whoever can write to the cache cannot speak for this provider."""

    @pytest.fixture
    def sealed(
        self, store: CachedSessionStore, cache: WatchedCache, session: ServerSideSession
    ) -> bytes:
        """What the cache has of the session."""
        store.get(session.key)
        [name] = cache.timeouts
        [value] = cache.get_many(name)
        assert isinstance(value, bytes)

        return value

    def test_a_copy_says_nothing(
        self, sealed: bytes, session: ServerSideSession
    ) -> None:
        """A cache that was stolen tells nobody who was signed in."""
        assert session.session_id.encode() not in sealed
        assert b"alice" not in sealed
        assert b"json" not in sealed

    @pytest.mark.parametrize(
        "value",
        [
            pytest.param(b"", id="nothing"),
            pytest.param(b"\x01" + bytes(200), id="garbage"),
            pytest.param(17, id="an integer"),
        ],
    )
    def test_what_is_malformed_is_absent(
        self,
        store: CachedSessionStore,
        session: ServerSideSession,
        cache: WatchedCache,
        sealed: bytes,
        value: Any,
    ) -> None:
        """What does not open is asked for in the store, and replaced."""
        [name] = cache.timeouts
        cache.set(name, value, 60)

        assert store.get(session.key) == session
        assert cache.get_many(name) != [value]

    def test_a_copy_of_another_session_is_absent(
        self,
        store: CachedSessionStore,
        inner: MemorySessionStore,
        session: ServerSideSession,
        cache: WatchedCache,
        sealed: bytes,
    ) -> None:
        """A copy opens under its own key only."""
        other = make_session(subject_id="mallory")
        inner.create(other)
        [name] = cache.timeouts
        cache.set(name.replace(session.key, other.key), sealed, 60)

        assert store.get(other.key) == other

    def test_a_copy_of_another_release_is_absent(
        self, inner: MemorySessionStore, cache: WatchedCache, session: ServerSideSession
    ) -> None:
        """A copy with fewer members is no session: the others would be made up."""
        fewer = b'{"until":"2100-01-01T00:00:00+00:00","session":{}}'
        sealed = PROTECTOR.seal(fewer, purpose="cache", context=session.key)
        store = node(inner, cache, ManualClock())
        store.get(session.key)
        [name] = cache.timeouts
        cache.set(name, sealed, 60)

        assert store.get(session.key) == session

    def test_an_old_copy_is_not_brought_back(
        self,
        store: CachedSessionStore,
        session: ServerSideSession,
        cache: WatchedCache,
        sealed: bytes,
        clock: ManualClock,
    ) -> None:
        """Not even who writes to the cache has a session live on."""
        [name] = cache.timeouts
        end(store, session)
        clock.tick(LIFETIME)
        cache.lose_everything()
        cache.set(name, sealed, 60)

        assert store.get(session.key) is None


class TestOutages:
    """Without its cache a store is slower and not broken."""

    @pytest.mark.parametrize(
        "error",
        [
            pytest.param(ConnectionRefusedError("refused"), id="the system's"),
            pytest.param(RedisConnectionError("refused"), id="Redis is gone"),
            pytest.param(RedisTimeoutError("too slow"), id="Redis hangs"),
        ],
    )
    def test_everything_works_without_the_cache(
        self,
        store: CachedSessionStore,
        inner: MemorySessionStore,
        session: ServerSideSession,
        cache: WatchedCache,
        error: Exception,
    ) -> None:
        """Sessions are read, renewed, changed and ended."""
        cache.error = error
        rotated = dataclasses.replace(session, key=make_session().key)

        assert store.get(session.key) == session
        assert store.renew(session.key, renewed_at=START, expires_at=START + 5 * _HOUR)
        store.update(session.key, rotated)
        assert store.get(rotated.key) == rotated
        assert end(store, rotated) is not None
        assert store.get(rotated.key) is inner.get(rotated.key) is None

    def test_a_redis_that_is_not_there(
        self, inner: MemorySessionStore, session: ServerSideSession, clock: ManualClock
    ) -> None:
        """Nothing has to be said about Redis for that."""
        with Redis(port=1, retry=Retry(NoBackoff(), 0)) as client:
            store = node(inner, RedisBytesCache(client), clock)

            assert store.get(session.key) == session
            assert end(store, session) is not None

    def test_the_log_tells_of_it(
        self,
        store: CachedSessionStore,
        session: ServerSideSession,
        cache: WatchedCache,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """A warning says what may be stale for how long, and gives no key away."""
        cache.error = OSError(f"cannot write {session.key}")
        store.get(session.key)
        end(store, session)

        assert "cannot be read: OSError" in caplog.text
        assert f"{session.key[:8]}… was not written to the cache" in caplog.text
        assert "0:01:00" in caplog.text
        assert session.key not in caplog.text
        assert session.session_id not in caplog.text

    def test_a_cache_that_says_no(
        self,
        inner: MemorySessionStore,
        session: ServerSideSession,
        clock: ManualClock,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Some caches report an outage by what they return."""

        class Full(NullCache):
            def set(self, *_: object) -> bool:
                return False

        end(node(inner, Full(), clock), session)

        assert "was not written to the cache" in caplog.text

    def test_an_end_that_the_cache_missed(
        self,
        store: CachedSessionStore,
        session: ServerSideSession,
        cache: WatchedCache,
        clock: ManualClock,
    ) -> None:
        """When the cache is back, its copy is believed for one lifetime at the most."""
        store.get(session.key)
        cache.error = OSError()
        end(store, session)
        cache.error = None
        clock.tick(LIFETIME)

        assert store.get(session.key) is None

    def test_a_cache_that_fails_between_read_and_write(
        self,
        store: CachedSessionStore,
        session: ServerSideSession,
        cache: WatchedCache,
    ) -> None:
        """What cannot be kept is returned nevertheless."""

        def fail() -> None:
            raise OSError

        cache.before_set = fail

        assert store.get(session.key) == session

    def test_errors_of_a_client_that_is_not_known(
        self, inner: MemorySessionStore, session: ServerSideSession, cache: WatchedCache
    ) -> None:
        """A host names what its own cache raises."""
        store = CachedSessionStore(
            inner, cache, protector=PROTECTOR, errors=(LookupError,)
        )
        cache.error = LookupError()

        assert store.get(session.key) == session

    def test_a_mistake_is_no_outage(
        self, store: CachedSessionStore, session: ServerSideSession, cache: WatchedCache
    ) -> None:
        """What no cache raises when it does not work is not swallowed."""
        cache.error = ZeroDivisionError("a mistake")

        with pytest.raises(ZeroDivisionError, match="mistake"):
            store.get(session.key)


class TestConstruction:
    """What cannot work is refused at once."""

    @pytest.mark.parametrize(
        "cache",
        [
            pytest.param(SimpleCache(), id="simple"),
            pytest.param(RedisCache(object()), id="redis"),
        ],
    )
    def test_a_cache_that_unpickles(
        self, inner: MemorySessionStore, cache: Cache
    ) -> None:
        """To unpickle what somebody else wrote is to run their code."""
        with pytest.raises(ConfigurationError, match="BytesSerializer"):
            CachedSessionStore(inner, cache, protector=PROTECTOR)

    def test_a_cache_that_was_given_the_serializer(
        self, inner: MemorySessionStore
    ) -> None:
        """The serializer may be set on one object, without a class."""
        cache = SimpleCache()
        cache.serializer = BytesSerializer()  # type: ignore[assignment]  # too narrow

        store = CachedSessionStore(inner, cache, protector=PROTECTOR)

        assert store.get(make_session().key) is None

    @pytest.mark.parametrize(
        "seconds", [pytest.param(0, id="none"), pytest.param(-1, id="negative")]
    )
    def test_a_lifetime_is_positive(
        self, inner: MemorySessionStore, cache: WatchedCache, seconds: int
    ) -> None:
        """To have no cache is to build none."""
        with pytest.raises(ValueError, match="lifetime"):
            CachedSessionStore(
                inner,
                cache,
                protector=PROTECTOR,
                lifetime=timedelta(seconds=seconds),
            )
