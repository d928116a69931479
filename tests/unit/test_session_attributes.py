"""Attributes of a session, by which it is found."""

from __future__ import annotations

from typing import Any

import pytest

from idp_session.errors import SessionGoneError
from idp_session.models import LogoutReason
from tests.fakes import FakeProvider
from tests.fakes import FakeTransport

from .session_data_host import found
from .session_data_host import sessions


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


def test_attributes(provider: FakeProvider) -> None:
    """An attribute is set, replaced and unset at once."""
    browser = provider.browser()
    user_session = provider.request(browser)
    user_session.set_attribute("tenant", "acme")
    user_session.set_attribute("device", "phone")
    user_session.set_attribute("tenant", "umbrella")
    user_session.unset_attribute("device")

    assert user_session.attributes == {"tenant": "umbrella"}
    assert provider.request(browser).attributes == {"tenant": "umbrella"}


def test_a_known_attribute_is_not_written(provider: FakeProvider) -> None:
    """The same value, or one that is not there, causes no write."""
    browser = provider.browser()
    provider.request(browser).set_attribute("tenant", "acme")
    provider.spy.calls.clear()
    user_session = provider.request(browser)

    user_session.set_attribute("tenant", "acme")
    user_session.unset_attribute("device")

    assert provider.spy.calls == ["get", "attributes"]


def test_an_attribute_begins_an_anonymous_session(provider: FakeProvider) -> None:
    """A visitor's order is found before anybody signs in."""
    browser = FakeTransport()
    user_session = provider.request(browser)
    user_session.set_attribute("order", "42")
    user_session.data.set("basket", [1])
    user_session.save()

    (session,) = sessions(provider)
    assert session.subject_id is None
    assert provider.request(browser).attributes == {"order": "42"}
    assert found(provider, browser) == {"basket": [1]}
    assert browser.calls == ["issue_handle"]


def test_an_attribute_of_an_ended_session(provider: FakeProvider) -> None:
    """A session that has ended gets no attributes, and its user is gone."""
    browser = provider.browser()
    user_session = provider.request(browser)
    assert user_session.user is not None
    provider.request(browser.next_request()).end(LogoutReason.USER)

    with pytest.raises(SessionGoneError):
        user_session.set_attribute("tenant", "acme")

    assert user_session.session_id is None


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        pytest.param("", "acme", ValueError, id="no name"),
        pytest.param("n" * 65, "acme", ValueError, id="long name"),
        pytest.param("tenant", "v" * 256, ValueError, id="long value"),
        pytest.param("tenant", "a\0", ValueError, id="NUL"),
        pytest.param("tenant", 42, TypeError, id="number"),
        pytest.param(None, "acme", TypeError, id="no string"),
    ],
)
def test_attributes_that_are_refused(
    provider: FakeProvider, name: Any, value: Any, error: type[Exception]
) -> None:
    """An attribute is two strings that every database can keep."""
    with pytest.raises(error, match=r"string|characters"):
        provider.request(FakeTransport()).set_attribute(name, value)

    assert provider.spy.calls == []
