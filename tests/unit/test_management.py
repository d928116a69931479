"""Sessions are found, listed and ended, and nobody ends all by accident."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from idp_session.models import LogoutReason
from idp_session.models import Position
from idp_session.models import SessionFilter
from idp_session.models import SessionPage
from idp_session.services import management
from idp_session.services.management import SessionManagementService
from idp_session.stores.sql import SqlSessionStore
from idp_session.testing import make_participant
from idp_session.testing import START
from tests.fakes import FakeProvider

from .managed_sessions import begin
from .managed_sessions import ids

HOUR = timedelta(hours=1)
ALICE = SessionFilter(subject_id="alice")


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
def service(provider: FakeProvider) -> SessionManagementService:
    return SessionManagementService(store=provider.store, ending=provider.ending)


def cursor_of(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def pages(service: SessionManagementService, *, limit: int) -> Iterator[SessionPage]:
    """Every page, from the first to the last."""
    page = service.query(limit=limit)
    yield page

    while page.next is not None:
        page = service.query(limit=limit, cursor=page.next)
        yield page


class TestFilter:
    """What a filter says of itself."""

    @pytest.mark.parametrize(
        "wanted",
        [
            pytest.param(SessionFilter(), id="nothing"),
            pytest.param(SessionFilter(display_name=""), id="what every name has"),
            pytest.param(SessionFilter(anonymous=False), id="somebody"),
            pytest.param(SessionFilter(anonymous=None), id="somebody or nobody"),
        ],
    )
    def test_a_filter_that_leaves_nobody_out_is_empty(
        self, wanted: SessionFilter
    ) -> None:
        """Without a condition it means everybody, and says so."""
        assert wanted.is_empty

    @pytest.mark.parametrize(
        "wanted",
        [
            pytest.param(SessionFilter(subject_id=""), id="subject"),
            pytest.param(SessionFilter(session_id=""), id="session"),
            pytest.param(SessionFilter(client_id=""), id="client"),
            pytest.param(SessionFilter(display_name="A"), id="name"),
            pytest.param(SessionFilter(created_after=START), id="after"),
            pytest.param(SessionFilter(created_before=START), id="before"),
            pytest.param(SessionFilter(attribute=("", "")), id="attribute"),
            pytest.param(SessionFilter(anonymous=True), id="nobody"),
        ],
    )
    def test_a_filter_with_a_condition_is_not_empty(
        self, wanted: SessionFilter
    ) -> None:
        """An identifier that nobody has is a condition, too."""
        assert not wanted.is_empty

    @pytest.mark.parametrize("member", ["created_after", "created_before"])
    def test_naive_instants_are_refused(self, member: str) -> None:
        """Without a time zone nobody knows what instant is meant."""
        members: dict[str, Any] = {member: datetime(2026, 1, 1)}

        with pytest.raises(ValueError, match="aware"):
            SessionFilter(**members)

    def test_positions_are_ordered_by_time_first(self) -> None:
        """The session id only tells apart what began at once."""
        early = Position(created_at=START, session_id="9")
        late = Position(created_at=START + HOUR, session_id="1")
        later = Position(created_at=START + HOUR, session_id="2")

        assert sorted([later, early, late]) == [early, late, later]


class TestPages:
    """Listing sessions page by page."""

    def test_a_single_page(
        self, provider: FakeProvider, service: SessionManagementService
    ) -> None:
        """A list that fits on a page leads nowhere."""
        begun = begin(provider, 3)

        page = service.query(limit=3)

        assert ids(page) == begun
        assert (page.next, page.previous) == (None, None)
        assert (page.estimate, page.estimate_is_lower_bound) == (3, False)

    def test_an_empty_list(self, service: SessionManagementService) -> None:
        """Nothing found is a page as well."""
        assert service.query(ALICE) == SessionPage(
            sessions=(),
            next=None,
            previous=None,
            estimate=0,
            estimate_is_lower_bound=False,
        )

    def test_forwards_every_session_comes_once(
        self, provider: FakeProvider, service: SessionManagementService
    ) -> None:
        """The pages together are the list."""
        begun = begin(provider, 7)

        found = list(pages(service, limit=3))

        assert [ids(page) for page in found] == [begun[:3], begun[3:6], begun[6:]]
        assert {page.estimate for page in found} == {7}

    @pytest.mark.parametrize("count", [6, 7])
    def test_back_again_the_pages_are_the_same(
        self, provider: FakeProvider, service: SessionManagementService, count: int
    ) -> None:
        """Whoever goes back sees what they saw before."""
        begin(provider, count)
        *_, middle, last = pages(service, limit=2)

        back = service.query(limit=2, cursor=last.previous)

        assert ids(back) == ids(middle)
        assert back.next is not None
        assert ids(service.query(limit=2, cursor=back.next)) == ids(last)

    def test_at_the_beginning_nothing_is_newer(
        self, provider: FakeProvider, service: SessionManagementService
    ) -> None:
        """The first page, reached from the second, knows that it is the first."""
        begin(provider, 4)
        first, second = pages(service, limit=2)

        back = service.query(limit=2, cursor=second.previous)

        assert ids(back) == ids(first)
        assert back.previous is None

    def test_what_is_newer_has_ended(
        self, provider: FakeProvider, service: SessionManagementService
    ) -> None:
        """Whoever goes back to sessions that are gone comes to the first page."""
        begun = begin(provider, 4)
        _, second = pages(service, limit=2)
        for session_id in begun[:2]:
            provider.ending.end(session_id, reason=LogoutReason.USER)

        back = service.query(limit=2, cursor=second.previous)

        assert ids(back) == begun[2:]
        assert (back.next, back.previous) == (None, None)

    def test_what_is_older_has_ended(
        self, provider: FakeProvider, service: SessionManagementService
    ) -> None:
        """Whoever goes on to sessions that are gone comes to an empty page."""
        begun = begin(provider, 3)
        first = service.query(limit=2)
        provider.ending.end(begun[2], reason=LogoutReason.USER)

        page = service.query(limit=2, cursor=first.next)

        assert (page.sessions, page.next, page.previous) == ((), None, None)

    def test_a_page_stays_while_sessions_begin_and_end(
        self, provider: FakeProvider, service: SessionManagementService
    ) -> None:
        """The next page begins where the last one stopped, whatever has happened."""
        begun = begin(provider, 4)
        first = service.query(limit=2)
        begin(provider, 3, created_at=START + 100 * HOUR)
        provider.ending.end(begun[1], reason=LogoutReason.USER)

        assert ids(service.query(limit=2, cursor=first.next)) == begun[2:]

    def test_a_session_id_may_be_anything(
        self, provider: FakeProvider, service: SessionManagementService
    ) -> None:
        """A store of the host's own may have ids with spaces in them."""
        begun = begin(provider, 1, session_id="2 b") + begin(
            provider, 1, session_id="1 a"
        )
        page = service.query(limit=1)

        assert ids(service.query(limit=1, cursor=page.next)) == begun[1:]

    def test_counting_stops(
        self,
        provider: FakeProvider,
        service: SessionManagementService,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A long list is not counted to its end, and the page says so."""
        monkeypatch.setattr(management, "_COUNT_AT_MOST", 3)
        begin(provider, 4)

        page = service.query(limit=1)

        assert (page.estimate, page.estimate_is_lower_bound) == (3, True)

    @pytest.mark.parametrize("limit", [-1, 0, 1001])
    def test_limits_have_bounds(
        self, service: SessionManagementService, limit: int
    ) -> None:
        """A page has one session at least and not too many."""
        with pytest.raises(ValueError, match="between 1 and 1000"):
            service.query(limit=limit)

    @pytest.mark.parametrize(
        "cursor",
        [
            pytest.param("", id="nothing"),
            pytest.param("a", id="half a byte"),
            pytest.param("ä", id="not ASCII"),
            pytest.param("\0", id="NUL"),
            pytest.param("____", id="not text"),
            pytest.param(cursor_of("after"), id="too short"),
            pytest.param(cursor_of(f"within {START.isoformat()} 1"), id="no side"),
            pytest.param(cursor_of("after yesterday 1"), id="no instant"),
            pytest.param(cursor_of("after 2026-01-01T12:00:00 1"), id="naive"),
            pytest.param(cursor_of(f"after {START.isoformat()} \0"), id="NUL inside"),
            pytest.param(cursor_of("[" * 100_000), id="nested"),
        ],
    )
    def test_what_is_not_a_cursor_is_refused(
        self, service: SessionManagementService, cursor: str
    ) -> None:
        """A cursor comes from an address, so it may be anything."""
        with pytest.raises(ValueError, match="not the cursor of a page"):
            service.query(cursor=cursor)

    @pytest.mark.parametrize("store_name", ["memory", "sql"])
    @pytest.mark.parametrize(
        "instant",
        [
            pytest.param("0001-01-01T00:00:00+23:59", id="the first"),
            pytest.param("9999-12-31T23:59:59-23:59", id="the last"),
        ],
    )
    def test_a_cursor_that_was_made_up(
        self,
        provider: FakeProvider,
        request: pytest.FixtureRequest,
        instant: str,
        store_name: str,
    ) -> None:
        """An instant that no calendar has leads to a page like any other."""
        engine = request.getfixturevalue("sqlite_engine")
        store = provider.store if store_name == "memory" else SqlSessionStore(engine)
        service = SessionManagementService(store=store, ending=provider.ending)

        page = service.query(cursor=cursor_of(f"after {instant} {'f' * 4000}"))

        assert page.sessions == ()


class TestDetails:
    """One session and who takes part in it."""

    def test_a_session_is_found(
        self, provider: FakeProvider, service: SessionManagementService
    ) -> None:
        """Its public id leads to a session and to its participants."""
        [session_id] = begin(provider, 1)
        shop = make_participant(session_id, client_id="shop")
        provider.store.add_participant(shop)

        session = service.get(session_id)

        assert session is not None
        assert session.session_id == session_id
        assert service.participants(session_id) == (shop,)

    @pytest.mark.parametrize("session_id", ["", "unknown", "\0", "\udcff", "5e" * 9999])
    def test_what_is_not_there_is_not_found(
        self, engine: sa.Engine, provider: FakeProvider, session_id: str
    ) -> None:
        """Whatever comes as an id, on no database is it an error."""
        service = SessionManagementService(
            store=SqlSessionStore(engine), ending=provider.ending
        )

        assert service.get(session_id) is None
        assert service.participants(session_id) == ()


class TestAttributes:
    """Sessions that have an attribute, and sessions of nobody."""

    def test_all_with_an_attribute_end(
        self, provider: FakeProvider, service: SessionManagementService
    ) -> None:
        """They and no others, whoever is signed in there."""
        with_order, other = begin(provider, 2)
        (anonymous,) = begin(provider, 1, subject_id=None)
        for session_id in (with_order, anonymous):
            provider.store.set_attribute(session_id, "order", "42")
        wanted = SessionFilter(attribute=("order", "42"), anonymous=None)

        ended = service.end(wanted, reason=LogoutReason.ADMIN)

        assert ended == 2
        assert ids(service.query()) == [other]
        assert [each.session_id for each in provider.ended] == [with_order]

    def test_anonymous_sessions_are_left_out(
        self, provider: FakeProvider, service: SessionManagementService
    ) -> None:
        """Neither lists nor look-ups nor endings mean them, unless they are asked to."""
        (anonymous,) = begin(provider, 1, subject_id=None)
        provider.store.set_attribute(anonymous, "order", "42")

        ended = service.end(
            SessionFilter(attribute=("order", "42")), reason=LogoutReason.ADMIN
        )

        assert ended == 0
        assert service.get(anonymous) is None
        assert ids(service.query()) == []
        assert ids(service.query(SessionFilter(anonymous=True))) == [anonymous]
