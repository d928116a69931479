"""The session of the user: its id in the check-session cookie (SM-OP-15)."""

from __future__ import annotations

import pytest

from tests.fakes import FakeProvider
from tests.fakes import FakeTransport
from tests.fakes import make_options

from .sessions_of_browsers import HANDLE
from .sessions_of_browsers import session_of
from .sessions_of_browsers import STALE


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


def test_a_sign_in_writes_the_check_session_cookie(provider: FakeProvider) -> None:
    """The cookie says the session id as soon as there is one."""
    browser = FakeTransport()

    session_id = provider.sign_in(browser)

    assert browser.session_id_copy == session_id
    assert browser.calls == ["issue_handle", "issue_session_id"]


def test_signing_in_again_leaves_the_check_session_cookie(
    provider: FakeProvider,
) -> None:
    """Clients that poll see no change where there is none."""
    browser = provider.browser()

    provider.sign_in(browser)

    assert browser.calls == ["issue_handle"]


@pytest.mark.parametrize(
    ("copy", "calls"),
    [
        pytest.param(None, ["issue_session_id"], id="missing"),
        pytest.param(STALE, ["issue_session_id"], id="different"),
        pytest.param("", ["issue_session_id"], id="empty"),
        pytest.param("the same", [], id="untouched"),
    ],
)
def test_the_check_session_cookie_is_healed(
    provider: FakeProvider, copy: str | None, calls: list[str]
) -> None:
    """Any request puts right what is missing or different, and only that."""
    signed_in = provider.browser()
    session_id = session_of(provider, signed_in).session_id
    same = session_id if copy == "the same" else copy
    browser = FakeTransport(signed_in.handle, same)

    provider.request(browser).ensure_session_id_cookie()

    assert browser.calls == calls
    assert browser.session_id_copy == session_id


@pytest.mark.parametrize(
    ("browser", "calls"),
    [
        pytest.param(FakeTransport(), [], id="without"),
        pytest.param(FakeTransport(None, STALE), ["withdraw_session_id"], id="with"),
        pytest.param(FakeTransport(None, ""), ["withdraw_session_id"], id="empty"),
        pytest.param(
            FakeTransport(HANDLE, STALE), ["withdraw_session_id"], id="ended elsewhere"
        ),
    ],
)
def test_anonymous_requests_have_no_check_session_cookie(
    provider: FakeProvider, browser: FakeTransport, calls: list[str]
) -> None:
    """A cookie of a session that is over is removed; otherwise nothing is written."""
    provider.request(browser).ensure_session_id_cookie()

    assert browser.calls == calls
    assert browser.session_id_copy is None


@pytest.mark.parametrize(
    ("copy", "calls"),
    [
        pytest.param(None, [], id="without"),
        pytest.param(STALE, ["withdraw_session_id"], id="with"),
    ],
)
def test_the_check_session_cookie_is_removed(
    provider: FakeProvider, copy: str | None, calls: list[str]
) -> None:
    """It is removed if the browser has one, without a look at the session."""
    browser = FakeTransport(HANDLE, copy)

    provider.request(browser).remove_session_id_cookie()

    assert browser.calls == calls
    assert provider.spy.calls == []


def test_without_check_session_there_is_no_cookie() -> None:
    """Where check-session is off none is written, and one of the past is removed."""
    provider = FakeProvider(options=make_options(check_session=False))
    browser = FakeTransport(None, STALE)

    provider.sign_in(browser)
    provider.request(browser).ensure_session_id_cookie()

    assert browser.calls == ["issue_handle", "withdraw_session_id"]
