"""The store of sessions in cookies keeps those promises that do not need a list."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from idp_session.errors import NotInCookieModeError
from idp_session.errors import SessionGoneError
from idp_session.errors import SessionTooLargeError
from idp_session.models import EndedSession
from idp_session.models import LogoutReason
from idp_session.models import ServerSideSession
from idp_session.models import SessionFilter
from idp_session.models import SessionLimit
from idp_session.stores.cookie import CookieSessionStore
from idp_session.stores.cookie import SessionJar
from idp_session.stores.memory import MemoryDeliveryQueue
from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing import START
from idp_session.testing.session_changes import SessionChangesContract
from idp_session.testing.session_ending import SessionEndingContract
from idp_session.testing.session_keeping import SessionKeepingContract
from idp_session.testing.session_participants import SessionParticipantsContract
from idp_session.testing.session_promotion import SessionPromotionContract
from idp_session.testing.session_records import SessionRecordsContract

#: Promises of the other parts of the contract that cannot be kept, or not be looked
#: at, without a list of sessions; each fails with the error that says so.
NEED_A_LIST = {
    "test_an_anonymous_session_comes_back",
    "test_an_attribute_is_unset",
    "test_an_ended_session_is_gone",
    "test_an_expired_session_is_still_there",
    "test_an_unknown_session_does_not_end",
    "test_expired_sessions_are_limited",
    "test_expired_sessions_come_longest_ago_first",
    "test_lists_leave_anonymous_sessions_out",
    "test_one_of_many_promotes",
    "test_sessions_are_found_by_an_attribute",
    "test_sessions_of_a_subject_come_oldest_first",
    "test_similar_attributes_are_different",
    "test_similar_subjects_are_different",
    "test_what_was_never_created_is_not_found",
}

LIMIT = SessionLimit(at_most=5, policy="end_oldest")


@pytest.fixture
def queue() -> MemoryDeliveryQueue:
    return MemoryDeliveryQueue()


@pytest.fixture
def jar() -> SessionJar:
    """One that stays, and holds any number of sessions of any size."""
    return SessionJar(size_of=lambda _: 0, at_most=0)


@pytest.fixture
def store(jar: SessionJar, queue: MemoryDeliveryQueue) -> CookieSessionStore:
    return CookieSessionStore(carried=lambda: jar, queue=queue)


@pytest.fixture
def elsewhere(queue: MemoryDeliveryQueue) -> CookieSessionStore:
    """The store as it is outside of a request."""
    return CookieSessionStore(carried=lambda: None, queue=queue)


class TestCookieSessionStore(
    SessionRecordsContract,
    SessionChangesContract,
    SessionParticipantsContract,
    SessionKeepingContract,
    SessionPromotionContract,
    SessionEndingContract,
):
    """Within one request it is a store as all others, but for lists and limits."""

    @pytest.fixture(autouse=True)
    def _without_lists(self, request: pytest.FixtureRequest) -> None:
        if request.function.__name__ in NEED_A_LIST:
            request.node.add_marker(
                pytest.mark.xfail(raises=NotInCookieModeError, strict=True)
            )

    def test_the_list_of_exceptions(self) -> None:
        """It names tests that there are."""
        assert all(hasattr(type(self), name) for name in NEED_A_LIST)


@pytest.mark.parametrize(
    "listing",
    [
        pytest.param(lambda s: s.find_by_subject("alice"), id="find_by_subject"),
        pytest.param(lambda s: s.find_expired(START, limit=1), id="find_expired"),
        pytest.param(
            lambda s: s.query(SessionFilter(), limit=1, after=None), id="query"
        ),
        pytest.param(lambda s: s.count(SessionFilter(), at_most=1), id="count"),
        pytest.param(
            lambda s: s.create(make_session(), limit=LIMIT), id="create within a limit"
        ),
        pytest.param(
            lambda s: s.add_participant(make_participant("x"), limit=LIMIT),
            id="join within a limit",
        ),
        pytest.param(
            lambda s: s.promote("x", make_session(), reseal=None, limit=LIMIT),
            id="promote within a limit",
        ),
        pytest.param(
            lambda s: s.end("x", reason=LogoutReason.ADMIN, ended_at=START),
            id="end of another browser's",
        ),
    ],
)
@pytest.mark.parametrize("place", ["store", "elsewhere"])
def test_what_needs_a_list(
    request: pytest.FixtureRequest, place: str, listing: Any
) -> None:
    """It is refused, in a request or not, and the message names the setting."""
    with pytest.raises(NotInCookieModeError, match="IDP_SESSION_TICKETS"):
        listing(request.getfixturevalue(place))


def test_nothing_is_swept(elsewhere: CookieSessionStore) -> None:
    """What browsers keep expires when they show it."""
    assert elsewhere.end_expired(START, limit=10) == ()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda s: s.create(make_session()), id="create"),
        pytest.param(lambda s: s.update("x", make_session()), id="update"),
        pytest.param(
            lambda s: s.promote("x", make_session(), reseal=None), id="promote"
        ),
        pytest.param(lambda s: s.add_participant(make_participant("x")), id="join"),
        pytest.param(lambda s: s.write_data("x", changed={}, removed=()), id="data"),
        pytest.param(lambda s: s.set_attribute("x", "a", "b"), id="attribute"),
    ],
)
def test_changes_outside_of_a_request(
    elsewhere: CookieSessionStore, change: Any
) -> None:
    """There is no cookie to change, which is a mistake of the programmer."""
    with pytest.raises(RuntimeError, match="only while one is answered"):
        change(elsewhere)


def test_nothing_is_found_outside_of_a_request(elsewhere: CookieSessionStore) -> None:
    """Looking is no mistake: there is no session."""
    session = make_session()
    later = session.absolute_expires_at

    assert elsewhere.get(session.key) is None
    assert elsewhere.find(session.session_id) is None
    assert elsewhere.find_rotated(session.key) is None
    assert elsewhere.participants(session.session_id) == ()
    assert elsewhere.read_data(session.session_id) == {}
    assert elsewhere.attributes(session.session_id) == {}
    assert not elsewhere.renew(session.key, renewed_at=START, expires_at=later)
    elsewhere.unset_attribute(session.session_id, "tenant")


def test_a_session_elsewhere_lives_until_its_end_is_known(
    store: CookieSessionStore, elsewhere: CookieSessionStore
) -> None:
    """Who does not have the cookie knows of the end only."""
    session = make_session()
    store.create(session)
    before = elsewhere.is_live(session.session_id, now=session.expires_at)

    store.end(session.session_id, reason=LogoutReason.USER, ended_at=START)

    assert before
    assert not elsewhere.is_live(session.session_id, now=START)


def test_an_end_by_whoever_comes_second(
    store: CookieSessionStore, elsewhere: CookieSessionStore
) -> None:
    """What has ended already does so nowhere again."""
    session = make_session()
    store.create(session)
    store.end(session.session_id, reason=LogoutReason.USER, ended_at=START)

    ended = elsewhere.end(session.session_id, reason=LogoutReason.ADMIN, ended_at=START)

    assert ended is None


class _FailingQueue(MemoryDeliveryQueue):
    def owe(self, ended: EndedSession) -> bool:
        raise OSError("the database is away")


def test_what_cannot_be_written_down_goes_on(jar: SessionJar) -> None:
    """The browser keeps a session whose clients could not be told of its end."""
    store = CookieSessionStore(carried=lambda: jar, queue=_FailingQueue())
    session = make_session()
    store.create(session)

    with pytest.raises(OSError, match="away"):
        store.end(session.session_id, reason=LogoutReason.USER, ended_at=START)

    assert store.get(session.key) == session


class TestEndedElsewhere:
    """A session whose end another request has written down."""

    @pytest.fixture
    def session(
        self, store: CookieSessionStore, queue: MemoryDeliveryQueue
    ) -> ServerSideSession:
        session = make_session()
        store.create(session)
        other = SessionJar(size_of=lambda _: 0, at_most=0)
        theirs = CookieSessionStore(carried=lambda: other, queue=queue)
        theirs.create(session)
        theirs.end(session.session_id, reason=LogoutReason.USER, ended_at=START)

        return session

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(
                lambda store, s: store.add_participant(make_participant(s.session_id)),
                id="join",
            ),
            pytest.param(
                lambda store, s: store.update(
                    s.key, make_session(session_id=s.session_id)
                ),
                id="sign in again",
            ),
        ],
    )
    def test_it_is_gone(
        self, store: CookieSessionStore, session: ServerSideSession, change: Any
    ) -> None:
        """What matters to clients is refused, and there is no session then."""
        with pytest.raises(SessionGoneError, match="elsewhere"):
            change(store, session)

        assert store.get(session.key) is None

    def test_it_is_not_renewed(
        self, store: CookieSessionStore, session: ServerSideSession
    ) -> None:
        """Whoever renews finds out."""
        later = session.expires_at + timedelta(hours=1)

        assert not store.renew(session.key, renewed_at=START, expires_at=later)
        assert store.get(session.key) is None


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"client_id": "x" * 256}, id="long client"),
        pytest.param({"subject": "x" * 256}, id="long subject"),
        pytest.param({"issuer": "x" * 513}, id="long issuer"),
        pytest.param({"client_id": "shop\0"}, id="NUL"),
        pytest.param({"subject": "\udcff"}, id="half a character"),
    ],
)
def test_a_participant_that_could_not_be_told(
    store: CookieSessionStore, changes: dict[str, str]
) -> None:
    """It is refused at once: or else nobody could sign out."""
    session = make_session()
    store.create(session)

    with pytest.raises(ValueError, match=next(iter(changes))):
        store.add_participant(make_participant(session.session_id, **changes))

    assert store.participants(session.session_id) == ()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            lambda store, s: store.add_participant(make_participant(s.session_id)),
            id="join",
        ),
        pytest.param(
            lambda store, s: store.write_data(
                s.session_id, changed={"a": b"b"}, removed=["c"]
            ),
            id="data",
        ),
        pytest.param(
            lambda store, s: store.set_attribute(s.session_id, "a", "b"), id="attribute"
        ),
        pytest.param(
            lambda store, s: store.update(s.key, make_session(session_id=s.session_id)),
            id="sign in again",
        ),
        pytest.param(lambda store, _: store.create(make_session()), id="create"),
    ],
)
def test_what_does_not_fit_changes_nothing(
    queue: MemoryDeliveryQueue, change: Any
) -> None:
    """The session is as it was, and the error says how large it would be."""
    sizes = iter([3, 4, 5])
    jar = SessionJar(size_of=lambda _: next(sizes), at_most=4)
    store = CookieSessionStore(carried=lambda: jar, queue=queue)
    session = make_session()
    store.create(session)
    store.write_data(session.session_id, changed={"c": b"d"}, removed=())
    before = jar.get(session.key)

    with pytest.raises(SessionTooLargeError) as caught:
        change(store, session)

    assert (caught.value.size, caught.value.at_most) == (5, 4)
    assert jar.get(session.key) is before
