"""The session of the user: two tabs, and requests at the same moment."""

from __future__ import annotations

from functools import partial

import pytest

from idp_session.adapters.crypto import handle_key
from idp_session.errors import SessionGoneError
from idp_session.models import LogoutReason
from idp_session.models import Principal
from idp_session.testing import together
from tests.fakes import FakeProvider

from .sessions_of_browsers import ALICE
from .sessions_of_browsers import BOB
from .sessions_of_browsers import PLAIN
from .sessions_of_browsers import session_of
from .sessions_of_browsers import sessions_of

every_time = pytest.mark.parametrize("attempt", range(25))


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.mark.parametrize(
    "looked",
    [
        pytest.param(True, id="both have looked before"),
        pytest.param(False, id="the slower one looks late"),
    ],
)
@pytest.mark.parametrize(
    ("first", "second"),
    [pytest.param(0, 1, id="in order"), pytest.param(1, 0, id="not")],
)
def test_two_sign_ins_of_one_subject_end_in_one_session(
    provider: FakeProvider, first: int, second: int, *, looked: bool
) -> None:
    """Whichever comes first, there is one session, with its id and its clients."""
    browser = provider.browser(clients=["shop"])
    session_id = session_of(provider, browser).session_id
    tabs = [browser.next_request(), browser.next_request()]
    requests = [provider.request(tab) for tab in tabs]
    assert {each.session_id for each in requests if looked} <= {session_id}

    assert requests[first].create_session_id(ALICE, PLAIN) == session_id
    assert requests[second].create_session_id(ALICE, PLAIN) == session_id

    assert len(sessions_of(provider, "alice")) == 1
    assert provider.request(tabs[first].next_request()).user is None
    assert provider.request(tabs[second].next_request()).client_ids == ("shop",)
    assert provider.ended == []


def test_a_replaced_handle_is_no_weapon(provider: FakeProvider) -> None:
    """Who once had a handle cannot end the session by signing in as somebody else."""
    browser = provider.browser(clients=["shop"])
    session_id = session_of(provider, browser).session_id
    quick, slow = browser.next_request(), browser.next_request()
    requests = [provider.request(quick), provider.request(slow)]

    requests[0].create_session_id(ALICE, PLAIN)
    requests[1].create_session_id(BOB, PLAIN)

    assert provider.ended == []
    assert session_of(provider, quick).session_id == session_id
    assert session_of(provider, slow).subject_id == "bob"


def test_a_sign_in_after_a_user_switch_in_another_tab(provider: FakeProvider) -> None:
    """What was switched away from stays ended, and nobody gets the other's session."""
    browser = provider.browser(clients=["shop"])
    before = session_of(provider, browser).session_id
    quick, slow = browser.next_request(), browser.next_request()
    requests = [provider.request(quick), provider.request(slow)]
    assert {each.session_id for each in requests} == {before}
    switched = requests[0].create_session_id(BOB, PLAIN)

    session_id = requests[1].create_session_id(ALICE, PLAIN)

    assert session_id not in {before, switched}
    assert session_of(provider, slow).subject_id == "alice"
    assert session_of(provider, quick).subject_id == "bob"
    assert provider.request(slow.next_request()).client_ids == ()
    assert [each.session_id for each in provider.ended] == [before]


@pytest.mark.parametrize(
    ("principal", "kept"),
    [
        pytest.param(ALICE, True, id="same subject"),
        pytest.param(BOB, False, id="other subject"),
    ],
)
def test_a_sign_in_between_look_and_write(
    provider: FakeProvider, principal: Principal, *, kept: bool
) -> None:
    """A handle that is replaced just before the write leads to the session still."""
    browser = provider.browser(clients=["shop"])
    session_id = session_of(provider, browser).session_id
    other_tab = provider.request(browser.next_request())
    write = "update" if kept else "end"
    provider.spy.before[write] = partial(other_tab.create_session_id, ALICE, PLAIN)

    found = provider.request(browser).create_session_id(principal, PLAIN)

    (left,) = sessions_of(provider, "alice", "bob")
    assert left == session_of(provider, browser)
    assert (found == session_id) is kept


def test_an_end_between_look_and_write(provider: FakeProvider) -> None:
    """A session that ends just before the write stays ended; a new one begins."""
    browser = provider.browser(clients=["shop"])
    before = session_of(provider, browser).session_id
    provider.spy.before["update"] = partial(
        provider.ending.end, before, reason=LogoutReason.ADMIN
    )

    session_id = provider.sign_in(browser)

    (left,) = sessions_of(provider, "alice")
    assert left.session_id == session_id != before
    assert provider.request(browser.next_request()).client_ids == ()


def test_a_replaced_handle_is_no_way_in(provider: FakeProvider) -> None:
    """Only a sign-in follows a replaced handle; reading never does."""
    browser = provider.browser()
    old = browser.next_request()
    provider.sign_in(browser)
    provider.spy.calls.clear()

    assert provider.request(old).user is None
    assert provider.spy.calls == ["get"]


def test_too_many_sign_ins_at_once(provider: FakeProvider) -> None:
    """A sign-in that is overtaken again and again gives up, with nothing issued."""
    browser = provider.browser()
    session_id = session_of(provider, browser).session_id

    def overtake() -> None:
        provider.spy.before["update"] = overtake
        raise SessionGoneError("no session has this key", key="")

    provider.spy.before["update"] = overtake

    with pytest.raises(SessionGoneError, match="too many sign-ins"):
        provider.sign_in(browser)

    assert browser.calls == []
    assert [each.session_id for each in sessions_of(provider, "alice")] == [session_id]


@every_time
def test_two_sign_ins_at_the_same_moment(provider: FakeProvider, attempt: int) -> None:
    """Two threads, one browser, one subject: one session, and no client is lost."""
    browser = provider.browser(clients=["shop"])
    session_id = session_of(provider, browser).session_id
    tabs = [browser.next_request(), browser.next_request()]

    found = together([partial(provider.sign_in, tab) for tab in tabs])

    (left,) = sessions_of(provider, "alice")
    last = [tab for tab in tabs if handle_key(tab.handle or "") == left.key]
    assert found == [session_id] * 2
    assert provider.request(last[0].next_request()).client_ids == ("shop",)


@every_time
def test_a_client_joins_while_the_user_signs_out(
    provider: FakeProvider, attempt: int
) -> None:
    """Either the client is told, or it was turned away."""
    browser = provider.browser()
    session_id = session_of(provider, browser).session_id
    tabs = [provider.request(browser.next_request()) for _ in range(2)]
    assert {tab.session_id for tab in tabs} == {session_id}

    def join() -> bool:
        try:
            tabs[0].add_client_id("shop")
        except SessionGoneError:
            return False

        return True

    def sign_out() -> bool:
        return tabs[1].end(LogoutReason.USER) is not None

    joined, signed_out = together([join, sign_out])

    assert signed_out
    assert len(provider.queue.of_session(session_id)) == joined
