"""What every session store must do with the clients of a session."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from functools import partial

import pytest

from ..errors import SessionGoneError
from ..models import LogoutReason
from ..ports import SessionStore
from .together import together
from .values import make_participant
from .values import make_session
from .values import START

__all__ = ["SessionParticipantsContract"]

_SECOND = timedelta(seconds=1)


class SessionParticipantsContract:
    """Adding and reading participants."""

    def test_a_session_begins_without_participants(self, store: SessionStore) -> None:
        """Nobody takes part who was not added; an unknown session has nobody."""
        session = make_session()
        store.create(session)

        assert store.participants(session.session_id) == ()
        assert store.participants(make_session().session_id) == ()

    def test_participants_come_in_the_order_of_joining(
        self, store: SessionStore
    ) -> None:
        """Participants come back as they were given, who joined first first."""
        session = make_session()
        first = make_participant(
            session.session_id, client_id="wiki", subject="päirwise", joined_at=START
        )
        second = make_participant(
            session.session_id,
            client_id="shop",
            issuer="https://other.test/idp",
            joined_at=START + timedelta(microseconds=1),
        )
        store.create(session)
        store.add_participant(second)
        store.add_participant(first)

        assert store.participants(session.session_id) == (first, second)

    def test_participants_of_the_same_instant(self, store: SessionStore) -> None:
        """Who joined at the same instant comes in the order of being added."""
        session = make_session()
        store.create(session)
        store.add_participant(make_participant(session.session_id, client_id="wiki"))
        store.add_participant(make_participant(session.session_id, client_id="cafe"))
        store.add_participant(make_participant(session.session_id, client_id="shop"))

        found = store.participants(session.session_id)

        assert [each.client_id for each in found] == ["wiki", "cafe", "shop"]

    def test_a_known_participant_is_left_as_it_is(self, store: SessionStore) -> None:
        """The first record of a client counts."""
        session = make_session()
        participant = make_participant(session.session_id)
        store.create(session)
        store.add_participant(participant)

        store.add_participant(
            dataclasses.replace(
                participant, subject="other", joined_at=START + 5 * _SECOND
            )
        )

        assert store.participants(session.session_id) == (participant,)

    @pytest.mark.parametrize(
        "client_id",
        [
            pytest.param("Shop", id="case"),
            pytest.param("shop ", id="trailing space"),
            pytest.param("shöp", id="accent"),
            pytest.param("店-🛒", id="beyond the basic plane"),
            pytest.param("%", id="wildcard"),
        ],
    )
    def test_similar_clients_are_different(
        self, store: SessionStore, client_id: str
    ) -> None:
        """A client identifier is compared exactly (RFC 6749 §2.2)."""
        session = make_session()
        store.create(session)
        store.add_participant(make_participant(session.session_id, client_id="shop"))

        store.add_participant(make_participant(session.session_id, client_id=client_id))

        found = store.participants(session.session_id)
        assert [each.client_id for each in found] == ["shop", client_id]

    def test_a_client_takes_part_in_several_sessions(self, store: SessionStore) -> None:
        """Each session has participants of its own."""
        session = make_session()
        other = make_session()
        store.create(session)
        store.create(other)
        store.add_participant(make_participant(session.session_id))
        store.add_participant(make_participant(other.session_id))

        assert store.participants(other.session_id) == (
            make_participant(other.session_id),
        )

    def test_participants_outlive_a_rotation(self, store: SessionStore) -> None:
        """A new handle keeps the clients, and late requests can still add theirs."""
        session = make_session()
        early = make_participant(session.session_id, client_id="early")
        late = make_participant(session.session_id, client_id="late")
        store.create(session)
        store.add_participant(early)

        store.update(session.key, dataclasses.replace(session, key=make_session().key))
        store.add_participant(late)

        assert store.participants(session.session_id) == (early, late)

    def test_nobody_joins_an_unknown_session(self, store: SessionStore) -> None:
        """Without a session there is nothing to take part in."""
        participant = make_participant(make_session().session_id)

        with pytest.raises(SessionGoneError, match="ended"):
            store.add_participant(participant)

        assert store.participants(participant.session_id) == ()

    @pytest.mark.parametrize(
        "client_id", [pytest.param("shop", id="known"), pytest.param("wiki", id="new")]
    )
    def test_nobody_joins_an_ended_session(
        self, store: SessionStore, client_id: str
    ) -> None:
        """A client must not be given a code for a session that is over."""
        session = make_session()
        store.create(session)
        store.add_participant(make_participant(session.session_id, client_id="shop"))
        store.end(session.session_id, reason=LogoutReason.USER, ended_at=START)

        with pytest.raises(SessionGoneError, match="ended") as caught:
            store.add_participant(
                make_participant(session.session_id, client_id=client_id)
            )

        assert caught.value.key == session.session_id[:8]
        assert store.participants(session.session_id) == ()

    @pytest.mark.parametrize("attempt", range(25))
    def test_no_participant_is_lost(self, store: SessionStore, attempt: int) -> None:
        """Clients that join at the same moment are all there afterwards."""
        session = make_session()
        joining = [
            make_participant(session.session_id, client_id=f"client-{number}")
            for number in range(8)
        ]
        store.create(session)

        together([partial(store.add_participant, each) for each in joining])

        found = store.participants(session.session_id)
        assert sorted(found, key=lambda each: each.client_id) == joining
