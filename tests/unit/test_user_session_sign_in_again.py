"""The session of the user: how a second sign-in continues or replaces it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from idp_session.models import AuthenticationProperties
from idp_session.models import LogoutReason
from idp_session.testing import START
from tests.fakes import FakeProvider
from tests.fakes import FakeTransport

from .sessions_of_browsers import ALICE
from .sessions_of_browsers import BOB
from .sessions_of_browsers import HOUR
from .sessions_of_browsers import PLAIN
from .sessions_of_browsers import session_of
from .sessions_of_browsers import sessions_of
from .sessions_of_browsers import STALE


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


def test_the_same_subject_keeps_its_session(provider: FakeProvider) -> None:
    """Session id and clients stay, and the handle is a new one."""
    browser = provider.browser(clients=["shop", "mail"])
    before = session_of(provider, browser)
    old_handle = browser.handle
    provider.clock.tick(HOUR)

    user_session = provider.request(browser)
    session_id = user_session.create_session_id(
        dataclasses.replace(ALICE, amr=("otp",)), PLAIN
    )

    assert session_id == before.session_id
    assert user_session.client_ids == ("shop", "mail")
    assert user_session.user is not None
    assert user_session.user.amr == ("otp",)
    assert browser.handle != old_handle
    assert provider.request(FakeTransport(old_handle)).user is None
    assert provider.ended == []


def test_a_new_sign_in_begins_a_new_lifetime(provider: FakeProvider) -> None:
    """Whoever proves again who they are may stay as long as after the first time."""
    browser = provider.browser()
    provider.clock.tick(HOUR)

    provider.sign_in(browser)

    session = session_of(provider, browser)
    assert session.created_at == START
    assert session.authenticated_at == START + HOUR
    assert session.expires_at == START + 3 * HOUR
    assert session.absolute_expires_at == START + 13 * HOUR


def test_the_current_session_id_may_be_given(provider: FakeProvider) -> None:
    """The id in the properties is kept if it is the one of this very session."""
    browser = provider.browser()
    before = session_of(provider, browser).session_id
    properties = AuthenticationProperties(session_id=before)

    assert provider.request(browser).create_session_id(ALICE, properties) == before


def test_the_id_of_the_current_session_wins(provider: FakeProvider) -> None:
    """A different id in the properties changes nothing."""
    browser = provider.browser()
    before = session_of(provider, browser).session_id
    properties = AuthenticationProperties(session_id=STALE)

    assert provider.request(browser).create_session_id(ALICE, properties) == before


def test_two_sign_ins_in_one_request(provider: FakeProvider) -> None:
    """A step-up right after the sign-in is the same session under a new handle."""
    browser = FakeTransport()
    user_session = provider.request(browser)
    first = user_session.create_session_id(ALICE, PLAIN)
    first_handle = browser.handle

    second = user_session.create_session_id(ALICE, PLAIN)

    assert second == first
    assert browser.handle != first_handle
    assert len(sessions_of(provider, "alice")) == 1


# SSO-OP-08
def test_another_subject_ends_the_session(provider: FakeProvider) -> None:
    """The old session is ended, its clients are told, and a new one begins."""
    browser = provider.browser(clients=["shop", "mail"])
    old_handle, before = browser.handle, session_of(provider, browser)

    user_session = provider.request(browser)
    session_id = user_session.create_session_id(BOB, PLAIN)

    owed = provider.queue.of_session(before.session_id)
    (ended,) = provider.ended
    assert session_id != before.session_id
    assert (ended.session_id, ended.subject_id) == (before.session_id, "alice")
    assert ended.reason is LogoutReason.USER_SWITCH
    assert [each.client_id for each in owed] == ["shop", "mail"]
    assert provider.dispatcher.kicks == 1
    assert user_session.client_ids == ()
    assert user_session.user is not None
    assert user_session.user.subject_id == "bob"
    assert browser.handle != old_handle
    assert browser.session_id_copy == session_id
    assert provider.request(FakeTransport(old_handle)).user is None


def test_another_subject_does_not_inherit_the_session_id(
    provider: FakeProvider,
) -> None:
    """The id in the properties is kept only for the subject that it belongs to."""
    browser = provider.browser()
    before = session_of(provider, browser).session_id
    properties = AuthenticationProperties(session_id=before)

    assert provider.request(browser).create_session_id(BOB, properties) != before


def test_signing_in_after_signing_out(provider: FakeProvider) -> None:
    """In one request a session can end and the next one begin."""
    browser = provider.browser(clients=["shop"])
    user_session = provider.request(browser)
    ended = user_session.end(LogoutReason.USER)

    session_id = user_session.create_session_id(ALICE, PLAIN)

    assert ended is not None
    assert session_id != ended.session_id
    assert user_session.client_ids == ()


def test_an_expired_session_is_not_continued(provider: FakeProvider) -> None:
    """A sign-in that finds an expired session ends it for what it is."""
    browser = provider.browser(clients=["shop"])
    before = session_of(provider, browser).session_id
    provider.clock.tick(2 * HOUR)

    session_id = provider.sign_in(browser)

    (ended,) = provider.ended
    assert session_id != before
    assert (ended.session_id, ended.reason) == (before, LogoutReason.IDLE_TIMEOUT)


@pytest.mark.parametrize(
    "make_browser",
    [
        pytest.param(lambda _: FakeTransport(), id="nobody before"),
        pytest.param(lambda provider: provider.browser("alice"), id="same subject"),
        pytest.param(lambda provider: provider.browser("bob"), id="other subject"),
    ],
)
def test_claims_that_cannot_be_kept(
    provider: FakeProvider, make_browser: Callable[[FakeProvider], FakeTransport]
) -> None:
    """A sign-in that fails changes nothing, neither in the store nor the browser."""
    browser = make_browser(provider)
    before = sessions_of(provider, "alice", "bob")
    principal = dataclasses.replace(ALICE, claims={"odd": object()})

    with pytest.raises(TypeError, match="JSON"):
        provider.request(browser).create_session_id(principal, PLAIN)

    assert sessions_of(provider, "alice", "bob") == before
    assert provider.ended == []
    assert browser.calls == []
