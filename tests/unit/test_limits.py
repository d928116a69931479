"""How many sessions there may be, as sign-ins and authorizations meet it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from idp_session.errors import SessionLimitError
from idp_session.models import AuthenticationProperties
from idp_session.models import LogoutReason
from idp_session.models import Principal
from tests.fakes import FakeProvider
from tests.fakes import FakeTransport
from tests.fakes import make_options

ALICE = Principal(subject_id="alice")
MINUTE = timedelta(minutes=1)


def limited(**settings: object) -> FakeProvider:
    return FakeProvider(options=make_options(**settings))


@pytest.fixture
def provider() -> FakeProvider:
    """Two sessions for each subject."""
    return limited(max_sessions_per_subject=2)


@pytest.fixture
def strict() -> FakeProvider:
    """Two sessions for each subject, and no third one."""
    return limited(max_sessions_per_subject=2, session_limit_policy="refuse")


def test_the_oldest_session_makes_room(provider: FakeProvider) -> None:
    """It ends as any session does: announced once, and its clients told."""
    first = provider.browser(clients=["shop"])
    provider.clock.tick(MINUTE)
    second = provider.browser()
    provider.clock.tick(MINUTE)

    third = provider.browser()

    (ended,) = provider.ended
    assert ended.reason is LogoutReason.EVICTED
    assert ended.client_ids == ("shop",)
    assert provider.dispatcher.kicks == 1
    assert provider.request(first).user is None
    assert provider.request(second).user is not None
    assert provider.request(third).user is not None


def test_the_session_that_was_not_used_makes_room() -> None:
    """Renewals tell which session was used last."""
    provider = limited(
        max_sessions_per_subject=2, session_limit_policy="end_least_recently_used"
    )
    first = provider.browser()
    second = provider.browser()
    provider.clock.tick(90 * MINUTE)
    assert provider.request(first.next_request()).user is not None

    provider.browser()

    assert provider.request(first).user is not None
    assert provider.request(second).user is None


def test_signing_in_again_needs_no_room(strict: FakeProvider) -> None:
    """Whoever has a session in this browser has it still."""
    browser = strict.browser()
    strict.browser()

    strict.sign_in(browser)

    assert strict.ended == []
    assert len(strict.store.find_by_subject("alice")) == 2


def test_a_refused_sign_in_changes_nothing(strict: FakeProvider) -> None:
    """No cookie, no session, no end of another one."""
    strict.browser()
    strict.browser()
    browser = FakeTransport()

    with pytest.raises(SessionLimitError, match="no more than 2"):
        strict.sign_in(browser)

    assert browser.calls == []
    assert strict.ended == []
    assert len(strict.store.find_by_subject("alice")) == 2


def test_a_refused_user_switch_changes_nothing(strict: FakeProvider) -> None:
    """Who is signed in here stays so when somebody else may not sign in."""
    strict.browser()
    strict.browser()
    browser = strict.browser("bob")

    with pytest.raises(SessionLimitError):
        strict.sign_in(browser)

    user = strict.request(browser.next_request()).user
    assert user is not None
    assert user.subject_id == "bob"
    assert strict.ended == []


def test_a_client_that_joins_makes_room() -> None:
    """Another session of the same subject with the same client ends."""
    provider = limited(max_sessions_per_subject_and_client=1)
    first = provider.browser(clients=["shop"])
    without = provider.browser(clients=["mail"])

    provider.browser(clients=["shop", "mail-too"])

    (ended,) = provider.ended
    assert ended.reason is LogoutReason.EVICTED
    assert provider.request(first).user is None
    assert provider.request(without).client_ids == ("mail",)


def test_a_refused_client_does_not_take_part() -> None:
    """The session goes on without it."""
    provider = limited(
        max_sessions_per_subject_and_client=1, session_limit_policy="refuse"
    )
    provider.browser(clients=["shop"])
    browser = provider.browser(clients=["mail"])

    with pytest.raises(SessionLimitError):
        provider.request(browser).add_client_id("shop")

    assert provider.request(browser.next_request()).client_ids == ("mail",)


def test_without_a_limit_any_number_lives() -> None:
    """By default nobody is signed out."""
    provider = FakeProvider()

    for _ in range(20):
        provider.request(FakeTransport()).create_session_id(
            ALICE, AuthenticationProperties()
        )

    assert len(provider.store.find_by_subject("alice")) == 20
    assert provider.ended == []
