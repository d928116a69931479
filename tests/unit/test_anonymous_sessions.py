"""Sessions in which nobody is signed in, and what becomes of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from idp_session.errors import SessionGoneError
from idp_session.models import AuthenticationProperties
from idp_session.models import LogoutReason
from idp_session.models import Principal
from tests.fakes import FakeProvider
from tests.fakes import FakeTransport

from .session_data_host import found
from .session_data_host import put
from .session_data_host import record_of
from .session_data_host import sessions
from .session_data_host import visitor

ALICE = Principal(subject_id="alice")
BOB = Principal(subject_id="bob")
PLAIN = AuthenticationProperties()
HOUR = timedelta(hours=1)


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


def test_data_begins_an_anonymous_session(provider: FakeProvider) -> None:
    """The browser gets a handle and nothing else, and still nobody is signed in."""
    browser = FakeTransport()

    put(provider, browser, basket=[1])

    user_session = provider.request(browser.next_request())
    user_session.ensure_session_id_cookie()
    user_session.add_client_id("shop")
    assert browser.calls == ["issue_handle"]
    assert browser.handle_expires_at is None
    assert user_session.user is None
    assert user_session.session_id is None
    assert user_session.properties is None
    assert user_session.client_ids == ()
    assert user_session.data.get("basket") == [1]


@pytest.mark.parametrize("name", ["get", "remove", "clear"])
def test_reading_begins_no_session(provider: FakeProvider, name: str) -> None:
    """Who only looks, or removes what is not there, leaves nothing behind."""
    browser = FakeTransport()
    user_session = provider.request(browser)

    getattr(user_session.data, name)(*([] if name == "clear" else ["a"]))
    user_session.save()
    user_session.unset_attribute("a")

    assert user_session.attributes == {}
    assert provider.spy.calls == []
    assert browser.calls == []


def test_a_sign_in_takes_the_data_over(provider: FakeProvider) -> None:
    """Data and attributes stay; handle and session id are new."""
    browser = visitor(provider, basket=[1])
    provider.request(browser).set_attribute("order", "42")
    planted, before = browser.handle, record_of(provider, browser)

    session_id = provider.sign_in(browser)

    user_session = provider.request(browser.next_request())
    assert session_id != before.session_id
    assert user_session.session_id == session_id
    assert user_session.data.get("basket") == [1]
    assert user_session.attributes == {"order": "42"}
    assert provider.store.find(before.session_id) is None
    assert browser.session_id_copy == session_id
    assert planted != browser.handle
    assert provider.ended == []


def test_a_planted_handle_signs_nobody_in(provider: FakeProvider) -> None:
    """Whoever gave the victim a handle has a handle of nothing (session fixation)."""
    planted = visitor(provider, basket=[1])
    victim = FakeTransport(planted.handle)
    provider.sign_in(victim)
    put(provider, victim, secret=1)

    attacker = provider.request(FakeTransport(planted.handle))

    assert attacker.user is None
    assert attacker.session_id is None
    assert list(attacker.data) == []
    mallory = FakeTransport(planted.handle)
    provider.sign_in(mallory, "mallory")
    assert found(provider, mallory) == {}


def test_what_the_sign_in_request_has_set_is_kept(provider: FakeProvider) -> None:
    """Changes that were not saved before the sign-in are saved after it."""
    browser = visitor(provider, a=1, b=1)
    user_session = provider.request(browser)
    user_session.data.set("b", 2)
    user_session.create_session_id(ALICE, PLAIN)
    user_session.data.set("c", 3)

    user_session.save()

    assert found(provider, browser.next_request()) == {"a": 1, "b": 2, "c": 3}
    assert len(sessions(provider)) == 1


def test_the_same_subject_keeps_its_data(provider: FakeProvider) -> None:
    """To sign in again changes neither data nor attributes."""
    browser = provider.browser()
    put(provider, browser, a=1)
    provider.request(browser).set_attribute("tenant", "acme")

    provider.sign_in(browser)

    assert found(provider, browser) == {"a": 1}
    assert provider.request(browser).attributes == {"tenant": "acme"}


def test_another_subject_gets_nothing(provider: FakeProvider) -> None:
    """Neither what is kept nor what was set in the same request is for the next user."""
    browser = provider.browser()
    put(provider, browser, a=1)
    provider.request(browser).set_attribute("tenant", "acme")
    user_session = provider.request(browser)
    user_session.data.set("b", 2)

    user_session.create_session_id(BOB, PLAIN)
    user_session.save()

    assert list(user_session.data) == []
    assert user_session.attributes == {}
    assert found(provider, browser.next_request()) == {}


def test_another_subject_gets_no_value_that_was_set_again(
    provider: FakeProvider,
) -> None:
    """A value that was set to what is kept already is not for the next user either."""
    browser = provider.browser()
    put(provider, browser, a=1)
    user_session = provider.request(browser)
    user_session.data.set("a", 1)

    user_session.create_session_id(BOB, PLAIN)
    user_session.save()

    assert found(provider, browser.next_request()) == {}


def test_two_sign_ins_in_one_anonymous_browser(provider: FakeProvider) -> None:
    """They end in one session, with the data."""
    first = visitor(provider, a=1)
    second = FakeTransport(first.handle)
    provider.spy.before["promote"] = lambda: provider.sign_in(second)

    session_id = provider.sign_in(first)

    assert [each.session_id for each in sessions(provider)] == [session_id]
    assert found(provider, first) == {"a": 1}


def test_a_save_that_meets_a_sign_in(provider: FakeProvider) -> None:
    """What another tab has not saved in time does not reach the user's session."""
    browser = visitor(provider, a=1)
    slow = FakeTransport(browser.handle)
    request = provider.request(slow)
    request.data.set("b", 2)
    provider.sign_in(browser)

    request.save()

    assert found(provider, browser) == {"a": 1}
    assert slow.calls == []


