"""A cached store keeps the contract of sessions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from idp_session.ports import SessionStore
from idp_session.stores.cache import Cache
from idp_session.stores.memory import MemoryDeliveryQueue
from idp_session.stores.memory import MemorySessionStore
from idp_session.stores.sql import SqlDeliveryQueue
from idp_session.stores.sql import SqlSessionStore
from idp_session.testing import ManualClock
from idp_session.testing import SessionStoreContract

from .caches import CACHES
from .caches import node
from .caches import scratch_cache
from .caches import TwoNodes


class TestInFrontOfMemory(SessionStoreContract):
    """The contract, through two nodes that share each kind of cache."""

    @pytest.fixture(params=CACHES)
    def cache(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cache]:
        with scratch_cache(request.param, tmp_path) as cache:
            yield cache

    @pytest.fixture
    def queue(self) -> MemoryDeliveryQueue:
        return MemoryDeliveryQueue()

    @pytest.fixture
    def store(
        self, queue: MemoryDeliveryQueue, cache: Cache, clock: ManualClock
    ) -> SessionStore:
        store = MemorySessionStore(queue)

        return TwoNodes(node(store, cache, clock), node(store, cache, clock))


# Other tests run each of these lines. To count them again takes long, and changes how
# threads meet; so it is with the races.
@pytest.mark.no_cover
class TestInFrontOfDatabase(SessionStoreContract):
    """The contract, through two nodes, on every database.

    A file has one machine, and a cache in one process may do; servers have nodes that
    share one. Every cache is in front of memory above.
    """

    @pytest.fixture
    def cache(self, engine: sa.Engine, tmp_path: Path) -> Iterator[Cache]:
        name = "simple" if engine.dialect.name == "sqlite" else "redis"

        with scratch_cache(name, tmp_path) as cache:
            yield cache

    @pytest.fixture
    def queue(self, engine: sa.Engine) -> SqlDeliveryQueue:
        return SqlDeliveryQueue(engine)

    @pytest.fixture
    def store(
        self, engine: sa.Engine, cache: Cache, clock: ManualClock
    ) -> SessionStore:
        store = SqlSessionStore(engine)

        return TwoNodes(node(store, cache, clock), node(store, cache, clock))
