"""What every session store must do with the sessions that it was given."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ..errors import SessionExistsError
from ..models import LogoutReason
from ..ports import SessionStore
from .values import make_participant
from .values import make_session
from .values import START

__all__ = ["SessionRecordsContract"]

_HOUR = timedelta(hours=1)
_TICK = timedelta(microseconds=1)


class SessionRecordsContract:
    """Creating and finding sessions."""

    def test_a_session_is_found_by_its_key(self, store: SessionStore) -> None:
        """What was created comes back as it was."""
        session = make_session(
            subject_id="älice-日本-🦊",
            display_name="Älice 日本 🦊",
            created_at=START + timedelta(microseconds=1),
            authenticated_at=START + timedelta(microseconds=2),
            renewed_at=START + timedelta(microseconds=3),
            ip_address="2001:db8::1",
            user_agent="Mozilla/5.0 (a browser)",
            ticket=bytes(range(256)) * 512,
        )
        store.create(session)

        assert store.get(session.key) == session

    def test_what_is_not_known_stays_unknown(self, store: SessionStore) -> None:
        """A session without extras comes back without extras."""
        session = make_session()
        store.create(session)

        assert store.get(session.key) == session

    def test_a_session_is_found_by_its_public_id(self, store: SessionStore) -> None:
        """The public id leads to the same session as the key."""
        session = make_session()
        store.create(session)
        store.create(make_session())

        assert store.find(session.session_id) == session

    def test_what_was_never_created_is_not_found(self, store: SessionStore) -> None:
        """Neither a key nor a public id finds a session of somebody else."""
        store.create(make_session())
        other = make_session()

        assert store.get(other.key) is None
        assert store.find(other.session_id) is None
        assert store.find_by_subject("nobody") == ()

    def test_a_session_is_live_until_it_expires(self, store: SessionStore) -> None:
        """From ``expires_at`` on it is not, though nobody has ended it yet."""
        session = make_session(expires_at=START + _HOUR)
        store.create(session)
        instants = [START, START + _HOUR - _TICK, START + _HOUR]

        live = [store.is_live(session.session_id, now=now) for now in instants]

        assert live == [True, True, False]

    def test_a_session_that_ended_is_not_live(self, store: SessionStore) -> None:
        """Whoever asks by the public id learns of the end."""
        session = make_session()
        store.create(session)

        store.end(session.session_id, reason=LogoutReason.USER, ended_at=START)

        assert not store.is_live(session.session_id, now=START)

    def test_a_session_is_live_for_its_clients(self, store: SessionStore) -> None:
        """A client that does not take part has nothing to do with it."""
        session = make_session()
        store.create(session)
        store.add_participant(make_participant(session.session_id, client_id="shop"))

        live = [
            store.is_live(session.session_id, now=START, client_id=client_id)
            for client_id in ("shop", "mail")
        ]

        assert live == [True, False]

    def test_nobodys_session_is_not_live(self, store: SessionStore) -> None:
        """The public id of an anonymous session proves nothing."""
        session = make_session(subject_id=None)
        store.create(session)

        assert not store.is_live(session.session_id, now=START)

    def test_an_expired_session_is_still_there(self, store: SessionStore) -> None:
        """Only ending removes a session: its clients must hear of it."""
        session = make_session(expires_at=START - 1000 * _HOUR)
        store.create(session)

        assert store.get(session.key) == session
        assert store.find(session.session_id) == session
        assert store.find_by_subject("alice") == (session,)

    def test_a_key_is_taken_once(self, store: SessionStore) -> None:
        """A second session under a key is refused and the first one stays."""
        session = make_session()
        store.create(session)

        with pytest.raises(SessionExistsError, match="taken"):
            store.create(make_session(key=session.key, subject_id="bob"))

        assert store.get(session.key) == session

    def test_a_session_id_is_taken_once(self, store: SessionStore) -> None:
        """A second session with a public id is refused and the first one stays."""
        session = make_session()
        store.create(session)

        with pytest.raises(SessionExistsError, match="taken"):
            store.create(make_session(session_id=session.session_id))

        assert store.find(session.session_id) == session

    def test_sessions_of_a_subject_come_oldest_first(self, store: SessionStore) -> None:
        """A subject's sessions are listed in the order in which they began."""
        newest = make_session(created_at=START + 2 * _HOUR)
        oldest = make_session(created_at=START)
        middle = make_session(created_at=START + _HOUR)
        store.create(newest)
        store.create(oldest)
        store.create(middle)

        assert store.find_by_subject("alice") == (oldest, middle, newest)

    @pytest.mark.parametrize(
        "subject_id",
        [
            pytest.param("Alice", id="case"),
            pytest.param("alice ", id="trailing space"),
            pytest.param("álice", id="accent"),
            pytest.param("al_ce", id="wildcard"),
        ],
    )
    def test_similar_subjects_are_different(
        self, store: SessionStore, subject_id: str
    ) -> None:
        """A subject identifier is compared exactly (OpenID Connect Core §2)."""
        store.create(make_session(subject_id="alice"))

        assert store.find_by_subject(subject_id) == ()

    def test_expired_sessions_come_longest_ago_first(self, store: SessionStore) -> None:
        """A session is expired from ``expires_at`` on, and not before."""
        now = START + 5 * _HOUR
        just = make_session(expires_at=now)
        long_ago = make_session(expires_at=START)
        store.create(just)
        store.create(make_session(expires_at=now + timedelta(microseconds=1)))
        store.create(long_ago)

        assert store.find_expired(now, limit=10) == (long_ago, just)

    def test_expired_sessions_are_limited(self, store: SessionStore) -> None:
        """No more are returned than asked for, and those that waited longest."""
        second = make_session(expires_at=START + _HOUR)
        first = make_session(expires_at=START)
        store.create(second)
        store.create(first)

        assert store.find_expired(START + 2 * _HOUR, limit=1) == (first,)
