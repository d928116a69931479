"""How a client follows the provider's keys when it gets a logout token."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from joserfc.jwk import KeySet

from idp_session.errors import InvalidLogoutTokenError
from idp_session.relying_party import LogoutTokenValidator

from .logout_tokens_by_hand import ABSENT
from .logout_tokens_by_hand import claims
from .logout_tokens_by_hand import Clock
from .logout_tokens_by_hand import OTHER_RSA
from .logout_tokens_by_hand import RSA
from .logout_tokens_by_hand import SECOND
from .logout_tokens_by_hand import Seconds
from .logout_tokens_by_hand import signed
from .logout_tokens_by_hand import validator_with


class RotatingKeys:
    """A provider whose keys are new after a refresh; counts the refreshes."""

    def __init__(self, before: KeySet, after: KeySet) -> None:
        self.keys = before
        self.after = after
        self.refreshes = 0

    def __call__(self, *, refresh: bool = False) -> KeySet:
        if refresh:
            self.refreshes += 1
            self.keys = self.after

        return self.keys


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(clock: Clock) -> Callable[..., LogoutTokenValidator]:
    return partial(validator_with, clock)


@pytest.fixture
def validator(make: Callable[..., LogoutTokenValidator]) -> LogoutTokenValidator:
    return make()


def test_a_new_key(make: Callable[..., LogoutTokenValidator]) -> None:
    """A key that the provider has begun to use since is fetched."""
    keys = RotatingKeys(KeySet([RSA]), KeySet([RSA, OTHER_RSA]))

    token = make(keys=keys).validate(signed(claims(), key=OTHER_RSA))

    assert (token.subject, keys.refreshes) == ("alice", 1)


def test_a_new_key_without_a_key_id(make: Callable[..., LogoutTokenValidator]) -> None:
    """Without a key id, all keys are tried before they are fetched again."""
    keys = RotatingKeys(KeySet([RSA]), KeySet([RSA, OTHER_RSA]))

    token = make(keys=keys).validate(signed(claims(), key=OTHER_RSA, kid=ABSENT))

    assert (token.subject, keys.refreshes) == ("alice", 1)


def test_a_known_key_is_not_fetched_again(
    make: Callable[..., LogoutTokenValidator],
) -> None:
    """A bad signature by a known key is no reason to ask the provider."""
    keys = RotatingKeys(KeySet([RSA]), KeySet([RSA]))

    with pytest.raises(InvalidLogoutTokenError):
        make(keys=keys).validate(signed(claims(), key=OTHER_RSA, kid="rsa"))

    assert keys.refreshes == 0


@pytest.mark.parametrize(
    ("seconds", "refreshes"),
    [pytest.param(9, 1, id="too soon"), pytest.param(10, 2, id="after a while")],
)
def test_made_up_key_ids(
    make: Callable[..., LogoutTokenValidator],
    clock: Clock,
    seconds: int,
    refreshes: int,
) -> None:
    """Made-up key ids do not have the keys fetched at any rate."""
    keys = RotatingKeys(KeySet([RSA]), KeySet([RSA]))
    validator = make(keys=keys)

    with pytest.raises(InvalidLogoutTokenError):
        validator.validate(signed(claims(), kid="made up"))

    clock.now += seconds * SECOND

    with pytest.raises(InvalidLogoutTokenError):
        validator.validate(signed(claims(), kid="made up as well"))

    assert keys.refreshes == refreshes


def test_keys_out_of_reach(make: Callable[..., LogoutTokenValidator]) -> None:
    """That the keys cannot be fetched says nothing about the token."""

    def unreachable(*, refresh: bool = False) -> KeySet:
        raise ConnectionError(f"refresh={refresh}")

    with pytest.raises(ConnectionError):
        make(keys=unreachable).validate(signed(claims()))


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()
