"""The session of the user: how it expires and is renewed."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from idp_session.models import LogoutReason
from idp_session.testing import START
from tests.fakes import FakeProvider
from tests.fakes import make_options

from .sessions_of_browsers import HOUR
from .sessions_of_browsers import SECOND
from .sessions_of_browsers import session_ids
from .sessions_of_browsers import session_of


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


# Expiry


@pytest.mark.parametrize(
    ("settings", "after", "reason"),
    [
        pytest.param({}, 2 * HOUR, LogoutReason.IDLE_TIMEOUT, id="idle"),
        pytest.param({}, 12 * HOUR, LogoutReason.ABSOLUTE_TIMEOUT, id="long after"),
        pytest.param(
            {"absolute_lifetime": HOUR},
            HOUR,
            LogoutReason.ABSOLUTE_TIMEOUT,
            id="absolute",
        ),
    ],
)
def test_a_request_ends_what_has_expired(
    settings: dict[str, Any], after: timedelta, reason: LogoutReason
) -> None:
    """The user of an expired session is nobody, and its clients are told why."""
    provider = FakeProvider(options=make_options(**settings))
    browser = provider.browser(clients=["shop"])
    session_id = session_of(provider, browser).session_id
    provider.clock.tick(after)

    assert provider.request(browser).user is None

    (ended,) = provider.ended
    assert (ended.session_id, ended.reason) == (session_id, reason)
    assert len(provider.queue.of_session(session_id)) == 1
    assert provider.dispatcher.kicks == 1


def test_just_before_its_end_a_session_lives(provider: FakeProvider) -> None:
    """A session may be used until its very end."""
    browser = provider.browser()
    provider.clock.tick(2 * HOUR - timedelta(microseconds=1))

    assert provider.request(browser).user is not None


def test_a_renewal_that_came_first_wins(provider: FakeProvider) -> None:
    """Two requests at the end of a session: if one renews it the other has it too."""
    browser = provider.browser()
    session = session_of(provider, browser)
    now = provider.clock.tick(2 * HOUR)
    provider.spy.before["end"] = partial(
        provider.store.renew, session.key, renewed_at=now, expires_at=now + HOUR
    )

    user_session = provider.request(browser)

    assert user_session.session_id == session.session_id
    assert user_session.properties is not None
    assert user_session.properties.expires_at == now + HOUR
    assert provider.ended == []


def test_an_expiry_that_another_request_has_noticed(provider: FakeProvider) -> None:
    """The session is announced once, and neither request has a user."""
    browser = provider.browser()
    provider.clock.tick(2 * HOUR)
    provider.spy.before["end"] = provider.sweep.run_once

    assert provider.request(browser).user is None
    assert len(provider.ended) == 1


# Renewal


@pytest.mark.parametrize(
    ("after", "calls"),
    [
        pytest.param(HOUR - SECOND, ["get"], id="first half"),
        pytest.param(HOUR, ["get", "renew"], id="second half"),
    ],
)
def test_a_session_is_renewed_at_half_of_its_idle_time(
    provider: FakeProvider, after: timedelta, calls: list[str]
) -> None:
    """Most requests write nothing; one that does writes once."""
    browser = provider.browser()
    provider.clock.tick(after)
    user_session = provider.request(browser)

    assert len(session_ids(user_session, 3)) == 1
    assert provider.spy.calls == calls


def test_a_renewal_moves_the_end(provider: FakeProvider) -> None:
    """What the properties say is what the store says."""
    browser = provider.browser()
    provider.clock.tick(HOUR)
    user_session = provider.request(browser)

    assert user_session.properties is not None
    assert user_session.properties.expires_at == START + 3 * HOUR
    assert session_of(provider, browser).expires_at == START + 3 * HOUR
    assert browser.calls == []


def test_the_request_after_a_renewal_writes_nothing(provider: FakeProvider) -> None:
    """From the renewal on, half of the idle time has to go by again."""
    browser = provider.browser()
    provider.clock.tick(HOUR)
    provider.request(browser).ensure_session_id_cookie()
    provider.clock.tick(HOUR - SECOND)
    provider.spy.calls.clear()

    assert provider.request(browser).user is not None
    assert provider.spy.calls == ["get"]


def test_a_remembered_session_slides_by_its_own_time(provider: FakeProvider) -> None:
    """Two hours are nothing to a session that lasts for days."""
    browser = provider.browser(persistent=True)
    provider.clock.tick(timedelta(days=6))
    assert provider.request(browser).user is not None
    assert "renew" not in provider.spy.calls

    provider.clock.tick(timedelta(days=1))
    assert provider.request(browser).user is not None

    assert session_of(provider, browser).expires_at == START + timedelta(days=21)


def test_sliding_never_passes_absolute(provider: FakeProvider) -> None:
    """Used all the time, a session still ends when it has to."""
    browser = provider.browser()
    half_hours = 0

    while half_hours < 48 and provider.request(browser).user is not None:
        provider.clock.tick(HOUR / 2)
        half_hours += 1

    (ended,) = provider.ended
    assert half_hours == 24
    assert ended.ended_at == START + 12 * HOUR
    assert ended.reason is LogoutReason.ABSOLUTE_TIMEOUT


def test_a_shorter_timeout_brings_no_end_nearer() -> None:
    """After a change of the settings no request writes what changes nothing."""
    provider = FakeProvider()
    browser = provider.browser()
    provider.options = make_options(idle_timeout=timedelta(minutes=10))
    provider.clock.tick(HOUR)
    user_session = provider.request(browser)

    assert user_session.properties is not None
    assert user_session.properties.expires_at == START + 2 * HOUR
    assert provider.spy.calls == ["get", "participants"]


def test_a_renewal_does_not_bring_an_ended_session_back(
    provider: FakeProvider,
) -> None:
    """A session that ends while a request renews it is dead, in that request too."""
    browser = provider.browser()
    session_id = session_of(provider, browser).session_id
    provider.clock.tick(HOUR)
    provider.spy.before["renew"] = partial(
        provider.ending.end, session_id, reason=LogoutReason.ADMIN
    )

    assert provider.request(browser).session_id is None

    assert provider.request(browser.next_request()).user is None
    assert provider.store.find(session_id) is None


def test_a_renewal_that_another_request_made_first(provider: FakeProvider) -> None:
    """The session goes on, as the other request has left it."""
    browser = provider.browser()
    session = session_of(provider, browser)
    provider.clock.tick(HOUR)
    later = START + 5 * HOUR
    provider.spy.before["renew"] = partial(
        provider.store.renew, session.key, renewed_at=START, expires_at=later
    )

    properties = provider.request(browser).properties

    assert properties is not None
    assert properties.expires_at == later
