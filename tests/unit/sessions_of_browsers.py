"""What tests of the session of the user share: people, and looks into the store."""

from __future__ import annotations

from datetime import timedelta

from idp_session.adapters.crypto import handle_key
from idp_session.adapters.crypto import new_handle
from idp_session.models import AuthenticationProperties
from idp_session.models import Principal
from idp_session.models import ServerSideSession
from idp_session.services.user_session import DefaultUserSession
from tests.fakes import FakeProvider
from tests.fakes import FakeTransport

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
ALICE = Principal(subject_id="alice")
BOB = Principal(subject_id="bob")
PLAIN = AuthenticationProperties()
HANDLE = new_handle()
STALE = "0123456789abcdef0123456789abcdef"


def session_of(provider: FakeProvider, browser: FakeTransport) -> ServerSideSession:
    """The record that a browser's handle leads to."""
    assert browser.handle is not None
    session = provider.spy._store.get(handle_key(browser.handle))
    assert session is not None

    return session


def sessions_of(provider: FakeProvider, *subject_ids: str) -> list[ServerSideSession]:
    """All records of these subjects."""
    return [
        session
        for subject_id in subject_ids
        for session in provider.store.find_by_subject(subject_id)
    ]


def session_ids(user_session: DefaultUserSession, count: int) -> set[str | None]:
    """What a request says, however often it is asked."""
    return {user_session.session_id for _ in range(count)}
