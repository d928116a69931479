"""What a client's half of the package takes over into a child process: no lock."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from joserfc.jwk import KeySet

from idp_session.relying_party import FetchedKeys
from idp_session.relying_party import MemoryReplayGuard
from idp_session.relying_party import MemorySessionRegistry

from .logout_tokens_by_hand import claims
from .logout_tokens_by_hand import Clock
from .logout_tokens_by_hand import OTHER_RSA
from .logout_tokens_by_hand import RSA
from .logout_tokens_by_hand import signed
from .logout_tokens_by_hand import validator_with

pytestmark = pytest.mark.process

_DOCUMENT = json.dumps({"keys": [RSA.as_dict(private=False)]}).encode()
# Should a child wait after all, it does not do so for ever.
_PATIENCE = 20


def succeeds_in_a_child(work: Callable[[], object]) -> bool:
    """Whether a forked child does some work, and gets something true out of it."""
    child = os.fork()

    if child == 0:  # pragma: no cover - in the child
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_PATIENCE)
        done = False

        try:
            done = bool(work())
        finally:
            os._exit(0 if done else 1)

    return os.waitpid(child, 0)[1] == 0


class _HeldUp:
    """Answers nobody in the parent before it may, and at once in a child."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.may_answer = threading.Event()
        self._process = os.getpid()

    def __call__(self) -> None:
        if os.getpid() == self._process:
            self.asked.set()
            assert self.may_answer.wait(_PATIENCE)


def test_keys_that_the_parent_is_fetching() -> None:
    """A child fetches for itself what a thread of its parent was about to fetch."""
    held_up = _HeldUp()

    def fetch() -> bytes:
        held_up()

        return _DOCUMENT

    keys = FetchedKeys("", fetch=fetch, timeout=timedelta(seconds=1))
    thread = threading.Thread(target=keys)
    thread.start()
    assert held_up.asked.wait(_PATIENCE)

    try:
        assert succeeds_in_a_child(keys)
    finally:
        held_up.may_answer.set()
        thread.join()


def test_keys_that_the_parent_is_looking_up() -> None:
    """A child does not wait for the lock under which its parent looked."""
    keys = FetchedKeys("", fetch=lambda: _DOCUMENT)

    with keys._lock:
        assert succeeds_in_a_child(keys)


def test_a_validator_whose_keys_the_parent_refreshes() -> None:
    """A child validates by its own keys, whatever its parent has under way."""
    held_up = _HeldUp()

    def source(*, refresh: bool = False) -> KeySet:
        if refresh:
            held_up()

        return KeySet([OTHER_RSA]) if refresh else KeySet([RSA])

    validator = validator_with(Clock(), keys=source, refresh_interval=timedelta(0))
    token = signed(claims(), key=OTHER_RSA)
    thread = threading.Thread(target=validator.validate, args=(token,))
    thread.start()
    assert held_up.asked.wait(_PATIENCE)

    try:
        assert succeeds_in_a_child(lambda: validator.validate(token))
    finally:
        held_up.may_answer.set()
        thread.join()


def test_a_guard_that_the_parent_asks() -> None:
    """A child remembers tokens although a thread of its parent was doing so."""
    guard = MemoryReplayGuard()
    token = validator_with(Clock()).validate(signed(claims()))
    now = token.issued_at

    with guard._lock:
        assert succeeds_in_a_child(
            lambda: guard.first_use(token, until=now + timedelta(minutes=2), now=now)
        )


def test_a_registry_that_the_parent_asks() -> None:
    """A child knows who is signed in although a thread of its parent was looking."""
    registry = MemorySessionRegistry()
    registry.remember("here", issuer="i", subject="s", session_id=None)

    with registry._lock:
        assert succeeds_in_a_child(lambda: registry.is_live("here"))
