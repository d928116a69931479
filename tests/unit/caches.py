"""Caches, nodes that share them, and what goes wrong between them."""

from __future__ import annotations

import os
import random
import secrets
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import redis
from cachelib import FileSystemCache
from cachelib import RedisCache
from cachelib import SimpleCache

from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.models import EndedSession
from idp_session.models import LogoutReason
from idp_session.models import ServerSideSession
from idp_session.models import SessionLimit
from idp_session.ports import SessionStore
from idp_session.stores.cache import BytesSerializer
from idp_session.stores.cache import Cache
from idp_session.stores.cache import CachedSessionStore
from idp_session.stores.cache.forwarding import ForwardingSessionStore
from idp_session.testing import ManualClock
from idp_session.testing import START

from ..services import unavailable

CACHES = ("simple", "files", "redis")
PREFIX = "idp_session:"
PROTECTOR = AesGcmTicketProtector("a secret that is only good for tests")
LIFETIME = timedelta(minutes=1)

_REDIS = os.environ.get("IDP_SESSION_TEST_REDIS", "redis://127.0.0.1:6379/")


class SimpleBytesCache(SimpleCache):
    serializer = BytesSerializer()  # type: ignore[assignment]  # inferred too narrowly


class FileSystemBytesCache(FileSystemCache):
    serializer = BytesSerializer()  # type: ignore[assignment]  # inferred too narrowly


class RedisBytesCache(RedisCache):
    serializer = BytesSerializer()  # type: ignore[assignment]  # inferred too narrowly


@contextmanager
def scratch_cache(name: str, directory: Path) -> Iterator[Cache]:
    """An empty cache."""
    if name == "simple":
        yield SimpleBytesCache()
    elif name == "files":
        yield FileSystemBytesCache(str(directory / "cache"))
    else:
        with scratch_redis() as (client, prefix):
            yield RedisBytesCache(client, key_prefix=prefix)


@contextmanager
def scratch_redis() -> Iterator[tuple[redis.Redis, str]]:
    """A client, and a prefix that nobody else has; what has it is removed."""
    prefix = f"idp_session_test_{secrets.token_hex(6)}:"

    with redis.Redis.from_url(_REDIS) as client:
        try:
            client.ping()
        except redis.RedisError as error:
            unavailable("redis", f"it does not answer: {type(error).__name__}")

        yield client, prefix

        for key in client.scan_iter(f"{prefix}*"):
            client.delete(key)


def node(store: SessionStore, cache: Cache, clock: ManualClock) -> CachedSessionStore:
    """A store as one process of a provider has it."""
    return CachedSessionStore(
        store,
        cache,
        protector=PROTECTOR,
        clock=clock,
        lifetime=LIFETIME,
        prefix=PREFIX,
    )


def end(store: SessionStore, session: ServerSideSession) -> EndedSession | None:
    """End a session."""
    return store.end(session.session_id, reason=LogoutReason.USER, ended_at=START)


class TwoNodes(ForwardingSessionStore):
    """Changes through one node, reads through another one that has a copy."""

    def __init__(self, writer: SessionStore, reader: SessionStore) -> None:
        super().__init__(writer)
        self._reader = reader

    def create(
        self, session: ServerSideSession, *, limit: SessionLimit | None = None
    ) -> tuple[EndedSession, ...]:
        ended = super().create(session, limit=limit)
        self._reader.get(session.key)

        return ended

    def get(self, key: str) -> ServerSideSession | None:
        return self._reader.get(key)

    def update(self, key: str, session: ServerSideSession) -> None:
        super().update(key, session)
        self._reader.get(session.key)


class InterruptedStore(ForwardingSessionStore):
    """Something happens, once, just after the database has answered or committed."""

    def __init__(self, store: SessionStore) -> None:
        super().__init__(store)
        self._interruptions: dict[str, Callable[[], object]] = {}

    def interrupt_after(self, method: str, what: Callable[[], object]) -> None:
        self._interruptions[method] = what

    def get(self, key: str) -> ServerSideSession | None:
        found = super().get(key)
        self._interrupt("get")

        return found

    def find(self, session_id: str) -> ServerSideSession | None:
        found = super().find(session_id)
        self._interrupt("find")

        return found

    def end(self, *args: object, **kwargs: object) -> EndedSession | None:
        ended = super().end(*args, **kwargs)  # type: ignore[arg-type]  # as they came
        self._interrupt("end")

        return ended

    def _interrupt(self, method: str) -> None:
        if what := self._interruptions.pop(method, None):
            what()


class SlowStore(ForwardingSessionStore):
    """Takes its time between reading from the database and returning it."""

    def get(self, key: str) -> ServerSideSession | None:
        found = super().get(key)
        time.sleep(random.uniform(0, 0.002))  # noqa: S311 - no secret

        return found


class WatchedCache:
    """Notes what it is asked, is interrupted before it writes, or does not work."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self.error: Exception | None = None
        self.before_set: Callable[[], object] | None = None
        self.calls: list[str] = []
        self.timeouts: dict[str, int] = {}

    def get_many(self, *keys: str) -> Sequence[object]:
        self._note("get_many")

        return self._cache.get_many(*keys)

    def set(self, key: str, value: bytes, timeout: int) -> object:
        self._note("set")
        self.timeouts[key] = timeout

        if interruption := self.before_set:
            self.before_set = None
            interruption()

        return self._cache.set(key, value, timeout)

    def lose_everything(self) -> None:
        self._cache = SimpleBytesCache()

    def _note(self, call: str) -> None:
        self.calls.append(call)

        if self.error is not None:
            raise self.error
