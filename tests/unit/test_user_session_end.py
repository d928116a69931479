"""The session of the user: signing out."""

from __future__ import annotations

import pytest

from idp_session.models import LogoutReason
from tests.fakes import FakeProvider
from tests.fakes import FakeTransport


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


def test_signing_out(provider: FakeProvider) -> None:
    """The session ends, its clients are told, and the browser keeps nothing."""
    browser = provider.browser(clients=["shop"])
    handle = browser.handle
    user_session = provider.request(browser)

    ended = user_session.end(LogoutReason.USER)

    assert ended is not None
    assert provider.ended == [ended]
    assert (ended.reason, ended.client_ids) == (LogoutReason.USER, ("shop",))
    assert user_session.user is None
    assert user_session.client_ids == ()
    assert (browser.handle, browser.session_id_copy) == (None, None)
    assert provider.request(FakeTransport(handle)).user is None


def test_signing_out_twice(provider: FakeProvider) -> None:
    """The second click ends nothing."""
    user_session = provider.request(provider.browser())
    user_session.end(LogoutReason.USER)

    assert user_session.end(LogoutReason.USER) is None
    assert len(provider.ended) == 1


def test_somebody_was_faster(provider: FakeProvider) -> None:
    """A sign-out that comes second gets nothing, but the browser is tidied up."""
    browser = provider.browser()
    user_session = provider.request(browser)
    session_id = user_session.session_id
    assert session_id is not None
    provider.ending.end(session_id, reason=LogoutReason.ADMIN)

    assert user_session.end(LogoutReason.USER) is None
    assert (browser.handle, browser.session_id_copy) == (None, None)
    assert [each.reason for each in provider.ended] == [LogoutReason.ADMIN]


def test_a_sign_out_that_fails_signs_nobody_out(provider: FakeProvider) -> None:
    """If the session goes on, so does the browser: the user can try again."""
    browser = provider.browser()
    user_session = provider.request(browser)

    def fail() -> None:
        raise OSError("the database is away")

    provider.spy.before["end"] = fail

    with pytest.raises(OSError, match="is away"):
        user_session.end(LogoutReason.USER)

    assert browser.calls == []
    assert user_session.user is not None
