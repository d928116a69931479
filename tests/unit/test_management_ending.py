"""Ending sessions as an administrator does, by id, by a search, and for clients."""

from __future__ import annotations

from functools import partial

import pytest
import sqlalchemy as sa

from idp_session.models import LogoutReason
from idp_session.models import ServerSideSession
from idp_session.models import SessionFilter
from idp_session.services import management
from idp_session.services.ending import EndingService
from idp_session.services.management import SessionManagementService
from idp_session.stores.sql import SqlSessionStore
from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing import ManualClock
from idp_session.testing import together
from tests.fakes import FakeProvider
from tests.fakes import RecordingDispatcher

from .hosts import host_app
from .managed_sessions import begin
from .managed_sessions import ids

ALICE = SessionFilter(subject_id="alice")


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
def service(provider: FakeProvider) -> SessionManagementService:
    return SessionManagementService(store=provider.store, ending=provider.ending)


class TestEnd:
    """Ending sessions by a filter."""

    @pytest.mark.parametrize(
        "wanted",
        [
            pytest.param(SessionFilter(), id="nothing"),
            pytest.param(SessionFilter(display_name=""), id="what every name has"),
            pytest.param(SessionFilter(anonymous=False), id="somebody"),
            pytest.param(SessionFilter(anonymous=None), id="somebody or nobody"),
        ],
    )
    def test_an_empty_filter_ends_nothing(
        self,
        provider: FakeProvider,
        service: SessionManagementService,
        wanted: SessionFilter,
    ) -> None:
        """Nobody ends all sessions by accident."""
        begin(provider, 2)

        with pytest.raises(ValueError, match="every session"):
            service.end(wanted, reason=LogoutReason.ADMIN)

        assert provider.ended == []

    def test_what_is_meant_ends_and_nothing_else(
        self, provider: FakeProvider, service: SessionManagementService
    ) -> None:
        """Each is announced with the reason, and its clients are owed word."""
        alice = begin(provider, 2)
        bob = begin(provider, 1, subject_id="bob")
        provider.store.add_participant(make_participant(alice[0]))

        count = service.end(ALICE, reason=LogoutReason.ACCOUNT_DISABLED)

        assert count == 2
        assert [each.session_id for each in provider.ended] == alice
        assert {each.reason for each in provider.ended} == {
            LogoutReason.ACCOUNT_DISABLED
        }
        assert len(provider.queue.of_session(alice[0])) == 1
        assert provider.dispatcher.kicks == 2
        assert ids(service.query()) == bob

    def test_batches_end_everything(
        self,
        provider: FakeProvider,
        service: SessionManagementService,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """However many there are, none is left, and one that stays hinders nobody."""
        monkeypatch.setattr(management, "_BATCH", 2)
        begun = begin(provider, 7)

        count = service.end(
            ALICE, reason=LogoutReason.ADMIN, except_session_id=begun[2]
        )

        assert count == 6
        assert ids(service.query()) == [begun[2]]

    def test_nothing_is_meant(self, service: SessionManagementService) -> None:
        """To end what is not there is to end nothing."""
        assert service.end(ALICE, reason=LogoutReason.ADMIN) == 0

    def test_somebody_else_was_faster(
        self, provider: FakeProvider, service: SessionManagementService
    ) -> None:
        """What others have ended meanwhile is not counted."""
        begun = begin(provider, 2)
        provider.spy.before["end"] = partial(
            provider.ending.end, begun[0], reason=LogoutReason.USER
        )

        assert service.end(ALICE, reason=LogoutReason.ADMIN) == 1
        assert sorted(each.session_id for each in provider.ended) == sorted(begun)

    def test_all_of_a_subject_end(
        self, provider: FakeProvider, service: SessionManagementService
    ) -> None:
        """Everywhere but in the browser of whoever asks."""
        begun = begin(provider, 3)
        begin(provider, 1, subject_id="bob")

        count = service.end_all(
            subject_id="alice",
            reason=LogoutReason.PASSWORD_CHANGE,
            except_session_id=begun[1],
        )

        assert count == 2
        assert ids(service.query(ALICE)) == [begun[1]]

    @pytest.mark.parametrize("subject_id", ["", "\0", "%"])
    def test_all_of_nobody_end(
        self,
        provider: FakeProvider,
        service: SessionManagementService,
        subject_id: str,
    ) -> None:
        """A subject that nobody is has no sessions, least of all everybody's."""
        begun = begin(provider, 1)

        assert service.end_all(subject_id=subject_id, reason=LogoutReason.ADMIN) == 0
        assert ids(service.query()) == begun

    def test_without_notification(
        self, provider: FakeProvider, service: SessionManagementService
    ) -> None:
        """The sessions end, and no client is owed word."""
        (first, second) = begin(provider, 2)
        for session_id in (first, second):
            provider.store.add_participant(make_participant(session_id))

        ended = service.end(
            SessionFilter(session_id=first), reason=LogoutReason.ADMIN, notify=False
        )
        all_ended = service.end_all(
            subject_id="alice", reason=LogoutReason.ADMIN, notify=False
        )

        assert (ended, all_ended) == (1, 1)
        assert provider.queue.of_session(first) == ()
        assert provider.queue.of_session(second) == ()
        assert provider.dispatcher.kicks == 0

    @pytest.mark.parametrize("attempt", range(25))
    def test_several_end_at_once(self, sqlite_engine: sa.Engine, attempt: int) -> None:
        """Of several administrators one ends each session, and all are over then."""
        store = SqlSessionStore(sqlite_engine)
        ended: list[object] = []
        service = SessionManagementService(
            store=store,
            ending=EndingService(
                store=store,
                clock=ManualClock(),
                dispatcher=RecordingDispatcher(),
                announce=ended.append,
            ),
        )
        sessions: list[ServerSideSession] = [make_session() for _ in range(4)]
        for session in sessions:
            store.create(session)

        counts = together([partial(service.end, ALICE, reason=LogoutReason.ADMIN)] * 3)

        assert sum(counts) == len(ended) == 4
        assert store.find_by_subject("alice") == ()


@pytest.mark.parametrize("subject_id", ["", "al\0ice", "\ud800", "x" * 300])
def test_a_name_that_no_database_holds(
    sqlite_engine: sa.Engine, subject_id: str
) -> None:
    """The extension takes any subject as it came: nobody has it, so nothing ends."""
    host = host_app(engine=sqlite_engine)
    host.signed_in("shop")

    with host.app.app_context():
        ended = host.extension.end_all(subject_id=subject_id, reason=LogoutReason.ADMIN)

    assert ended == 0


class TestEndForClients:
    """Ending sessions for some of their clients."""

    @staticmethod
    def join(provider: FakeProvider, session_id: str, *client_ids: str) -> None:
        for client_id in client_ids:
            provider.store.add_participant(
                make_participant(session_id, client_id=client_id)
            )

    @staticmethod
    def clients(provider: FakeProvider, session_id: str) -> list[str]:
        found = provider.store.participants(session_id)

        return [each.client_id for each in found]

    def test_these_clients_leave_and_the_sessions_go_on(
        self, provider: FakeProvider, service: SessionManagementService
    ) -> None:
        """In the sessions that are meant, and each that left is told."""
        spared, first, second = begin(provider, 3)
        (other,) = begin(provider, 1, subject_id="bob")
        for session_id in (spared, first, other):
            self.join(provider, session_id, "shop", "mail", "wiki")
        self.join(provider, second, "wiki")

        left = service.end_for_clients(
            ALICE,
            client_ids={"shop", "wiki"},
            reason=LogoutReason.CLIENT,
            except_session_id=spared,
        )

        assert left == 3
        assert self.clients(provider, first) == ["mail"]
        assert self.clients(provider, second) == []
        assert len(self.clients(provider, spared)) == 3
        assert len(self.clients(provider, other)) == 3
        assert len(service.query(ALICE).sessions) == 3
        owed = provider.queue.of_session(first)
        assert [each.client_id for each in owed] == ["shop", "wiki"]
        assert {each.reason for each in owed} == {LogoutReason.CLIENT}

    def test_all_batches_are_meant(
        self,
        provider: FakeProvider,
        service: SessionManagementService,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """However many there are, and although they stay in the list that is read."""
        monkeypatch.setattr(management, "_BATCH", 2)
        for session_id in begin(provider, 5):
            self.join(provider, session_id, "shop")

        left = service.end_for_clients(
            SessionFilter(client_id="shop"),
            client_ids=["shop"],
            reason=LogoutReason.ADMIN,
        )

        assert left == len(provider.departures) == 5
        assert service.query(SessionFilter(client_id="shop")).sessions == ()

    def test_without_notification(
        self, provider: FakeProvider, service: SessionManagementService
    ) -> None:
        """They leave, and nobody tells them."""
        (session_id,) = begin(provider, 1)
        self.join(provider, session_id, "shop")

        left = service.end_for_clients(
            ALICE, client_ids=["shop"], reason=LogoutReason.ADMIN, notify=False
        )

        assert left == 1
        assert self.clients(provider, session_id) == []
        assert provider.queue.of_session(session_id) == ()

    @pytest.mark.parametrize(
        ("wanted", "client_ids"),
        [
            pytest.param(SessionFilter(), ["shop"], id="empty filter"),
            pytest.param(ALICE, [], id="no clients"),
            pytest.param(ALICE, "", id="no text"),
            pytest.param(ALICE, "shop", id="a text"),
        ],
    )
    def test_what_is_refused(
        self,
        provider: FakeProvider,
        service: SessionManagementService,
        wanted: SessionFilter,
        client_ids: list[str] | str,
    ) -> None:
        """Neither all sessions nor all clients by accident, nor clients of one letter."""
        (session_id,) = begin(provider, 1)
        self.join(provider, session_id, "shop", "s")

        with pytest.raises(ValueError, match="name"):
            service.end_for_clients(
                wanted, client_ids=client_ids, reason=LogoutReason.ADMIN
            )

        assert self.clients(provider, session_id) == ["shop", "s"]
