"""Which signatures of a logout token a client accepts (SPECS chapter 8)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from joserfc.jwk import Key
from joserfc.jwk import KeySet
from joserfc.jwk import OctKey
from joserfc.jwk import OKPKey

from idp_session.errors import InvalidLogoutTokenError
from idp_session.relying_party import LogoutTokenValidator

from .logout_tokens_by_hand import claims
from .logout_tokens_by_hand import Clock
from .logout_tokens_by_hand import EC
from .logout_tokens_by_hand import EDWARDS
from .logout_tokens_by_hand import encoded
from .logout_tokens_by_hand import RSA
from .logout_tokens_by_hand import signed
from .logout_tokens_by_hand import validator_with

SECRET = "a secret of the shop that is long enough"
MONTGOMERY = OKPKey.generate_key("X25519", {"kid": "x"})
SHARED = OctKey.import_key(SECRET)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(clock: Clock) -> Callable[..., LogoutTokenValidator]:
    return partial(validator_with, clock)


@pytest.fixture
def validator(make: Callable[..., LogoutTokenValidator]) -> LogoutTokenValidator:
    return make()


ALGORITHMS = [
    pytest.param("RS256", RSA, id="RS256"),
    pytest.param("PS256", RSA, id="PS256"),
    pytest.param("ES256", EC, id="ES256"),
    pytest.param("EdDSA", EDWARDS, id="EdDSA"),
    pytest.param("Ed25519", EDWARDS, id="Ed25519"),
    pytest.param("HS256", SHARED, id="HS256"),
]


@pytest.mark.parametrize(("algorithm", "key"), ALGORITHMS)
def test_the_registered_algorithm(
    make: Callable[..., LogoutTokenValidator], algorithm: str, key: Key
) -> None:
    """Whichever algorithm the client registered is understood, without warnings."""
    validator = make(algorithm=algorithm, client_secret=SECRET)

    token = validator.validate(signed(claims(), key=key, alg=algorithm))

    assert token.session_id == "session-1"


@pytest.mark.parametrize(("algorithm", "key"), ALGORITHMS[1:])
@pytest.mark.spec("LTV-04")
def test_another_algorithm_of_the_provider(  # LTV-04
    validator: LogoutTokenValidator, algorithm: str, key: Key
) -> None:
    """A genuine signature with an algorithm that was not registered is refused."""
    with pytest.raises(InvalidLogoutTokenError, match="registered algorithm"):
        validator.validate(signed(claims(), key=key, alg=algorithm))


def test_a_public_key_is_not_a_secret(
    make: Callable[..., LogoutTokenValidator],
) -> None:
    """What is published never verifies a symmetric signature."""
    public = OctKey.import_key({"kty": "oct", "k": encoded(b"published" * 4)})
    validator = make(
        algorithm="HS256", client_secret=SECRET, keys=KeySet([RSA, public])
    )

    with pytest.raises(InvalidLogoutTokenError, match="no key"):
        validator.validate(signed(claims(), key=public, alg="HS256"))


def test_a_symmetric_signature_ignores_the_key_id(
    make: Callable[..., LogoutTokenValidator],
) -> None:
    """There is one secret, whatever the provider calls it."""
    validator = make(algorithm="HS256", client_secret=SECRET, keys=None)

    token = validator.validate(signed(claims(), key=SHARED, alg="HS256", kid="x"))

    assert token.subject == "alice"


def test_a_key_that_cannot_sign(make: Callable[..., LogoutTokenValidator]) -> None:
    """A key for key agreement verifies nothing, and is no failure of the server."""
    validator = make(algorithm="EdDSA", keys=KeySet([MONTGOMERY]))

    with pytest.raises(InvalidLogoutTokenError, match="no key"):
        validator.validate(signed(claims(), key=EDWARDS, alg="EdDSA", kid="x"))
