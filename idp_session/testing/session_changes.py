"""What every session store must do when a session changes."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from ..errors import SessionExistsError
from ..errors import SessionGoneError
from ..models import LogoutReason
from ..models import SessionOrigin
from ..ports import SessionStore
from .values import make_session
from .values import START

__all__ = ["SessionChangesContract"]

_HOUR = timedelta(hours=1)


class SessionChangesContract:
    """Replacing sessions and their handles, renewing, and coming too late."""

    def test_update_replaces_the_session(self, store: SessionStore) -> None:
        """What was updated comes back as it was given."""
        session = make_session(display_name="Alice")
        store.create(session)
        changed = dataclasses.replace(
            session,
            display_name=None,
            subject_id="bob",
            authenticated_at=START + _HOUR,
            expires_at=START + 3 * _HOUR,
            ticket=b"resealed",
        )

        store.update(session.key, changed)

        assert store.get(session.key) == changed

    def test_update_that_changes_nothing(self, store: SessionStore) -> None:
        """To write what is there already is not to meet a session that is gone."""
        session = make_session()
        store.create(session)

        store.update(session.key, session)

        assert store.get(session.key) == session

    def test_update_of_an_unknown_session(self, store: SessionStore) -> None:
        """An update creates nothing."""
        session = make_session()

        with pytest.raises(SessionGoneError) as caught:
            store.update(session.key, session)

        assert caught.value.key == session.key[:8]
        assert store.get(session.key) is None

    def test_update_leaves_others_alone(self, store: SessionStore) -> None:
        """Only the session under the key changes."""
        session = make_session()
        other = make_session()
        store.create(session)
        store.create(other)

        store.update(session.key, dataclasses.replace(session, ticket=b"resealed"))

        assert store.get(other.key) == other

    def test_a_replaced_handle_finds_nothing(self, store: SessionStore) -> None:
        """After a rotation only the new key leads to the session."""
        session = make_session()
        rotated = dataclasses.replace(session, key=make_session().key)
        store.create(session)

        store.update(session.key, rotated)

        assert store.get(session.key) is None
        assert store.get(rotated.key) == rotated
        assert store.find(session.session_id) == rotated

    def test_a_replaced_handle_changes_nothing(self, store: SessionStore) -> None:
        """A request that still holds the old key cannot undo the rotation."""
        session = make_session()
        rotated = dataclasses.replace(session, key=make_session().key)
        store.create(session)
        store.update(session.key, rotated)

        with pytest.raises(SessionGoneError, match="key"):
            store.update(session.key, session)

        assert store.find(session.session_id) == rotated

    def test_a_rotation_onto_a_taken_key(self, store: SessionStore) -> None:
        """A new key that another session has is refused; both stay as they are."""
        session = make_session()
        other = make_session()
        store.create(session)
        store.create(other)

        with pytest.raises(SessionExistsError, match="taken"):
            store.update(session.key, dataclasses.replace(session, key=other.key))

        assert store.get(session.key) == session
        assert store.get(other.key) == other

    def test_the_session_id_stays(self, store: SessionStore) -> None:
        """An update under another session id meets no such session."""
        session = make_session()
        store.create(session)

        with pytest.raises(SessionGoneError, match="key"):
            store.update(session.key, make_session(key=session.key))

        assert store.get(session.key) == session

    def test_a_rotated_session_is_found_by_the_key_before(
        self, store: SessionStore
    ) -> None:
        """Whoever lost a race of two sign-ins finds the session of the other."""
        session = make_session()
        rotated = dataclasses.replace(session, key=make_session().key)
        store.create(session)
        store.update(session.key, rotated)

        assert store.find_rotated(session.key) == rotated

    def test_a_key_in_use_is_no_rotated_one(self, store: SessionStore) -> None:
        """The current key is not the one before."""
        session = make_session()
        rotated = dataclasses.replace(session, key=make_session().key)
        store.create(session)
        before = store.find_rotated(session.key)
        store.update(session.key, rotated)

        assert before is None
        assert store.find_rotated(rotated.key) is None

    def test_only_the_last_rotation_is_remembered(self, store: SessionStore) -> None:
        """The key before the last one leads nowhere."""
        first = make_session()
        second = dataclasses.replace(first, key=make_session().key)
        third = dataclasses.replace(first, key=make_session().key)
        store.create(first)
        store.update(first.key, second)
        store.update(second.key, third)

        assert store.find_rotated(first.key) is None
        assert store.find_rotated(second.key) == third

    def test_a_rotation_outlives_a_plain_update(self, store: SessionStore) -> None:
        """Writing a session without a new key does not forget the one before."""
        session = make_session()
        rotated = dataclasses.replace(session, key=make_session().key)
        store.create(session)
        store.update(session.key, rotated)

        store.update(rotated.key, rotated)

        assert store.find_rotated(session.key) == rotated

    def test_renew_moves_the_end(self, store: SessionStore) -> None:
        """A renewal changes the two instants and nothing else."""
        session = make_session(expires_at=START + _HOUR)
        store.create(session)
        moved = dataclasses.replace(
            session, renewed_at=START + _HOUR, expires_at=START + 3 * _HOUR
        )

        renewed = store.renew(
            session.key, renewed_at=moved.renewed_at, expires_at=moved.expires_at
        )

        assert renewed
        assert store.get(session.key) == moved

    def test_renew_writes_from_where(self, store: SessionStore) -> None:
        """A use from elsewhere is written with the renewal, or taken out by it."""
        session = make_session(expires_at=START + _HOUR)
        origin = SessionOrigin(ip_address=None, user_agent="another browser")
        store.create(session)
        moved = dataclasses.replace(
            session,
            renewed_at=START + _HOUR,
            expires_at=START + 3 * _HOUR,
            ip_address=None,
            user_agent="another browser",
        )

        store.renew(
            session.key,
            renewed_at=moved.renewed_at,
            expires_at=moved.expires_at,
            origin=origin,
        )

        assert store.get(session.key) == moved

    def test_renewal_that_comes_late_moves_nothing(self, store: SessionStore) -> None:
        """Of two renewals the one that reaches farther says from where, too."""
        session = make_session(expires_at=START + 2 * _HOUR, user_agent="browser")
        store.create(session)

        store.renew(
            session.key,
            renewed_at=START,
            expires_at=START + _HOUR,
            origin=SessionOrigin(user_agent="late browser"),
        )

        assert store.get(session.key) == session

    @pytest.mark.parametrize(
        "hours", [pytest.param(1, id="nearer"), pytest.param(2, id="the same")]
    )
    def test_renew_never_shortens(self, store: SessionStore, hours: int) -> None:
        """Of two renewals the one that reaches farther counts."""
        session = make_session(expires_at=START + 2 * _HOUR)
        store.create(session)

        store.renew(session.key, renewed_at=START, expires_at=START + hours * _HOUR)

        assert store.get(session.key) == session

    def test_renew_of_an_unknown_session(self, store: SessionStore) -> None:
        """A renewal creates nothing."""
        key = make_session().key

        assert not store.renew(key, renewed_at=START, expires_at=START + _HOUR)
        assert store.get(key) is None

    def test_late_update_of_an_ended_session(self, store: SessionStore) -> None:
        """A session that has ended cannot be brought back by a late update."""
        session = make_session()
        store.create(session)
        store.end(session.session_id, reason=LogoutReason.USER, ended_at=START)

        with pytest.raises(SessionGoneError, match="key"):
            store.update(session.key, session)

        assert store.get(session.key) is None
        assert store.find(session.session_id) is None

    def test_late_rotation_of_an_ended_session(self, store: SessionStore) -> None:
        """A session that has ended cannot be brought back under a new key."""
        session = make_session()
        rotated = dataclasses.replace(session, key=make_session().key)
        store.create(session)
        store.end(session.session_id, reason=LogoutReason.USER, ended_at=START)

        with pytest.raises(SessionGoneError, match="key"):
            store.update(session.key, rotated)

        assert store.get(rotated.key) is None
        assert store.find_rotated(session.key) is None

    def test_late_renewal_of_an_ended_session(self, store: SessionStore) -> None:
        """A session that has ended cannot be brought back by a late renewal."""
        session = make_session()
        store.create(session)
        store.end(session.session_id, reason=LogoutReason.USER, ended_at=START)

        renewed = store.renew(
            session.key, renewed_at=START, expires_at=START + 5 * _HOUR
        )

        assert not renewed
        assert store.get(session.key) is None
