"""The stores in memory keep the contracts."""

from __future__ import annotations

import pytest

from idp_session.stores.memory import MemoryDeliveryQueue
from idp_session.stores.memory import MemorySessionStore
from idp_session.testing import DeliveryQueueContract
from idp_session.testing import SessionStoreContract


@pytest.fixture
def queue() -> MemoryDeliveryQueue:
    return MemoryDeliveryQueue()


@pytest.fixture
def store(queue: MemoryDeliveryQueue) -> MemorySessionStore:
    return MemorySessionStore(queue)


class TestMemorySessionStore(SessionStoreContract):
    """The store in memory."""


class TestMemoryDeliveryQueue(DeliveryQueueContract):
    """The queue in memory."""
