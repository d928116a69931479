"""What every session store must do with the data and attributes of a session."""

from __future__ import annotations

from functools import partial

import pytest

from ..errors import SessionGoneError
from ..models import LogoutReason
from ..models import ServerSideSession
from ..models import SessionFilter
from ..ports import SessionStore
from .together import together
from .values import make_session
from .values import START

__all__ = ["SessionKeepingContract"]


class SessionKeepingContract:
    """Data that is merged, and attributes that sessions are found by."""

    @pytest.fixture
    def session(self, store: SessionStore) -> ServerSideSession:
        """A session that has begun."""
        session = make_session()
        store.create(session)

        return session

    def test_a_session_begins_with_nothing(
        self, store: SessionStore, session: ServerSideSession
    ) -> None:
        """Nobody has given it data or attributes yet."""
        assert store.read_data(session.session_id) == {}
        assert store.attributes(session.session_id) == {}

    def test_data_comes_back(
        self, store: SessionStore, session: ServerSideSession
    ) -> None:
        """Any bytes are kept, under any name."""
        written = {
            "basket": bytes(range(256)) * 512,
            "Basket": b"",
            "basket ": b"1",
            "🦊" * 255: b"2",
        }

        store.write_data(session.session_id, changed=written, removed=())

        assert store.read_data(session.session_id) == written

    def test_data_is_merged(
        self, store: SessionStore, session: ServerSideSession
    ) -> None:
        """What is neither changed nor removed stays as it is."""
        session_id = session.session_id
        before = {"a": b"1", "b": b"1", "c": b"1"}
        store.write_data(session_id, changed=before, removed=())

        store.write_data(
            session_id, changed={"b": b"2", "d": b"2"}, removed=["c", "unknown"]
        )

        assert store.read_data(session_id) == {"a": b"1", "b": b"2", "d": b"2"}

    def test_data_is_that_of_one_session(
        self, store: SessionStore, session: ServerSideSession
    ) -> None:
        """Another session has data of its own."""
        other = make_session()
        store.create(other)
        store.write_data(session.session_id, changed={"a": b"1"}, removed=())
        store.write_data(other.session_id, changed={"a": b"2"}, removed=())

        store.write_data(session.session_id, changed={}, removed=["a"])

        assert store.read_data(session.session_id) == {}
        assert store.read_data(other.session_id) == {"a": b"2"}

    def test_late_data_of_an_ended_session(
        self, store: SessionStore, session: ServerSideSession
    ) -> None:
        """What belonged to a session goes with it, and a late save keeps nothing."""
        session_id = session.session_id
        store.write_data(session_id, changed={"a": b"1"}, removed=())
        store.set_attribute(session_id, "tenant", "acme")
        store.end(session_id, reason=LogoutReason.USER, ended_at=START)

        with pytest.raises(SessionGoneError) as caught:
            store.write_data(session_id, changed={"b": b"2"}, removed=["a"])
        with pytest.raises(SessionGoneError):
            store.set_attribute(session_id, "tenant", "acme")
        store.unset_attribute(session_id, "tenant")

        assert caught.value.key == session_id[:8]
        assert store.read_data(session_id) == {}
        assert store.attributes(session_id) == {}
        assert store.find(session_id) is None

    def test_nothing_comes_back_with_a_session_id(
        self, store: SessionStore, session: ServerSideSession
    ) -> None:
        """Whoever begins under the id of an ended session begins with nothing."""
        store.write_data(session.session_id, changed={"a": b"1"}, removed=())
        store.set_attribute(session.session_id, "tenant", "acme")
        store.end(session.session_id, reason=LogoutReason.USER, ended_at=START)

        store.create(session)

        assert store.read_data(session.session_id) == {}
        assert store.attributes(session.session_id) == {}

    def test_an_attribute_is_replaced(
        self, store: SessionStore, session: ServerSideSession
    ) -> None:
        """An attribute has one value; other attributes stay."""
        session_id = session.session_id
        store.set_attribute(session_id, "tenant", "acme")
        store.set_attribute(session_id, "device", "")

        store.set_attribute(session_id, "tenant", "Ü" * 255)

        assert store.attributes(session_id) == {"tenant": "Ü" * 255, "device": ""}

    def test_an_attribute_is_unset(
        self, store: SessionStore, session: ServerSideSession
    ) -> None:
        """Only this one goes, and it is no error that it has gone."""
        session_id = session.session_id
        store.set_attribute(session_id, "tenant", "acme")
        store.set_attribute(session_id, "device", "phone")

        store.unset_attribute(session_id, "tenant")
        store.unset_attribute(session_id, "tenant")

        assert store.attributes(session_id) == {"device": "phone"}
        assert not store.count(SessionFilter(attribute=("tenant", "acme")), at_most=9)

    def test_sessions_are_found_by_an_attribute(
        self, store: SessionStore, session: ServerSideSession
    ) -> None:
        """Name and value count together, and other conditions count as well."""
        other, bob = make_session(), make_session(subject_id="bob")
        store.create(other)
        store.create(bob)
        for session_id in (session.session_id, bob.session_id):
            store.set_attribute(session_id, "tenant", "acme")
        store.set_attribute(session.session_id, "device", "phone")
        store.set_attribute(other.session_id, "device", "acme")
        wanted = SessionFilter(attribute=("tenant", "acme"), subject_id="alice")

        assert store.query(wanted, limit=9, after=None) == (session,)
        assert store.count(wanted, at_most=9) == 1

    @pytest.mark.parametrize(
        "attribute",
        [
            pytest.param(("tenant", "ACME"), id="case of the value"),
            pytest.param(("Tenant", "acme"), id="case of the name"),
            pytest.param(("tenant", "acme "), id="trailing space"),
            pytest.param(("tenant", "%"), id="wildcard"),
            pytest.param(("tenant", "acme\0"), id="NUL"),
            pytest.param(("tenant", "\udcff"), id="half a character"),
            pytest.param(("tenant" * 100, "acme"), id="long name"),
            pytest.param(("tenant", "acme" * 100), id="long value"),
        ],
    )
    def test_similar_attributes_are_different(
        self,
        store: SessionStore,
        session: ServerSideSession,
        attribute: tuple[str, str],
    ) -> None:
        """Attributes are compared exactly; what none can be finds nothing."""
        store.set_attribute(session.session_id, "tenant", "acme")
        wanted = SessionFilter(attribute=attribute)

        assert store.query(wanted, limit=9, after=None) == ()
        assert store.count(wanted, at_most=9) == 0

    @pytest.mark.parametrize("attempt", range(25))
    def test_different_names_written_at_once(
        self, store: SessionStore, session: ServerSideSession, attempt: int
    ) -> None:
        """Of concurrent writers of different names none loses."""
        session_id = session.session_id
        store.write_data(session_id, changed={"old": b"1", "kept": b"1"}, removed=())
        write = partial(store.write_data, session_id)

        together(
            [
                partial(write, changed={"a": b"1"}, removed=["old"]),
                partial(write, changed={"b": b"2"}, removed=()),
                partial(write, changed={"c": b"3"}, removed=["old"]),
                partial(store.set_attribute, session_id, "tenant", "acme"),
            ]
        )

        assert store.attributes(session_id) == {"tenant": "acme"}
        assert store.read_data(session_id) == {
            "kept": b"1",
            "a": b"1",
            "b": b"2",
            "c": b"3",
        }
