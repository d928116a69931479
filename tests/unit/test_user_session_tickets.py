"""The session of the user: tickets that do not open."""

from __future__ import annotations

import dataclasses

import pytest

from tests.fakes import FakeProvider

from .sessions_of_browsers import session_of


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


def test_a_ticket_of_an_unknown_key(
    provider: FakeProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """Its user is nobody; the log says why, and no secret."""
    browser = provider.browser()
    session = session_of(provider, browser)
    provider.tickets = FakeProvider(secret_key="quite another secret").tickets

    assert provider.request(browser).user is None

    (record,) = caplog.records
    assert browser.handle is not None
    assert record.levelname == "WARNING"
    assert session.session_id in caplog.text
    assert "SECRET_KEY_FALLBACKS" in caplog.text
    assert browser.handle not in caplog.text
    assert session.key not in caplog.text
    assert session.ticket.hex() not in caplog.text


def test_a_session_whose_ticket_does_not_open_can_be_continued(
    provider: FakeProvider,
) -> None:
    """Whoever signs in again after a lost key keeps session id and clients."""
    browser = provider.browser(clients=["shop"])
    session_id = session_of(provider, browser).session_id
    provider.tickets = FakeProvider(secret_key="quite another secret").tickets

    assert provider.sign_in(browser) == session_id
    assert provider.request(browser.next_request()).client_ids == ("shop",)


def test_a_ticket_moved_to_another_row(provider: FakeProvider) -> None:
    """Whoever can write to the database still becomes nobody else."""
    mine = session_of(provider, provider.browser("alice"))
    browser = provider.browser("root")
    theirs = session_of(provider, browser)
    moved = dataclasses.replace(theirs, ticket=mine.ticket)
    provider.store.update(theirs.key, moved)

    assert provider.request(browser).user is None
