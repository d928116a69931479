"""What every session store must do when a session ends."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from ..models import DeliveryState
from ..models import EndedSession
from ..models import LogoutReason
from ..ports import DeliveryQueue
from ..ports import SessionStore
from .together import together
from .values import make_participant
from .values import make_session
from .values import START

__all__ = ["SessionEndingContract"]

_LATER = START + timedelta(hours=1)


class SessionEndingContract:
    """Ending a session, once, with everything that is owed for it."""

    def test_the_ended_session_says_what_was(self, store: SessionStore) -> None:
        """Whoever ends a session learns whose it was and who took part."""
        session = make_session(display_name="Alice")
        wiki = make_participant(session.session_id, client_id="wiki")
        shop = make_participant(
            session.session_id, client_id="shop", joined_at=START + timedelta(seconds=1)
        )
        store.create(session)
        store.add_participant(shop)
        store.add_participant(wiki)

        ended = store.end(
            session.session_id, reason=LogoutReason.ADMIN, ended_at=_LATER
        )

        assert ended == EndedSession(
            session_id=session.session_id,
            subject_id="alice",
            display_name="Alice",
            reason=LogoutReason.ADMIN,
            ended_at=_LATER,
            participants=(wiki, shop),
        )

    def test_an_ended_session_is_gone(self, store: SessionStore) -> None:
        """Nothing finds a session that has ended."""
        session = make_session()
        store.create(session)
        store.add_participant(make_participant(session.session_id))

        store.end(session.session_id, reason=LogoutReason.USER, ended_at=_LATER)

        assert store.get(session.key) is None
        assert store.find(session.session_id) is None
        assert store.find_by_subject("alice") == ()
        assert store.participants(session.session_id) == ()

    def test_each_participant_is_owed_one_delivery(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """The end leaves one pending delivery per participant, due at once."""
        session = make_session()
        store.create(session)
        store.add_participant(
            make_participant(session.session_id, client_id="wiki", subject="p-1")
        )
        store.add_participant(
            make_participant(session.session_id, client_id="shop", subject="p-2")
        )

        store.end(session.session_id, reason=LogoutReason.EVICTED, ended_at=_LATER)

        owed = queue.of_session(session.session_id)
        assert [(each.client_id, each.subject) for each in owed] == [
            ("wiki", "p-1"),
            ("shop", "p-2"),
        ]
        assert {each.issuer for each in owed} == {"https://idp.test"}
        assert {each.state for each in owed} == {DeliveryState.PENDING}
        assert {each.reason for each in owed} == {LogoutReason.EVICTED}
        assert {(each.created_at, each.due_at) for each in owed} == {(_LATER, _LATER)}
        assert {each.attempts for each in owed} == {0}
        assert {each.finished_at for each in owed} == {None}

    def test_without_participants_nothing_is_owed(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """A session that no client took part in ends without a trace."""
        session = make_session()
        store.create(session)

        ended = store.end(session.session_id, reason=LogoutReason.USER, ended_at=_LATER)

        assert ended is not None
        assert ended.participants == ()
        assert queue.next_due_at() is None

    def test_an_end_without_notification_owes_nothing(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """Whoever asks that nobody is told learns who took part, and no more."""
        session = make_session()
        participant = make_participant(session.session_id)
        store.create(session)
        store.add_participant(participant)

        ended = store.end(
            session.session_id,
            reason=LogoutReason.ADMIN,
            ended_at=_LATER,
            notify=False,
        )

        assert ended is not None
        assert (ended.participants, ended.notified) == ((participant,), False)
        assert store.get(session.key) is None
        assert store.participants(session.session_id) == ()
        assert queue.of_session(session.session_id) == ()

    def test_a_session_ends_once(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """The second to end a session gets nothing and owes nothing."""
        session = make_session()
        store.create(session)
        store.add_participant(make_participant(session.session_id))
        store.end(session.session_id, reason=LogoutReason.USER, ended_at=_LATER)

        second = store.end(
            session.session_id, reason=LogoutReason.ADMIN, ended_at=_LATER
        )

        assert second is None
        assert len(queue.of_session(session.session_id)) == 1

    def test_an_unknown_session_does_not_end(self, store: SessionStore) -> None:
        """There is nothing to end where nothing began."""
        session_id = make_session().session_id

        ended = store.end(session_id, reason=LogoutReason.USER, ended_at=_LATER)

        assert ended is None

    def test_other_sessions_go_on(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """The end of one session is not the end of another of the same subject."""
        session = make_session()
        other = make_session()
        participant = make_participant(other.session_id)
        store.create(session)
        store.create(other)
        store.add_participant(participant)

        store.end(session.session_id, reason=LogoutReason.USER, ended_at=_LATER)

        assert store.get(other.key) == other
        assert store.participants(other.session_id) == (participant,)
        assert queue.of_session(other.session_id) == ()

    @pytest.mark.parametrize(
        "after", [pytest.param(0, id="now"), pytest.param(5, id="for a while")]
    )
    def test_an_expired_session_ends(self, store: SessionStore, after: int) -> None:
        """Whoever sweeps ends what is expired."""
        session = make_session(expires_at=START)
        store.create(session)

        ended = store.end(
            session.session_id,
            reason=LogoutReason.IDLE_TIMEOUT,
            ended_at=_LATER,
            expired_at=START + timedelta(seconds=after),
        )

        assert ended is not None
        assert store.get(session.key) is None

    def test_a_renewal_that_came_first_wins(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """A session that was renewed since it was seen expired goes on."""
        session = make_session(expires_at=START)
        store.create(session)
        store.add_participant(make_participant(session.session_id))
        store.renew(
            session.key, renewed_at=START, expires_at=_LATER + timedelta(microseconds=1)
        )

        ended = store.end(
            session.session_id,
            reason=LogoutReason.IDLE_TIMEOUT,
            ended_at=_LATER,
            expired_at=_LATER,
        )

        assert ended is None
        assert store.get(session.key) is not None
        assert len(store.participants(session.session_id)) == 1
        assert queue.of_session(session.session_id) == ()

    @pytest.mark.parametrize("attempt", range(25))
    def test_one_of_many_ends_the_session(
        self, store: SessionStore, queue: DeliveryQueue, attempt: int
    ) -> None:
        """Of concurrent callers one gets the session, and each client is owed once."""
        session = make_session()
        store.create(session)
        store.add_participant(make_participant(session.session_id))
        end = partial(
            store.end, session.session_id, reason=LogoutReason.USER, ended_at=_LATER
        )

        ended = together([end] * 4)

        assert sum(each is not None for each in ended) == 1
        assert len(queue.of_session(session.session_id)) == 1
