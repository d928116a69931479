"""Signing in again, with more: the session stays, and each factor has its time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from idp_session.models import AuthenticationProperties
from idp_session.models import Lifetime
from idp_session.models import Principal
from idp_session.testing import START
from tests.fakes import FakeProvider
from tests.fakes import FakeTransport
from tests.fakes import make_options

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
PLAIN = AuthenticationProperties()


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


def sign_in(
    provider: FakeProvider, browser: FakeTransport, *amr: str, **members: object
) -> None:
    given = {"subject_id": "alice", "amr": amr, **members}
    provider.request(browser).create_session_id(
        Principal(**given),  # type: ignore[arg-type]  # as the test says
        PLAIN,
    )


def factors(provider: FakeProvider, browser: FakeTransport) -> dict[str, timedelta]:
    """How long after the start each factor was proved, as the next request sees it."""
    user = provider.request(browser.next_request()).user
    assert user is not None

    return {method: at - START for method, at in user.factors.items()}


def test_more_factors_keep_session_and_clients(provider: FakeProvider) -> None:
    """Only the handle is another one."""
    browser = FakeTransport()
    sign_in(provider, browser, "pwd")
    before = provider.request(browser.next_request())
    before.add_client_id("shop")
    handle = browser.handle
    provider.clock.tick(MINUTE)

    sign_in(provider, browser, "pwd", "otp", acr="gold")

    after = provider.request(browser.next_request())
    assert after.session_id == before.session_id
    assert after.client_ids == ("shop",)
    assert after.user is not None
    assert after.user.acr == "gold"
    assert browser.handle != handle
    assert provider.ended == []


def test_each_factor_has_its_time(provider: FakeProvider) -> None:
    """What was proved before is remembered; what was proved again is newer."""
    browser = FakeTransport()
    sign_in(provider, browser, "pwd", "sms")
    provider.clock.tick(MINUTE)
    sign_in(provider, browser, "otp")
    provider.clock.tick(MINUTE)
    sign_in(provider, browser, "pwd")

    assert factors(provider, browser) == {
        "sms": 0 * MINUTE,
        "otp": MINUTE,
        "pwd": 2 * MINUTE,
    }


def test_a_host_may_say_when(provider: FakeProvider) -> None:
    """A factor that was proved earlier than the sign-in keeps its own time."""
    browser = FakeTransport()
    earlier = {"pwd": START - 2 * MINUTE}

    sign_in(provider, browser, "pwd", "otp", factors=earlier)

    assert factors(provider, browser) == {"pwd": -2 * MINUTE, "otp": 0 * MINUTE}


def test_an_older_time_does_not_replace_a_newer_one(provider: FakeProvider) -> None:
    """The last proof counts, in whatever order the host tells of them."""
    browser = FakeTransport()
    sign_in(provider, browser, "pwd")

    sign_in(provider, browser, "otp", factors={"pwd": START - MINUTE})

    assert factors(provider, browser) == {"pwd": 0 * MINUTE, "otp": 0 * MINUTE}


def test_factors_of_another_user_are_not_taken_over(provider: FakeProvider) -> None:
    """A user switch begins with nothing."""
    browser = FakeTransport()
    sign_in(provider, browser, "otp")

    sign_in(provider, browser, "pwd", subject_id="bob")

    assert factors(provider, browser) == {"pwd": 0 * MINUTE}


def test_factors_that_nobody_can_open_are_forgotten(provider: FakeProvider) -> None:
    """A ticket of lost keys does not keep anybody from signing in."""
    browser = FakeTransport()
    sign_in(provider, browser, "otp")
    provider.tickets = FakeProvider(secret_key="quite another secret").tickets

    sign_in(provider, browser, "pwd")

    assert factors(provider, browser) == {"pwd": 0 * MINUTE}


def test_a_factor_without_a_time_zone_is_refused() -> None:
    """Instants that cannot be compared are found out at once."""
    with pytest.raises(ValueError, match="aware"):
        Principal(subject_id="alice", factors={"pwd": START.replace(tzinfo=None)})


@pytest.mark.parametrize(
    ("age", "fresh"),
    [
        pytest.param(HOUR, True, id="just"),
        pytest.param(HOUR + timedelta(seconds=1), False, id="no longer"),
    ],
)
def test_an_authentication_grows_old(age: timedelta, *, fresh: bool) -> None:
    """The session and its clients stay when its authentication is too old."""
    provider = FakeProvider(options=make_options(authentication_lifetime=HOUR))
    browser = provider.browser(clients=["shop"])
    provider.clock.tick(age)
    user_session = provider.request(browser)

    assert user_session.authentication_is_fresh is fresh
    assert user_session.client_ids == ("shop",)


def test_signing_in_again_is_fresh() -> None:
    """The same session has a fresh authentication then."""
    provider = FakeProvider(options=make_options(authentication_lifetime=HOUR))
    browser = provider.browser(clients=["shop"])
    provider.clock.tick(90 * MINUTE)

    provider.sign_in(browser)

    user_session = provider.request(browser.next_request())
    assert user_session.authentication_is_fresh
    assert user_session.client_ids == ("shop",)


def test_without_a_setting_an_authentication_stays_fresh(
    provider: FakeProvider,
) -> None:
    """Who is signed in is; who is not is not."""
    browser = provider.browser(persistent=True)
    provider.clock.tick(13 * 24 * HOUR)

    assert provider.request(browser).authentication_is_fresh
    assert not provider.request().authentication_is_fresh


def test_a_sign_in_keeps_its_own_lifetime(provider: FakeProvider) -> None:
    """Renewals go by it, and its absolute end stays."""
    browser = FakeTransport()
    provider.request(browser).create_session_id(
        Principal(subject_id="alice"),
        AuthenticationProperties(lifetime=Lifetime(idle=10 * MINUTE, absolute=HOUR)),
    )
    ends = []

    for _ in range(10):
        provider.clock.tick(7 * MINUTE)
        properties = provider.request(browser.next_request()).properties
        ends.append(properties and properties.expires_at)

    minutes = [17, 24, 31, 38, 45, 52, 59, 60]
    assert ends == [*(START + n * MINUTE for n in minutes), None, None]
