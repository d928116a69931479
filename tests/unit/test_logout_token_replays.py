"""How a client notices that a logout token comes again (LTV-14)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from datetime import UTC
from functools import partial

import pytest

from idp_session.errors import InvalidLogoutTokenError
from idp_session.relying_party import LogoutTokenValidator
from idp_session.relying_party import MemoryReplayGuard

from .logout_tokens_by_hand import at
from .logout_tokens_by_hand import claims
from .logout_tokens_by_hand import Clock
from .logout_tokens_by_hand import NOW
from .logout_tokens_by_hand import SECOND
from .logout_tokens_by_hand import signed
from .logout_tokens_by_hand import token
from .logout_tokens_by_hand import validator_with


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(clock: Clock) -> Callable[..., LogoutTokenValidator]:
    return partial(validator_with, clock)


@pytest.fixture
def validator(make: Callable[..., LogoutTokenValidator]) -> LogoutTokenValidator:
    return make()


@pytest.mark.spec("LTV-14")
def test_a_repeated_token(make: Callable[..., LogoutTokenValidator]) -> None:
    """With a guard, the second use of a token is refused."""
    validator = make(seen=MemoryReplayGuard())
    validator.validate(signed(claims()))

    with pytest.raises(InvalidLogoutTokenError, match="used before"):
        validator.validate(signed(claims()))


def test_a_repeated_token_without_a_guard(validator: LogoutTokenValidator) -> None:
    """Without a guard, a token may be repeated: ending twice is ending once."""
    validator.forget(validator.validate(signed(claims())))

    assert validator.validate(signed(claims())).token_id == "token-1"


def test_another_token(make: Callable[..., LogoutTokenValidator]) -> None:
    """The guard minds the ``jti`` and nothing else."""
    validator = make(seen=MemoryReplayGuard())
    validator.validate(signed(claims()))

    assert validator.validate(signed(claims(jti="token-2"))).token_id == "token-2"


def test_a_token_whose_logout_failed(make: Callable[..., LogoutTokenValidator]) -> None:
    """A token may be used again if its logout could not be done."""
    validator = make(seen=MemoryReplayGuard())
    validator.forget(validator.validate(signed(claims())))

    assert validator.validate(signed(claims())).token_id == "token-1"


def test_a_refused_token_is_not_used_up(
    make: Callable[..., LogoutTokenValidator], clock: Clock
) -> None:
    """A token that came too early is good when its time has come."""
    validator = make(seen=MemoryReplayGuard())
    early = signed(claims(iat=at(100), exp=at(200)))

    with pytest.raises(InvalidLogoutTokenError, match="iat"):
        validator.validate(early)

    clock.now += 100 * SECOND

    assert validator.validate(early).token_id == "token-1"


def test_a_token_for_all_time(make: Callable[..., LogoutTokenValidator]) -> None:
    """An ``exp`` at the end of the calendar overflows nothing."""
    validator = make(seen=MemoryReplayGuard())
    last = datetime(9999, 12, 31, tzinfo=UTC)

    assert validator.validate(signed(claims(exp=last.timestamp()))).expires_at == last


def test_expired_tokens_make_room() -> None:
    """What nobody could use any more is not remembered."""
    guard = MemoryReplayGuard(capacity=2)
    guard.first_use(token(1), until=NOW + SECOND, now=NOW)
    guard.first_use(token(2), until=NOW + 3 * SECOND, now=NOW)
    guard.first_use(token(3), until=NOW + 4 * SECOND, now=NOW + SECOND)

    assert not guard.first_use(token(2), until=NOW + 3 * SECOND, now=NOW + SECOND)


def test_a_full_guard_forgets_the_oldest() -> None:
    """A guard never grows beyond its capacity."""
    guard = MemoryReplayGuard(capacity=1)
    guard.first_use(token(1), until=NOW + SECOND, now=NOW)
    guard.first_use(token(2), until=NOW + SECOND, now=NOW)

    assert guard.first_use(token(1), until=NOW + SECOND, now=NOW)


def test_a_full_guard_knows_what_it_remembers() -> None:
    """Asking for a token that is known pushes none out."""
    guard = MemoryReplayGuard(capacity=1)
    guard.first_use(token(1), until=NOW + SECOND, now=NOW)

    assert not guard.first_use(token(1), until=NOW + SECOND, now=NOW)


def test_a_guard_without_memory() -> None:
    """A guard that could not remember a single token is refused."""
    with pytest.raises(ValueError, match="capacity"):
        MemoryReplayGuard(capacity=0)


@pytest.mark.parametrize("round_", range(25))
def test_simultaneous_replays(round_: int) -> None:
    """Of several simultaneous uses of a token, one is the first."""
    guard = MemoryReplayGuard()
    barrier = threading.Barrier(4)
    answers: list[bool] = []

    def use() -> None:
        barrier.wait()
        answers.append(guard.first_use(token(round_), until=NOW + SECOND, now=NOW))

    threads = [threading.Thread(target=use) for _ in range(4)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    assert sorted(answers) == [False, False, False, True]
