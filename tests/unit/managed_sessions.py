"""Sessions for the tests of their management."""

from __future__ import annotations

from datetime import timedelta

from idp_session.models import SessionPage
from idp_session.testing import make_session
from idp_session.testing import START
from tests.fakes import FakeProvider


def begin(provider: FakeProvider, count: int, **members: object) -> list[str]:
    """The ids of sessions that began hour by hour; the newest comes first."""
    sessions = [
        make_session(**{"created_at": START + number * timedelta(hours=1), **members})
        for number in range(count)
    ]

    for session in sessions:
        provider.store.create(session)

    return [session.session_id for session in reversed(sessions)]


def ids(page: SessionPage) -> list[str]:
    """Those of a page."""
    return [session.session_id for session in page.sessions]
