"""What is in a cache of a session, and what is not taken for that."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from datetime import timezone
from typing import Any

import pytest

from idp_session.models import ServerSideSession
from idp_session.stores.cache.copies import CopySealer
from idp_session.testing import make_session
from idp_session.testing import START

from .caches import PROTECTOR

UNTIL = START + timedelta(minutes=1)
COPIES = CopySealer(PROTECTOR)
OTHERS = timezone(timedelta(hours=-3, minutes=-30))


def session_with(**changes: Any) -> ServerSideSession:
    """A session with no two values alike."""
    instants = {
        name: START + timedelta(hours=number, microseconds=number)
        for number, name in enumerate(
            (
                "created_at",
                "authenticated_at",
                "renewed_at",
                "expires_at",
                "absolute_expires_at",
            )
        )
    }
    texts = {"display_name": "Alice", "ip_address": "::1", "user_agent": "any"}

    return dataclasses.replace(make_session(), **{**instants, **texts, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="everything is known"),
        pytest.param({"subject_id": None, "ticket": b""}, id="nobody is signed in"),
        pytest.param(
            {"display_name": None, "ip_address": None, "user_agent": None},
            id="little is known",
        ),
        pytest.param({"display_name": 'Ä\n"\\\u2028\x00'}, id="odd characters"),
        pytest.param({"ticket": b"\n[1]\n\x00\xff"}, id="odd octets"),
        pytest.param({"created_at": START.replace(year=1969)}, id="before the epoch"),
        pytest.param({"created_at": START.astimezone(OTHERS)}, id="another time zone"),
    ],
)
def test_a_copy_is_the_session(changes: dict[str, Any]) -> None:
    """Whatever is in a session, its copy is equal to it."""
    session = session_with(**changes)

    copy = COPIES.seal(session, until=UNTIL)

    assert COPIES.open(copy, key=session.key, now=START) == session


def test_a_copy_has_an_end() -> None:
    """From the instant on until which it was sealed it is none."""
    session = session_with()
    copy = COPIES.seal(session, until=UNTIL)
    before = UNTIL - timedelta(microseconds=1)

    assert COPIES.open(copy, key=session.key, now=before) == session
    assert COPIES.open(copy, key=session.key, now=UNTIL) is None


def test_a_copy_opens_under_its_key_only() -> None:
    """Who writes to the cache cannot put one session in the place of another."""
    copy = COPIES.seal(session_with(), until=UNTIL)

    assert COPIES.open(copy, key="0" * 64, now=START) is None


def test_a_copy_of_another_release() -> None:
    """While two releases share a cache, neither takes the other's copies for its own."""
    session = session_with()
    theirs = json.dumps({"until": UNTIL.isoformat(), "session": {}}).encode()
    copy = PROTECTOR.seal(theirs, purpose="cached session", context=session.key)

    assert COPIES.open(copy, key=session.key, now=START) is None


def test_a_copy_is_short() -> None:
    """A cache holds little more for a session than its own values."""
    session = session_with(ticket=b"x" * 300)

    assert len(COPIES.seal(session, until=UNTIL)) < 300 + 300
