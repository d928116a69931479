"""What every session store must do with anonymous sessions."""

from __future__ import annotations

from functools import partial

import pytest

from ..errors import SessionExistsError
from ..errors import SessionGoneError
from ..models import LogoutReason
from ..models import ServerSideSession
from ..models import SessionFilter
from ..ports import DeliveryQueue
from ..ports import SessionStore
from .together import together
from .values import make_session
from .values import START

__all__ = ["SessionPromotionContract"]


def _reseal(name: str, value: bytes) -> bytes | None:
    return None if name == "dropped" else name.encode() + value


class SessionPromotionContract:
    """Sessions of nobody, and how they become somebody's."""

    @pytest.fixture
    def anonymous(self, store: SessionStore) -> ServerSideSession:
        """An anonymous session that keeps something."""
        anonymous = make_session(subject_id=None, ticket=b"")
        store.create(anonymous)
        store.write_data(
            anonymous.session_id, changed={"a": b"1", "dropped": b"2"}, removed=()
        )
        store.set_attribute(anonymous.session_id, "order", "42")

        return anonymous

    def test_an_anonymous_session_comes_back(
        self, store: SessionStore, anonymous: ServerSideSession
    ) -> None:
        """It is found like others, by its key and by its session id."""
        assert store.get(anonymous.key) == anonymous
        assert store.find(anonymous.session_id) == anonymous
        assert store.find_expired(anonymous.expires_at, limit=9) == (anonymous,)

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            pytest.param(SessionFilter(), {"alice"}, id="by itself"),
            pytest.param(SessionFilter(anonymous=False), {"alice"}, id="somebody"),
            pytest.param(SessionFilter(anonymous=True), {None}, id="nobody"),
            pytest.param(SessionFilter(anonymous=None), {"alice", None}, id="all"),
        ],
    )
    @pytest.mark.usefixtures("anonymous")
    def test_lists_leave_anonymous_sessions_out(
        self, store: SessionStore, wanted: SessionFilter, found: set[str | None]
    ) -> None:
        """Unless they are asked for."""
        store.create(make_session())

        sessions = store.query(wanted, limit=9, after=None)

        assert {each.subject_id for each in sessions} == found
        assert store.count(wanted, at_most=9) == len(found)

    def test_an_anonymous_session_ends(
        self,
        store: SessionStore,
        queue: DeliveryQueue,
        anonymous: ServerSideSession,
    ) -> None:
        """With all that it keeps, and nobody is owed word."""
        ended = store.end(
            anonymous.session_id, reason=LogoutReason.IDLE_TIMEOUT, ended_at=START
        )

        assert ended is not None
        assert ended.subject_id is None
        assert store.get(anonymous.key) is None
        assert store.read_data(anonymous.session_id) == {}
        assert queue.of_session(anonymous.session_id) == ()

    def test_a_promotion_moves_everything(
        self, store: SessionStore, anonymous: ServerSideSession
    ) -> None:
        """The new session has what the old one kept, and the old one is gone."""
        session = make_session()

        store.promote(anonymous.key, session, reseal=_reseal)

        assert store.get(session.key) == session
        assert store.read_data(session.session_id) == {"a": b"a1"}
        assert store.attributes(session.session_id) == {"order": "42"}
        assert store.get(anonymous.key) is None
        assert store.find(anonymous.session_id) is None
        assert store.read_data(anonymous.session_id) == {}
        assert store.attributes(anonymous.session_id) == {}

    def test_late_writes_to_a_promoted_session(
        self, store: SessionStore, anonymous: ServerSideSession
    ) -> None:
        """Whoever still has the old session changes nothing."""
        session = make_session()
        store.promote(anonymous.key, session, reseal=_reseal)

        with pytest.raises(SessionGoneError):
            store.write_data(anonymous.session_id, changed={"a": b"3"}, removed=())
        with pytest.raises(SessionGoneError):
            store.update(anonymous.key, anonymous)

        assert store.read_data(session.session_id) == {"a": b"a1"}
        assert store.find(anonymous.session_id) is None

    def test_a_promoted_session_is_found_by_the_key_before(
        self, store: SessionStore, anonymous: ServerSideSession
    ) -> None:
        """Two sign-ins that race in one anonymous browser end in one session."""
        session = make_session()

        store.promote(anonymous.key, session, reseal=_reseal)

        assert store.find_rotated(anonymous.key) == session

    def test_only_anonymous_sessions_are_promoted(self, store: SessionStore) -> None:
        """Nobody takes over what somebody keeps."""
        somebody = make_session()
        store.create(somebody)
        session = make_session(subject_id="bob")

        with pytest.raises(SessionGoneError) as caught:
            store.promote(somebody.key, session, reseal=_reseal)

        assert caught.value.key == somebody.key[:8]
        assert store.get(somebody.key) == somebody
        assert store.get(session.key) is None

    def test_a_promotion_of_an_unknown_session(self, store: SessionStore) -> None:
        """A promotion makes no session of nothing."""
        session = make_session()

        with pytest.raises(SessionGoneError):
            store.promote(make_session().key, session, reseal=_reseal)

        assert store.get(session.key) is None

    def test_a_promotion_onto_a_taken_key(
        self, store: SessionStore, anonymous: ServerSideSession
    ) -> None:
        """A key that another session has is refused, and nothing has changed."""
        other = make_session()
        store.create(other)

        with pytest.raises(SessionExistsError, match="taken"):
            store.promote(anonymous.key, make_session(key=other.key), reseal=_reseal)

        assert store.get(other.key) == other
        assert store.get(anonymous.key) == anonymous
        assert set(store.read_data(anonymous.session_id)) == {"a", "dropped"}

    @pytest.mark.parametrize("attempt", range(25))
    def test_a_promotion_meets_a_write(
        self, store: SessionStore, anonymous: ServerSideSession, attempt: int
    ) -> None:
        """What was written in time is carried over; what was not is refused."""
        session = make_session()

        def write() -> bool:
            try:
                store.write_data(anonymous.session_id, changed={"b": b"2"}, removed=())
            except SessionGoneError:
                return False

            return True

        def promote() -> bool:
            store.promote(anonymous.key, session, reseal=_reseal)

            return True

        written, _ = together([write, promote])

        expected = {"a": b"a1", "b": b"b2"} if written else {"a": b"a1"}
        assert store.read_data(session.session_id) == expected

    @pytest.mark.parametrize("attempt", range(25))
    def test_one_of_many_promotes(
        self, store: SessionStore, anonymous: ServerSideSession, attempt: int
    ) -> None:
        """Of concurrent sign-ins one gets the session; the others learn of it."""

        def promote(session: ServerSideSession) -> ServerSideSession | None:
            try:
                store.promote(anonymous.key, session, reseal=_reseal)
            except SessionGoneError:
                return None

            return session

        results = together([partial(promote, make_session()) for _ in range(4)])

        (winner,) = [each for each in results if each is not None]
        assert store.find_by_subject("alice") == (winner,)
        assert store.attributes(winner.session_id) == {"order": "42"}
