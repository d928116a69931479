"""The session of the user in one request: nobody is signed in, and what is read."""

from __future__ import annotations

import pytest

from idp_session.models import LogoutReason
from tests.fakes import FakeProvider
from tests.fakes import FakeTransport

from .sessions_of_browsers import HANDLE
from .sessions_of_browsers import session_ids
from .sessions_of_browsers import STALE


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


# Nobody is signed in


def test_anonymous(provider: FakeProvider) -> None:
    """Without a handle there is nobody, and nothing is looked up."""
    user_session = provider.request()

    assert user_session.user is None
    assert user_session.properties is None
    assert user_session.session_id is None
    assert user_session.client_ids == ()
    assert provider.spy.calls == []


@pytest.mark.parametrize(
    "handle",
    [
        pytest.param("", id="empty"),
        pytest.param("x", id="short"),
        pytest.param(HANDLE + "x", id="long"),
        pytest.param(HANDLE[:-1] + "=", id="padding"),
        pytest.param(HANDLE[:-1] + "ß", id="not ASCII"),
        pytest.param(HANDLE[:-1] + "\n", id="line break"),
        pytest.param(HANDLE[:-1] + "\0", id="NUL"),
        pytest.param("' OR 1=1 --", id="injection"),
        pytest.param("x" * 1_000_000, id="huge"),
    ],
)
def test_a_malformed_handle_never_reaches_the_store(
    provider: FakeProvider, handle: str
) -> None:
    """What cannot be a handle is nobody's, without a look."""
    user_session = provider.request(FakeTransport(handle))

    assert user_session.user is None
    assert provider.spy.calls == []


def test_an_unknown_handle_is_nobodys(provider: FakeProvider) -> None:
    """A handle that leads nowhere is looked for once."""
    user_session = provider.request(FakeTransport(HANDLE))

    assert user_session.user is None
    assert user_session.session_id is None
    assert user_session.client_ids == ()
    assert provider.spy.calls == ["get"]


def test_anonymous_requests_record_no_clients(provider: FakeProvider) -> None:
    """Where nobody is signed in no client takes part in anything."""
    provider.request().add_client_id("shop")

    assert provider.spy.calls == []


def test_anonymous_requests_end_nothing(provider: FakeProvider) -> None:
    """A sign-out without a session tells nobody, but tidies the cookies up."""
    browser = FakeTransport(HANDLE, STALE)

    ended = provider.request(browser).end(LogoutReason.USER)

    assert ended is None
    assert (browser.handle, browser.session_id_copy) == (None, None)
    assert provider.ended == []
    assert provider.dispatcher.kicks == 0


# Reading once


def test_everything_is_read_once(provider: FakeProvider) -> None:
    """However often a request asks, the store is asked once for each thing."""
    user_session = provider.request(provider.browser(clients=["shop"]))

    seen = [
        (user_session.user, user_session.properties, user_session.client_ids)
        for _ in range(3)
    ]

    assert len(session_ids(user_session, 3)) == 1
    assert seen == seen[:1] * 3
    assert provider.spy.calls == ["get", "participants"]


def test_nothing_is_read_that_is_not_asked_for(provider: FakeProvider) -> None:
    """Who only wants the user does not pay for the clients."""
    user_session = provider.request(provider.browser(clients=["shop"]))
    before = list(provider.spy.calls)

    assert user_session.user is not None
    assert (before, provider.spy.calls) == ([], ["get"])


def test_an_anonymous_answer_is_kept_too(provider: FakeProvider) -> None:
    """A handle that leads nowhere is not looked for again in the same request."""
    user_session = provider.request(FakeTransport(HANDLE))

    assert session_ids(user_session, 3) == {None}
    assert provider.spy.calls == ["get"]
