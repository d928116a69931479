"""What every session store must do when sessions are listed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ..models import LogoutReason
from ..models import Position
from ..models import ServerSideSession
from ..models import SessionFilter
from ..ports import SessionStore
from .values import make_participant
from .values import make_session
from .values import START

__all__ = ["SessionQueriesContract"]

_HOUR = timedelta(hours=1)
_TICK = timedelta(microseconds=1)
_ALL = SessionFilter()


def _begun(store: SessionStore, **members: object) -> ServerSideSession:
    session = make_session(**members)
    store.create(session)

    return session


def _hours(store: SessionStore, count: int) -> list[ServerSideSession]:
    """Sessions that began hour by hour; the newest comes first."""
    begun = [_begun(store, created_at=START + n * _HOUR) for n in range(count)]

    return begun[::-1]


def _position(session: ServerSideSession) -> Position:
    return Position(created_at=session.created_at, session_id=session.session_id)


def _found(store: SessionStore, wanted: SessionFilter) -> tuple[ServerSideSession, ...]:
    return store.query(wanted, limit=100, after=None)


class SessionQueriesContract:
    """Listing sessions part by part, and counting them."""

    def test_the_newest_comes_first(self, store: SessionStore) -> None:
        """A list begins with what began last."""
        middle = _begun(store, created_at=START + _HOUR)
        oldest = _begun(store, created_at=START)
        newest = _begun(store, created_at=START + 2 * _HOUR)

        assert _found(store, _ALL) == (newest, middle, oldest)

    def test_at_one_instant_the_session_id_decides(self, store: SessionStore) -> None:
        """Sessions that began at once have an order, too."""
        two = _begun(store, session_id="2" * 32)
        three = _begun(store, session_id="3" * 32)
        one = _begun(store, session_id="1" * 32)

        assert _found(store, _ALL) == (three, two, one)

    def test_a_list_goes_on_where_it_was(self, store: SessionStore) -> None:
        """Part by part every session comes once."""
        five = _hours(store, 5)

        first = store.query(_ALL, limit=2, after=None)
        second = store.query(_ALL, limit=2, after=_position(first[-1]))
        third = store.query(_ALL, limit=2, after=_position(second[-1]))

        assert [*first, *second, *third] == five

    def test_a_list_goes_back(self, store: SessionStore) -> None:
        """What stands directly before a position comes, newest first as ever."""
        five = _hours(store, 5)

        found = store.query(_ALL, limit=2, after=_position(five[3]), backwards=True)

        assert list(found) == five[1:3]

    def test_a_list_ends_with_the_oldest(self, store: SessionStore) -> None:
        """Backwards from nowhere is the last part of the list."""
        five = _hours(store, 5)

        found = store.query(_ALL, limit=2, after=None, backwards=True)

        assert list(found) == five[3:]

    @pytest.mark.parametrize(
        ("backwards", "others"),
        [
            pytest.param(False, "12", id="forwards"),
            pytest.param(True, "45", id="backwards"),
        ],
    )
    def test_a_position_in_the_middle_of_an_instant(
        self, store: SessionStore, *, backwards: bool, others: str
    ) -> None:
        """Of sessions that began at once none is skipped and none comes twice."""
        begun = [_begun(store, session_id=str(n) * 32) for n in range(1, 6)]

        found = store.query(
            _ALL, limit=9, after=_position(begun[2]), backwards=backwards
        )

        assert {each.session_id[0] for each in found} == set(others)

    def test_a_list_goes_on_after_a_session_that_has_ended(
        self, store: SessionStore
    ) -> None:
        """A position is a place and not a session: it stays when that one goes."""
        three = _hours(store, 3)
        store.end(three[1].session_id, reason=LogoutReason.USER, ended_at=START)

        found = store.query(_ALL, limit=9, after=_position(three[1]))

        assert list(found) == three[2:]

    def test_a_list_goes_on_with_its_filter(self, store: SessionStore) -> None:
        """Further parts have what the first one was asked for."""
        _begun(store, created_at=START, subject_id="bob")
        old = _begun(store, created_at=START + _TICK)
        _begun(store, created_at=START + 2 * _TICK, subject_id="bob")
        new = _begun(store, created_at=START + 3 * _TICK)
        alice = SessionFilter(subject_id="alice")

        older = store.query(alice, limit=9, after=_position(new))
        newer = store.query(alice, limit=9, after=_position(old), backwards=True)

        assert (older, newer) == ((old,), (new,))

    def test_expired_sessions_are_found(self, store: SessionStore) -> None:
        """What nobody has ended is still there to be found and ended."""
        session = _begun(store, expires_at=START - 1000 * _HOUR)

        assert _found(store, _ALL) == (session,)

    @pytest.mark.parametrize(
        ("at_most", "counted"),
        [
            pytest.param(2, 2, id="more"),
            pytest.param(3, 3, id="as many"),
            pytest.param(4, 3, id="less"),
        ],
    )
    def test_counting_stops(
        self, store: SessionStore, at_most: int, counted: int
    ) -> None:
        """Sessions are counted, but not for longer than asked."""
        _hours(store, 3)

        assert store.count(_ALL, at_most=at_most) == counted

    def test_sessions_of_a_client_are_counted_once(self, store: SessionStore) -> None:
        """A session with several clients is one session."""
        session = _begun(store)
        _begun(store)
        for client_id in ("shop", "mail"):
            store.add_participant(
                make_participant(session.session_id, client_id=client_id)
            )

        assert store.count(SessionFilter(client_id="mail"), at_most=9) == 1
        assert store.count(_ALL, at_most=9) == 2
