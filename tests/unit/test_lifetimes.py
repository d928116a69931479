"""How long sessions last."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_session.models import AuthenticationProperties
from idp_session.models import Lifetime
from idp_session.models import LogoutReason
from idp_session.models import Principal
from idp_session.services.lifetimes import lifetime_of
from idp_session.testing import make_session
from idp_session.testing import START
from tests.fakes import FakeProvider
from tests.fakes import FakeTransport
from tests.fakes import make_options

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
LIFETIME = Lifetime(idle=2 * HOUR, absolute=12 * HOUR)

durations = st.timedeltas(min_value=SECOND, max_value=timedelta(days=400))


def test_a_sign_in_has_the_lifetime_of_its_kind() -> None:
    """Remembered sessions have settings of their own."""
    options = make_options(
        idle_timeout=1 * HOUR,
        absolute_lifetime=2 * HOUR,
        remembered_idle_timeout=3 * HOUR,
        remembered_absolute_lifetime=4 * HOUR,
    )

    usual = lifetime_of(AuthenticationProperties(), options)
    remembered = lifetime_of(AuthenticationProperties(persistent=True), options)

    assert usual == Lifetime(idle=1 * HOUR, absolute=2 * HOUR)
    assert remembered == Lifetime(idle=3 * HOUR, absolute=4 * HOUR)


def test_a_sign_in_may_have_a_lifetime_of_its_own() -> None:
    """What the host says at the sign-in counts more than the settings."""
    properties = AuthenticationProperties(persistent=True, lifetime=LIFETIME)

    assert lifetime_of(properties, make_options()) == LIFETIME


@pytest.mark.parametrize(
    ("idle", "absolute"),
    [
        pytest.param(0 * HOUR, HOUR, id="never used"),
        pytest.param(HOUR, -HOUR, id="over before"),
        pytest.param(HOUR, 36501 * 24 * HOUR, id="off the calendar"),
    ],
)
def test_refused_lifetimes(idle: timedelta, absolute: timedelta) -> None:
    """A session that could not live, or whose end has no date, is a mistake."""
    with pytest.raises(ValueError, match="at most 100 years"):
        Lifetime(idle=idle, absolute=absolute)


@pytest.mark.parametrize(
    ("used_after", "ends_after"),
    [
        pytest.param(0 * HOUR, 2 * HOUR, id="at once"),
        pytest.param(9 * HOUR, 11 * HOUR, id="later"),
        pytest.param(10 * HOUR, 12 * HOUR, id="just before the cap"),
        pytest.param(11 * HOUR, 12 * HOUR, id="capped"),
    ],
)
def test_a_use_moves_the_end(used_after: timedelta, ends_after: timedelta) -> None:
    """A session ends an idle time after its use, but never after its absolute end."""
    ends_at = LIFETIME.expires_at(START + used_after, START + 12 * HOUR)

    assert ends_at == START + ends_after


@pytest.mark.parametrize(
    ("after", "due"),
    [
        pytest.param(-HOUR, False, id="a clock that is behind"),
        pytest.param(HOUR - SECOND, False, id="just before the half"),
        pytest.param(HOUR, True, id="at the half"),
        pytest.param(2 * HOUR, True, id="later"),
    ],
)
def test_a_renewal_is_due_at_half_of_the_idle_time(
    after: timedelta, *, due: bool
) -> None:
    """Most requests write nothing."""
    assert make_session().renewal_due(START + after) is due


def test_what_ends_at_its_absolute_end_is_not_renewed() -> None:
    """No write is wasted on an end that cannot move."""
    session = make_session(expires_at=START + 12 * HOUR)

    assert not session.renewal_due(START + 11 * HOUR)


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        pytest.param(2 * HOUR, LogoutReason.IDLE_TIMEOUT, id="idle"),
        pytest.param(12 * HOUR - SECOND, LogoutReason.IDLE_TIMEOUT, id="still idle"),
        pytest.param(12 * HOUR, LogoutReason.ABSOLUTE_TIMEOUT, id="absolute"),
    ],
)
def test_an_expiry_has_a_reason(after: timedelta, reason: LogoutReason) -> None:
    """The reason tells a session that was not used from one that is used up."""
    assert make_session().reason_of_expiry(START + after) is reason


@given(idle=durations, absolute=durations, pauses=st.lists(durations, max_size=20))
def test_sliding_never_passes_absolute(
    idle: timedelta, absolute: timedelta, pauses: list[timedelta]
) -> None:
    """However a session is used, it is over in time, and written rarely."""
    lifetime = Lifetime(idle=idle, absolute=absolute)
    end = START + absolute
    session = make_session(
        expires_at=lifetime.expires_at(START, end), absolute_expires_at=end
    )
    now, renewals = START, [START]

    for pause in pauses:
        now += pause

        if now < session.expires_at and session.renewal_due(now):
            session = make_session(
                renewed_at=now,
                expires_at=lifetime.expires_at(now, end),
                absolute_expires_at=end,
            )
            renewals.append(now)

    assert session.expires_at <= end
    assert all(later - earlier >= idle / 2 for earlier, later in pairwise(renewals))


@given(
    usual=st.tuples(durations, durations),
    own=st.none() | st.tuples(durations, durations),
    pauses=st.lists(durations, max_size=8),
)
def test_no_session_passes_its_absolute_end(
    usual: tuple[timedelta, timedelta],
    own: tuple[timedelta, timedelta] | None,
    pauses: list[timedelta],
) -> None:
    """Whatever the settings and the sign-in say, the end is kept, and is the right one."""
    provider = FakeProvider(
        options=make_options(idle_timeout=usual[0], absolute_lifetime=usual[1])
    )
    lifetime = Lifetime(idle=own[0], absolute=own[1]) if own else None
    end = START + (own or usual)[1]
    browser = FakeTransport()
    provider.request(browser).create_session_id(
        Principal(subject_id="alice"), AuthenticationProperties(lifetime=lifetime)
    )

    for pause in pauses:
        now = provider.clock.tick(pause)
        properties = provider.request(browser.next_request()).properties
        until = START if properties is None else properties.expires_at
        assert until is not None
        assert until <= end
        assert (properties is not None) is (until > now)


def touching(*, renews: bool) -> tuple[FakeProvider, FakeTransport]:
    """A session of two hours, of which one and a half have gone."""
    provider = FakeProvider(options=make_options(client_activity_renews=renews))
    browser = provider.browser()
    provider.clock.tick(1.5 * HOUR)

    return provider, browser


@pytest.mark.parametrize("renews", [True, False], ids=["renews", "does not renew"])
def test_a_client_that_uses_its_token_may_renew(*, renews: bool) -> None:
    """Only where the settings say so, and then as a request does."""
    provider, browser = touching(renews=renews)
    (session,) = provider.store.find_by_subject("alice")

    assert provider.reader.touch(session.session_id)
    assert provider.spy.calls.count("renew") == renews
    assert provider.reader.touch(session.session_id)
    assert provider.spy.calls.count("renew") == renews

    provider.clock.tick(HOUR)
    assert (provider.request(browser).user is not None) is renews


def test_a_client_finds_a_session_that_has_expired() -> None:
    """It is ended with its reason, as if a request had found it."""
    provider, _ = touching(renews=True)
    (session,) = provider.store.find_by_subject("alice")
    provider.clock.tick(HOUR)

    assert not provider.reader.touch(session.session_id)
    assert [each.reason for each in provider.ended] == [LogoutReason.IDLE_TIMEOUT]
    assert not provider.reader.touch(session.session_id)
