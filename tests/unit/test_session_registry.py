"""Which local sessions of a client a logout token ends (LTV-15 and LTV-18)."""

from __future__ import annotations

import threading

import pytest

from idp_session.relying_party import MemorySessionRegistry

from .logout_tokens_by_hand import ISSUER
from .logout_tokens_by_hand import Seconds
from .logout_tokens_by_hand import token


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def registry(seconds: Seconds) -> MemorySessionRegistry:
    registry = MemorySessionRegistry(capacity=2, clock=seconds)
    registry.remember("one", issuer=ISSUER, subject="alice", session_id="session-1")
    registry.remember("two", issuer=ISSUER, subject="alice", session_id="session-2")
    registry.remember("bob", issuer=ISSUER, subject="bob", session_id="session-3")
    registry.remember("old", issuer=ISSUER, subject="alice", session_id=None)
    registry.remember(
        "elsewhere",
        issuer="https://other.test",
        subject="alice",
        session_id="session-1",
    )

    return registry


@pytest.mark.parametrize(
    ("session_id", "ended"),
    [
        pytest.param("session-1", ("one", "old"), id="that session LTV-18"),
        pytest.param(None, ("one", "two", "old"), id="all of the subject LTV-18"),
        pytest.param("session-9", ("old",), id="unknown session LTV-15"),
    ],
)
@pytest.mark.spec("LTV-15", "LTV-18")
def test_what_a_token_ends(
    registry: MemorySessionRegistry, session_id: str | None, ended: tuple[str, ...]
) -> None:
    """A session id means one session, a subject alone all sessions of the user.

    A session whose ID token had no session id ends with its user's.
    """
    assert registry.end(token(session_id=session_id)) == ended


@pytest.mark.spec("LTV-15")
def test_an_unknown_session(registry: MemorySessionRegistry) -> None:  # LTV-15
    """A session that nobody knows is as signed out as it can be."""
    assert registry.end_session(issuer=ISSUER, session_id="session-9") == ()


def test_an_ended_session_is_not_live(registry: MemorySessionRegistry) -> None:
    """The one that was meant has ended, and no other."""
    registry.end_session(issuer=ISSUER, session_id="session-1")

    assert [registry.is_live(name) for name in ("one", "two", "elsewhere", "old")] == [
        False,
        True,
        True,
        True,
    ]


def test_a_session_ends_once(registry: MemorySessionRegistry) -> None:
    """The second call has ended nothing."""
    registry.end(token())

    assert registry.end(token()) == ()


def test_a_forgotten_session(registry: MemorySessionRegistry) -> None:
    """Who signed out here is not signed out again from outside."""
    registry.forget("one")
    registry.forget("never known")

    assert registry.end_session(issuer=ISSUER, session_id="session-1") == ()


@pytest.mark.parametrize(
    ("later", "live"),
    [
        pytest.param(29, False, id="while the sign-in was under way"),
        pytest.param(30, True, id="long before"),
    ],
)
def test_a_logout_that_overtakes_the_sign_in(
    registry: MemorySessionRegistry, seconds: Seconds, *, later: int, live: bool
) -> None:
    """A session that has just ended does not come to life by a late sign-in."""
    registry.end_session(issuer=ISSUER, session_id="late")
    seconds.now += later
    registry.remember("late", issuer=ISSUER, subject="alice", session_id="late")

    assert registry.is_live("late") is live


def test_ended_sessions_are_forgotten_in_time(
    registry: MemorySessionRegistry,
) -> None:
    """Only so many ended sessions are remembered."""
    registry.end_session(issuer=ISSUER, session_id="a")
    registry.end_session(issuer=ISSUER, session_id="b")
    registry.end_session(issuer=ISSUER, session_id="c")
    registry.remember("a", issuer=ISSUER, subject="alice", session_id="a")

    assert registry.is_live("a")


@pytest.mark.parametrize("round_", range(25))
def test_simultaneous_logouts(round_: int) -> None:
    """Of several simultaneous logouts, one has ended the session."""
    registry = MemorySessionRegistry()
    name = f"local-{round_}"
    registry.remember(name, issuer=ISSUER, subject="alice", session_id="session-1")
    barrier = threading.Barrier(4)
    ended: list[tuple[str, ...]] = []

    def end() -> None:
        barrier.wait()
        ended.append(registry.end(token()))

    threads = [threading.Thread(target=end) for _ in range(4)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    assert sorted(ended) == [(), (), (), (name,)]