def test_data_that_does_not_open_is_not_taken_over(provider: FakeProvider) -> None:
    """A value that somebody put into the database is dropped at the sign-in."""
    browser = visitor(provider, a=1)
    provider.store.write_data(
        record_of(provider, browser).session_id, changed={"b": b"2"}, removed=()
    )

    provider.sign_in(browser)

    kept = provider.store.read_data(record_of(provider, browser).session_id)
    assert set(kept) == {"a"}


def test_an_anonymous_session_expires_unheard(provider: FakeProvider) -> None:
    """It is swept after an hour without use; nobody is told."""
    browser = visitor(provider, a=1)
    provider.clock.tick(HOUR)

    swept = provider.sweep.run_once()

    assert swept == 1
    assert sessions(provider) == ()
    assert provider.ended == []
    assert provider.dispatcher.kicks == 0
    assert found(provider, browser) == {}


def test_an_expired_anonymous_session_is_not_taken_over(
    provider: FakeProvider,
) -> None:
    """Whoever signs in after its end begins with nothing."""
    browser = visitor(provider, a=1)
    provider.clock.tick(HOUR)

    provider.sign_in(browser)

    assert found(provider, browser) == {}
    assert [each.subject_id for each in sessions(provider)] == ["alice"]


def test_a_used_anonymous_session_slides(provider: FakeProvider) -> None:
    """Its use moves its end, but not beyond a day."""
    browser = visitor(provider, a=1)
    began = provider.clock.now()

    for _ in range(30):
        provider.clock.tick(0.75 * HOUR)
        assert found(provider, browser) == {"a": 1}

    assert record_of(provider, browser).expires_at <= began + 24 * HOUR
    provider.clock.tick(1.5 * HOUR)
    assert found(provider, browser) == {}


def test_a_sign_out_ends_an_anonymous_session(provider: FakeProvider) -> None:
    """What it kept is gone; nobody was signed in, so nobody was signed out."""
    browser = visitor(provider, a=1)

    ended = provider.request(browser).end(LogoutReason.USER)

    assert ended is None
    assert browser.handle is None
    assert sessions(provider) == ()
    assert provider.ended == []


def test_a_record_without_subject_signs_nobody_in(provider: FakeProvider) -> None:
    """Nobody makes a user of an anonymous session by writing to the database."""
    browser = visitor(provider, a=1)
    record = record_of(provider, browser)

    assert provider.tickets.open(record) is None


def test_a_handle_that_was_just_replaced(provider: FakeProvider) -> None:
    """A slow tab must not take the user's new handle from the browser."""
    browser = visitor(provider, a=1)
    slow = FakeTransport(browser.handle)
    provider.sign_in(browser)
    request = provider.request(slow)
    request.data.set("b", 2)

    request.save()

    with pytest.raises(SessionGoneError, match="replaced"):
        request.set_attribute("order", "42")
    assert found(provider, browser) == {"a": 1}
    assert slow.calls == []
    assert [each.subject_id for each in sessions(provider)] == ["alice"]
