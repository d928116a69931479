"""Browsers with data in their sessions."""

from __future__ import annotations

from typing import Any

from idp_session.adapters.crypto import handle_key
from idp_session.models import ServerSideSession
from idp_session.models import SessionFilter
from tests.fakes import FakeProvider
from tests.fakes import FakeTransport


def record_of(provider: FakeProvider, browser: FakeTransport) -> ServerSideSession:
    """What is stored of a browser's session."""
    assert browser.handle is not None
    record = provider.store.get(handle_key(browser.handle))
    assert record is not None

    return record


def sessions(provider: FakeProvider) -> tuple[ServerSideSession, ...]:
    """All of them."""
    return provider.store.query(SessionFilter(anonymous=None), limit=99, after=None)


def put(provider: FakeProvider, browser: FakeTransport, **values: Any) -> None:
    """Set data, in a request of its own."""
    user_session = provider.request(browser)
    user_session.data.update(values)
    user_session.save()


def found(provider: FakeProvider, browser: FakeTransport) -> dict[str, Any]:
    """The data that the next request finds."""
    data = provider.request(browser).data

    return {name: data.get(name) for name in data}


def visitor(provider: FakeProvider, **values: Any) -> FakeTransport:
    """A browser in which nobody is signed in and that has data."""
    browser = FakeTransport()
    put(provider, browser, **values)
    provider.spy.calls.clear()

    return browser.next_request()
