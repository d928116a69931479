"""What every session store must do where only so many sessions are allowed."""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from functools import partial

import pytest

from ..errors import SessionExistsError
from ..errors import SessionGoneError
from ..errors import SessionLimitError
from ..models import LogoutReason
from ..models import ServerSideSession
from ..models import SessionLimit
from ..ports import DeliveryQueue
from ..ports import SessionStore
from .together import together
from .values import make_participant
from .values import make_session
from .values import START

__all__ = ["SessionLimitsContract"]

_TWO = SessionLimit(at_most=2)
_REFUSE = SessionLimit(at_most=2, policy="refuse")
_HOUR = timedelta(hours=1)
_LATE = START + timedelta(hours=8)


def _begun_at(at: datetime, **members: object) -> ServerSideSession:
    return make_session(created_at=at, renewed_at=at, **members)


def _two(store: SessionStore) -> tuple[ServerSideSession, ServerSideSession]:
    """The older one of two sessions was used last."""
    older = make_session(renewed_at=START + _HOUR)
    newer = _begun_at(START + timedelta(minutes=1))
    store.create(newer)
    store.create(older)

    return older, newer


def _join(
    store: SessionStore, session: ServerSideSession, limit: SessionLimit
) -> list[str]:
    participant = make_participant(session.session_id)

    return [each.session_id for each in store.add_participant(participant, limit=limit)]


