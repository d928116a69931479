"""What every session store must do with sessions that have expired."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from ..models import LogoutReason
from ..ports import DeliveryQueue
from ..ports import SessionStore
from .together import together
from .values import make_participant
from .values import make_session
from .values import START

__all__ = ["SessionExpiryContract"]

_HOUR = timedelta(hours=1)
_LATE = START + timedelta(hours=8)


class SessionExpiryContract:
    """The end of everything that has expired."""

    def test_what_has_expired_ends_together(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Each has its reason, its clients and its deliveries."""
        idle = make_session(expires_at=START + _HOUR)
        absolute = make_session(absolute_expires_at=START + 2 * _HOUR)
        live = make_session(expires_at=START + 3 * _HOUR)
        for session in (absolute, live, idle):
            store.create(session)
            store.add_participant(make_participant(session.session_id))

        ended = store.end_expired(START + 2 * _HOUR, limit=10)

        assert [(each.session_id, each.reason) for each in ended] == [
            (idle.session_id, LogoutReason.IDLE_TIMEOUT),
            (absolute.session_id, LogoutReason.ABSOLUTE_TIMEOUT),
        ]
        assert [each.client_ids for each in ended] == [("shop",), ("shop",)]
        assert [
            [owed.reason for owed in queue.of_session(each.session_id)]
            for each in ended
        ] == [[LogoutReason.IDLE_TIMEOUT], [LogoutReason.ABSOLUTE_TIMEOUT]]
        assert store.find_by_subject("alice") == (live,)
        assert len(store.participants(live.session_id)) == 1

    def test_so_many_expired_sessions_end(self, store: SessionStore) -> None:
        """The longest expired ends first, and what is left ends the next time."""
        late, early = make_session(), make_session(expires_at=START + _HOUR)
        store.create(late)
        store.create(early)

        ended = [store.end_expired(_LATE, limit=1) for _ in range(3)]

        assert [[each.session_id for each in some] for some in ended] == [
            [early.session_id],
            [late.session_id],
            [],
        ]

    @pytest.mark.parametrize("attempt", range(25))
    def test_an_expired_session_is_given_to_one(
        self, store: SessionStore, attempt: int
    ) -> None:
        """Of sweeps that meet, each ends other sessions."""
        begun = [make_session() for _ in range(6)]
        for session in begun:
            store.create(session)

        results = together([partial(store.end_expired, _LATE, limit=4)] * 3)

        ended = [each.session_id for some in results for each in some]
        ended += [each.session_id for each in store.end_expired(_LATE, limit=6)]
        assert sorted(ended) == sorted(each.session_id for each in begun)
