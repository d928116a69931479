"""The stores in a database keep the contracts, on every database."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from idp_session.stores.sql import SqlDeliveryQueue
from idp_session.stores.sql import SqlSessionStore
from idp_session.testing import DeliveryQueueContract
from idp_session.testing import SessionStoreContract


@pytest.fixture
def queue(engine: sa.Engine) -> SqlDeliveryQueue:
    return SqlDeliveryQueue(engine)


@pytest.fixture
def store(engine: sa.Engine) -> SqlSessionStore:
    return SqlSessionStore(engine)


class TestSqlSessionStore(SessionStoreContract):
    """The store in a database."""


class TestSqlDeliveryQueue(DeliveryQueueContract):
    """The queue in a database."""
