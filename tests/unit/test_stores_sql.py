"""The stores in a database keep the contracts, on every database."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from idp_session.models import EndedSession
from idp_session.models import LogoutReason
from idp_session.stores.sql import SqlDeliveryQueue
from idp_session.stores.sql import SqlSessionStore
from idp_session.testing import DeliveryQueueContract
from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing import SessionStoreContract
from idp_session.testing import START


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

    def test_an_end_that_cannot_be_written(self, queue: SqlDeliveryQueue) -> None:
        """Nothing of it is, and nobody takes the failure for an end of before."""
        session_id = make_session().session_id
        impossible = make_participant(session_id, subject=None)
        ended = EndedSession(
            session_id=session_id,
            subject_id="alice",
            reason=LogoutReason.USER,
            ended_at=START,
            participants=(make_participant(session_id, client_id="a"), impossible),
        )

        with pytest.raises(IntegrityError):
            queue.owe(ended)

        assert not queue.has_ended(session_id)
        assert queue.of_session(session_id) == ()
