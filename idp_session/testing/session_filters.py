"""What every session store must do when sessions are looked for by conditions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ..models import ServerSideSession
from ..models import SessionFilter
from ..ports import SessionStore
from .values import make_participant
from .values import make_session
from .values import START

__all__ = ["SessionFiltersContract"]

_HOUR = timedelta(hours=1)
_TICK = timedelta(microseconds=1)


def _begun(store: SessionStore, **members: object) -> ServerSideSession:
    session = make_session(**members)
    store.create(session)

    return session


def _found(store: SessionStore, wanted: SessionFilter) -> tuple[ServerSideSession, ...]:
    return store.query(wanted, limit=100, after=None)


def _by(member: str, text: str) -> SessionFilter:
    members: dict[str, Any] = {member: text}

    return SessionFilter(**members)


class SessionFiltersContract:
    """Finding the sessions that a filter means, and no others."""

    def test_sessions_are_found_by_subject(self, store: SessionStore) -> None:
        """Only this subject's come."""
        _begun(store, subject_id="bob")
        session = _begun(store, subject_id="alice")

        assert _found(store, SessionFilter(subject_id="alice")) == (session,)

    def test_sessions_are_found_by_their_id(self, store: SessionStore) -> None:
        """Only the one with this id comes."""
        _begun(store)
        session = _begun(store)

        assert _found(store, SessionFilter(session_id=session.session_id)) == (session,)

    def test_sessions_are_found_by_client(self, store: SessionStore) -> None:
        """Only those come in which this client takes part, each of them once."""
        shop = _begun(store)
        wiki = _begun(store)
        _begun(store)
        for session, client_id in [(shop, "shop"), (shop, "mail"), (wiki, "wiki")]:
            store.add_participant(
                make_participant(session.session_id, client_id=client_id)
            )

        assert _found(store, SessionFilter(client_id="shop")) == (shop,)

    @pytest.mark.parametrize(
        "beginning",
        [
            pytest.param("A", id="a letter"),
            pytest.param("Alice", id="a word"),
            pytest.param("Alice Ä\U0010ffff\U0010ffff", id="all of it"),
        ],
    )
    def test_sessions_are_found_by_how_a_name_begins(
        self, store: SessionStore, beginning: str
    ) -> None:
        """The beginning of a display name is enough."""
        _begun(store, display_name="Bob")
        _begun(store, display_name=None)
        session = _begun(store, display_name="Alice Ä\U0010ffff\U0010ffff")

        assert _found(store, SessionFilter(display_name=beginning)) == (session,)

    @pytest.mark.parametrize(
        "beginning",
        [
            pytest.param("50", id="nothing special"),
            pytest.param("50\ud7ff", id="before the surrogates"),
            pytest.param("50\ud7ff\U0010ffff", id="before the last character"),
            pytest.param("50\ud7ff\U0010ffff\U0010ffff", id="the last ones"),
        ],
    )
    def test_names_go_on_with_any_character(
        self, store: SessionStore, beginning: str
    ) -> None:
        """Whatever comes after the beginning of a name, it is found."""
        session = _begun(store, display_name="50\ud7ff\U0010ffff\U0010ffff\ue000 \t")
        _begun(store, display_name="51")
        _begun(store, display_name="5")

        assert _found(store, SessionFilter(display_name=beginning)) == (session,)

    @pytest.mark.parametrize(
        "beginning",
        [
            pytest.param("a", id="other case"),
            pytest.param("%", id="wildcard"),
            pytest.param("A%", id="wildcard at the end"),
            pytest.param("A_ice", id="wildcard for one"),
            pytest.param("*", id="another wildcard"),
            pytest.param("[A]", id="a set"),
            pytest.param("Alice\\", id="an escape"),
            pytest.param("Alice ", id="trailing space"),
            pytest.param("Á", id="accent"),
            pytest.param("lice", id="not the beginning"),
            pytest.param("\U0010ffff", id="the last character"),
            pytest.param("' OR 1=1 --", id="a piece of SQL"),
        ],
    )
    def test_a_beginning_means_only_itself(
        self, store: SessionStore, beginning: str
    ) -> None:
        """No character stands for others, and neither case nor space is ignored."""
        _begun(store, display_name="Alice")

        assert _found(store, SessionFilter(display_name=beginning)) == ()

    def test_an_empty_beginning_is_no_condition(self, store: SessionStore) -> None:
        """It leaves nobody out, not even those without a name."""
        session = _begun(store, display_name=None)

        assert _found(store, SessionFilter(display_name="")) == (session,)

    @pytest.mark.parametrize("member", ["subject_id", "session_id", "client_id"])
    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("", id="nothing"),
            pytest.param("%", id="wildcard"),
            pytest.param("ALICE", id="other case"),
            pytest.param("alice ", id="trailing space"),
            pytest.param("' OR '1'='1", id="a piece of SQL"),
        ],
    )
    def test_an_identifier_means_only_itself(
        self, store: SessionStore, member: str, text: str
    ) -> None:
        """Identifiers are compared exactly."""
        session = _begun(store, session_id="alice")
        store.add_participant(make_participant(session.session_id, client_id="alice"))
        exact = _by(member, "alice")
        similar = _by(member, text)

        assert _found(store, exact) == (session,)
        assert _found(store, similar) == ()
        assert store.count(similar, at_most=9) == 0

    @pytest.mark.parametrize(
        "member", ["subject_id", "session_id", "client_id", "display_name"]
    )
    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("alice\0", id="NUL"),
            pytest.param("alice\udcff", id="half a character"),
            pytest.param("alice" * 10_000, id="very long"),
        ],
    )
    def test_what_no_session_can_have_finds_nothing(
        self, store: SessionStore, member: str, text: str
    ) -> None:
        """Text that a database would refuse is not an error: it is in no session."""
        session = _begun(store, display_name="alice")
        store.add_participant(make_participant(session.session_id, client_id="alice"))
        wanted = _by(member, text)

        assert _found(store, wanted) == ()
        assert store.count(wanted, at_most=9) == 0

    def test_sessions_are_found_by_when_they_began(self, store: SessionStore) -> None:
        """The first instant is among those that are meant, the last one is not."""
        begun = [_begun(store, created_at=START + n * _HOUR) for n in range(4)]
        wanted = SessionFilter(
            created_after=begun[1].created_at, created_before=begun[3].created_at
        )

        assert list(_found(store, wanted)) == [begun[2], begun[1]]

    def test_all_conditions_have_to_be_met(self, store: SessionStore) -> None:
        """Each condition leaves out more."""
        alice = _begun(store, display_name="Alice")
        _begun(store, display_name="Alice")
        bob = _begun(store, subject_id="bob", display_name="Alice")
        for session in (alice, bob):
            store.add_participant(make_participant(session.session_id))

        wanted = SessionFilter(
            subject_id="alice",
            client_id="shop",
            display_name="Al",
            created_after=START,
            created_before=START + _TICK,
        )

        assert _found(store, wanted) == (alice,)
        assert store.count(wanted, at_most=9) == 1
