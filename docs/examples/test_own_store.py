"""Our store keeps every promise of a session store."""

import pytest
from own_store import TimedSessionStore

from idp_session.stores.sql import create_engine
from idp_session.stores.sql import SqlDeliveryQueue
from idp_session.stores.sql import upgrade
from idp_session.testing import SessionStoreContract


class TestTimedSessionStore(SessionStoreContract):
    @pytest.fixture
    def engine(self, tmp_path):
        engine = create_engine(f"sqlite:///{tmp_path / 'test.sqlite'}")
        upgrade(engine)
        yield engine
        engine.dispose()

    @pytest.fixture
    def queue(self, engine):
        return SqlDeliveryQueue(engine)

    @pytest.fixture
    def store(self, engine):
        return TimedSessionStore(engine, report=lambda seconds: None)
