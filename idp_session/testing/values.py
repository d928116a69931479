"""Values that are good enough for most tests."""

from __future__ import annotations

import dataclasses
import secrets
from datetime import datetime
from datetime import timedelta
from datetime import UTC
from typing import Any

from ..models import Participant
from ..models import ServerSideSession

__all__ = ["START", "make_participant", "make_session"]

#: When time begins in tests.
START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def make_session(**overrides: Any) -> ServerSideSession:
    """A session of the subject ``alice`` that began at ``START``.

    Its key and session id are random. It ends after 2 hours, or 12 at the most.

    :param overrides: Members to set.
    """
    session = ServerSideSession(
        key=secrets.token_hex(32),
        session_id=secrets.token_hex(16),
        subject_id="alice",
        created_at=START,
        authenticated_at=START,
        renewed_at=START,
        expires_at=START + timedelta(hours=2),
        absolute_expires_at=START + timedelta(hours=12),
        ticket=b"sealed",
    )

    return dataclasses.replace(session, **overrides)


def make_participant(session_id: str, **overrides: Any) -> Participant:
    """The client ``shop`` in a session, since ``START``.

    :param session_id: The session.
    :param overrides: Members to set.
    """
    participant = Participant(
        session_id=session_id,
        client_id="shop",
        issuer="https://idp.test",
        subject="alice",
        joined_at=START,
    )

    return dataclasses.replace(participant, **overrides)