class SessionLimitsContract:
    """Limits of sessions, and of sessions with one client."""

    def test_sessions_begin_up_to_the_limit(self, store: SessionStore) -> None:
        """Nobody has to go before the limit is passed."""
        assert store.create(make_session(), limit=_TWO) == ()
        assert store.create(make_session(), limit=_TWO) == ()
        assert len(store.find_by_subject("alice")) == 2

    @pytest.mark.parametrize(
        ("limit", "index"),
        [
            pytest.param(_TWO, 0, id="oldest"),
            pytest.param(
                SessionLimit(at_most=2, policy="end_least_recently_used"),
                1,
                id="least recently used",
            ),
        ],
    )
    def test_one_session_makes_room(
        self, store: SessionStore, queue: DeliveryQueue, limit: SessionLimit, index: int
    ) -> None:
        """What ends for a new session ends with its clients told."""
        victim = _two(store)[index]
        participant = make_participant(victim.session_id)
        store.add_participant(participant)
        session = _begun_at(START + timedelta(minutes=2))

        (ended,) = store.create(session, limit=limit)

        assert ended.session_id == victim.session_id
        assert ended.key == victim.key
        assert ended.reason is LogoutReason.EVICTED
        assert ended.ended_at == session.created_at
        assert ended.participants == (participant,)
        assert store.get(victim.key) is None
        assert store.get(session.key) == session
        (owed,) = queue.of_session(victim.session_id)
        assert (owed.client_id, owed.reason) == ("shop", LogoutReason.EVICTED)

    def test_a_limit_that_was_lowered(self, store: SessionStore) -> None:
        """As many end as there are too many."""
        for minute in range(5):
            store.create(_begun_at(START + timedelta(minutes=minute)))

        ended = store.create(_begun_at(START + _HOUR), limit=_TWO)

        assert len(ended) == 4
        assert len(store.find_by_subject("alice")) == 2

    def test_a_limit_may_refuse(self, store: SessionStore) -> None:
        """What is refused changes nothing."""
        known = _two(store)
        session = make_session()

        with pytest.raises(SessionLimitError, match="no more than 2") as caught:
            store.create(session, limit=_REFUSE)

        assert caught.value.at_most == 2
        assert store.get(session.key) is None
        assert store.find_by_subject("alice") == known

    def test_what_has_expired_does_not_count(self, store: SessionStore) -> None:
        """It is left to whoever ends it with the right reason."""
        expired = make_session(expires_at=START + _HOUR)
        store.create(expired)
        store.create(make_session())

        assert store.create(_begun_at(START + _HOUR), limit=_REFUSE) == ()
        assert store.get(expired.key) == expired

    def test_sessions_of_others_do_not_count(self, store: SessionStore) -> None:
        """A limit is for each subject."""
        _two(store)

        assert store.create(make_session(subject_id="bob"), limit=_REFUSE) == ()

    def test_what_cannot_begin_ends_nothing(self, store: SessionStore) -> None:
        """The room that was made is taken back when it is not used."""
        known = _two(store)

        with pytest.raises(SessionExistsError):
            store.create(make_session(key=known[1].key), limit=_TWO)

        assert store.find_by_subject("alice") == known

    @pytest.mark.parametrize("attempt", range(25))
    def test_no_limit_is_passed(self, store: SessionStore, attempt: int) -> None:
        """However many begin at once, so many are left, and the others have ended."""
        limit = SessionLimit(at_most=3)
        begun = [make_session() for _ in range(8)]

        results = together([partial(store.create, s, limit=limit) for s in begun])

        left = {each.session_id for each in store.find_by_subject("alice")}
        ended = [each.session_id for some in results for each in some]
        assert len(left) == 3
        assert sorted([*left, *ended]) == sorted(each.session_id for each in begun)

    def test_a_client_is_in_so_many_sessions(
        self, store: SessionStore, queue: DeliveryQueue
    ) -> None:
        """The oldest session with the client ends; one without it goes on."""
        without = make_session(created_at=START - _HOUR)
        sessions = [_begun_at(START + _HOUR * n, expires_at=_LATE) for n in range(3)]

        for session in (without, *sessions):
            store.create(session)

        ended = [_join(store, session, _TWO) for session in sessions]

        assert ended == [[], [], [sessions[0].session_id]]
        assert store.get(without.key) == without
        (owed,) = queue.of_session(sessions[0].session_id)
        assert owed.reason is LogoutReason.EVICTED
        assert len(store.participants(sessions[2].session_id)) == 1

    def test_a_client_that_is_known_ends_nothing(self, store: SessionStore) -> None:
        """Only a client that joins needs room."""
        one, two = _two(store)
        _join(store, one, _TWO)
        _join(store, two, _TWO)

        assert _join(store, one, SessionLimit(at_most=1, policy="refuse")) == []

    def test_a_client_may_be_refused(self, store: SessionStore) -> None:
        """A client that is refused does not take part."""
        known = _two(store)
        session = make_session()
        store.create(session)
        for each in known:
            _join(store, each, _REFUSE)

        with pytest.raises(SessionLimitError):
            _join(store, session, _REFUSE)

        assert store.participants(session.session_id) == ()
        assert len(store.find_by_subject("alice")) == 3

    def test_nobody_joins_what_has_ended_within_a_limit(
        self, store: SessionStore
    ) -> None:
        """A limit makes no difference to sessions that are over."""
        with pytest.raises(SessionGoneError, match="ended"):
            _join(store, make_session(), _TWO)

    @pytest.mark.parametrize("attempt", range(25))
    def test_no_limit_of_a_client_is_passed(
        self, store: SessionStore, attempt: int
    ) -> None:
        """However many sessions the client joins at once, it is in so many."""
        begun = [make_session() for _ in range(6)]
        for session in begun:
            store.create(session)

        results = together([partial(_join_if_live, store, each) for each in begun])

        left = {each.session_id for each in store.find_by_subject("alice")}
        ended = [session_id for some in results for session_id in some]
        assert len(left) == 2
        assert sorted([*left, *ended]) == sorted(each.session_id for each in begun)
        assert all(len(store.participants(each)) == 1 for each in left)

    def test_a_promotion_makes_room(self, store: SessionStore) -> None:
        """An anonymous session that becomes somebody's counts as one more."""
        older, newer = _two(store)
        anonymous = make_session(subject_id=None)
        store.create(anonymous)
        session = _begun_at(START + _HOUR)

        (ended,) = store.promote(
            anonymous.key, session, reseal=lambda _, value: value, limit=_TWO
        )

        assert (ended.session_id, ended.reason) == (
            older.session_id,
            LogoutReason.EVICTED,
        )
        assert store.find_by_subject("alice") == (newer, session)

    def test_a_refused_promotion_changes_nothing(self, store: SessionStore) -> None:
        """Who may not sign in keeps the anonymous session, with its data."""
        _two(store)
        anonymous = make_session(subject_id=None)
        store.create(anonymous)
        store.write_data(anonymous.session_id, changed={"a": b"1"}, removed=())

        with pytest.raises(SessionLimitError):
            store.promote(
                anonymous.key,
                make_session(),
                reseal=lambda _, value: value,
                limit=_REFUSE,
            )

        assert store.get(anonymous.key) == anonymous
        assert store.read_data(anonymous.session_id) == {"a": b"1"}


def _join_if_live(store: SessionStore, session: ServerSideSession) -> list[str]:
    try:
        return _join(store, session, _TWO)
    except SessionGoneError:
        # It made room before its own turn came: whoever ended it says so.
        return []
