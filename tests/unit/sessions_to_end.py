"""Sessions that are about to end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta

import pytest

from idp_session.models import ServerSideSession
from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing import START
from tests.fakes import FakeProvider

every_time = pytest.mark.parametrize("attempt", range(25))
HOUR = timedelta(hours=1)


def begin(
    provider: FakeProvider,
    subject_id: str = "alice",
    *,
    clients: Sequence[str] = (),
    expires_at: datetime = START + 2 * HOUR,
) -> ServerSideSession:
    """A session with clients."""
    session = make_session(subject_id=subject_id, expires_at=expires_at)
    provider.store.create(session)

    for client_id in clients:
        provider.store.add_participant(
            make_participant(session.session_id, client_id=client_id)
        )

    return session


def renew(provider: FakeProvider, session: ServerSideSession) -> None:
    """A request of the session, now."""
    now = provider.clock.now()
    provider.store.renew(session.key, renewed_at=now, expires_at=now + HOUR)
