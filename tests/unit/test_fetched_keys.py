"""How a client fetches the provider's keys, and keeps them."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from joserfc.jwk import ECKey
from joserfc.jwk import Key
from joserfc.jwk import KeySet
from joserfc.jwk import OctKey

from idp_session.errors import InvalidLogoutTokenError
from idp_session.relying_party import FetchedKeys

from .logout_tokens_by_hand import claims
from .logout_tokens_by_hand import Clock
from .logout_tokens_by_hand import EC
from .logout_tokens_by_hand import OTHER_RSA
from .logout_tokens_by_hand import RSA
from .logout_tokens_by_hand import Seconds
from .logout_tokens_by_hand import signed
from .logout_tokens_by_hand import validator_with

HOUR = 3600
PATIENCE = 30


def document(*keys: Key, **more: Any) -> bytes:
    members = [key.as_dict(private=False) for key in keys]

    return json.dumps({"keys": members} | more).encode()


class Published:
    """What the provider answers; fails on demand, and can be held up."""

    def __init__(self, *keys: Key) -> None:
        self.document = document(*keys)
        self.down = False
        self.fetches = 0
        self.asked = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self) -> bytes:
        self.fetches += 1
        answer, is_down = self.document, self.down
        self.asked.set()
        assert self.may_answer.wait(PATIENCE)

        if is_down:
            raise ConnectionError("the provider is down")

        return answer


@pytest.fixture
def published() -> Published:
    return Published(RSA)


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def keys(published: Published, seconds: Seconds) -> FetchedKeys:
    return FetchedKeys("", fetch=published, clock=seconds)


def ids(keys: KeySet) -> list[str | None]:
    return [key.kid for key in keys.keys]


@pytest.mark.parametrize(
    ("later", "fetches"),
    [
        pytest.param(0, 1, id="at once"),
        pytest.param(HOUR - 1, 1, id="within the hour"),
        pytest.param(HOUR, 2, id="after an hour"),
    ],
)
def test_how_long_they_are_kept(
    keys: FetchedKeys,
    published: Published,
    seconds: Seconds,
    later: int,
    fetches: int,
) -> None:
    """The provider is asked when the keys are needed and old, and not before."""
    keys()
    seconds.now += later

    assert (ids(keys()), published.fetches) == (["rsa"], fetches)


@pytest.mark.parametrize(
    ("later", "found"),
    [
        pytest.param(9, ["rsa"], id="too soon"),
        pytest.param(10, ["other"], id="after a while"),
    ],
)
def test_a_refresh(
    keys: FetchedKeys,
    published: Published,
    seconds: Seconds,
    later: int,
    found: list[str],
) -> None:
    """New keys are fetched on demand, but not at any rate."""
    keys()
    published.document = document(OTHER_RSA)
    seconds.now += later

    assert ids(keys(refresh=True)) == found


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(HOUR, id="after an hour"),
        pytest.param(25 * HOUR - 1, id="after a day"),
    ],
)
def test_a_provider_that_is_down(
    keys: FetchedKeys,
    published: Published,
    seconds: Seconds,
    caplog: pytest.LogCaptureFixture,
    later: int,
) -> None:
    """Its keys are used a day longer, and the log says so."""
    keys()
    published.down = True
    seconds.now += later

    with caplog.at_level(logging.WARNING):
        found = ids(keys())

    assert found == ["rsa"]
    assert "older ones are used" in caplog.text


def test_a_provider_that_stays_down(
    keys: FetchedKeys, published: Published, seconds: Seconds
) -> None:
    """A key that nobody has confirmed for too long is not trusted any more."""
    keys()
    published.down = True
    seconds.now += 25 * HOUR

    with pytest.raises(ConnectionError):
        keys()


def test_a_provider_that_is_down_is_left_alone(
    keys: FetchedKeys, published: Published, seconds: Seconds
) -> None:
    """It is asked again after a while, however many tokens come; then all is well."""
    published.down = True

    for _ in range(3):
        with pytest.raises(ConnectionError):
            keys()

    asked = published.fetches
    published.down = False
    seconds.now += 10

    assert (asked, ids(keys())) == (1, ["rsa"])


@pytest.mark.parametrize(
    "later", [pytest.param(0, id="first"), pytest.param(9, id="soon")]
)
def test_a_new_key_while_the_provider_is_down(
    keys: FetchedKeys, published: Published, seconds: Seconds, later: int
) -> None:
    """Whether there is a newer key is not known, and that is not said to be a no."""
    keys()
    published.down = True
    seconds.now += 10

    with pytest.raises(ConnectionError):
        keys(refresh=True)

    seconds.now += later

    with pytest.raises(ConnectionError):
        keys(refresh=True)

    assert (published.fetches, ids(keys())) == (2, ["rsa"])


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>", id="a page"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"{}", id="no keys"),
        pytest.param(b'{"keys": {}}', id="keys in an object"),
        pytest.param(b'{"keys": []}', id="empty"),
        pytest.param(b'{"keys": [1, null, "a", []]}', id="no objects"),
        pytest.param(document(OctKey.generate_key(256)), id="no public key"),
    ],
)
def test_an_answer_without_keys(
    keys: FetchedKeys, published: Published, seconds: Seconds, answer: bytes
) -> None:
    """What is no set of keys is a failure of the provider, and replaces nothing."""
    keys()
    published.document = answer
    seconds.now += HOUR

    assert ids(keys()) == ["rsa"]

    seconds.now += HOUR

    with pytest.raises(ConnectionError):
        keys(refresh=True)


@pytest.mark.parametrize(
    "member",
    [
        pytest.param({"kty": "PQC", "kid": "x"}, id="unknown type"),
        pytest.param({"kty": "RSA", "kid": "x"}, id="incomplete"),
        pytest.param({"kty": "EC", "kid": "x", "crv": "P-999"}, id="unknown curve"),
        pytest.param({"kty": ["RSA"], "kid": "x"}, id="type in a list"),
        pytest.param(EC.as_dict(private=False) | {"use": "enc"}, id="for encryption"),
        pytest.param(ECKey.generate_key("P-256").as_dict(private=True), id="private"),
        pytest.param(
            OctKey.generate_key(256).as_dict(private=True), id="shared secret"
        ),
    ],
)
def test_a_key_that_is_of_no_use(
    keys: FetchedKeys, published: Published, member: dict[str, Any]
) -> None:
    """It is ignored, and its neighbours are used (RFC 7517 §5)."""
    published.document = json.dumps(
        {"keys": [member, RSA.as_dict(private=False)]}
    ).encode()

    assert ids(keys()) == ["rsa"]


def test_many_keys(keys: FetchedKeys, published: Published) -> None:
    """Of an endless list only the beginning is looked at."""
    published.document = json.dumps(
        {"keys": [EC.as_dict(private=False)] * 500}
    ).encode()

    assert len(keys().keys) == 100


# Threads


def test_the_first_tokens(keys: FetchedKeys, published: Published) -> None:
    """Whoever needs the keys at once waits for one fetch, and all get them."""
    published.may_answer.clear()

    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(keys) for _ in range(8)]
        assert published.asked.wait(PATIENCE)
        published.may_answer.set()
        found = [ids(each.result(PATIENCE)) for each in waiting]

    assert (found, published.fetches) == ([["rsa"]] * 8, 1)


def test_who_has_keys_does_not_wait(
    keys: FetchedKeys, published: Published, seconds: Seconds
) -> None:
    """While one thread fetches newer keys, the others go on with what there is."""
    keys()
    seconds.now += HOUR
    published.asked.clear()
    published.may_answer.clear()

    with ThreadPoolExecutor(1) as pool:
        fetching = pool.submit(keys)
        assert published.asked.wait(PATIENCE)
        meanwhile = ids(keys())
        is_fetching = not fetching.done()
        published.may_answer.set()

    assert (meanwhile, is_fetching, published.fetches) == (["rsa"], True, 2)


def test_a_fault_that_is_no_answer(seconds: Seconds) -> None:
    """A fault of the code comes out as it is, and the next fetch is made."""
    answers: list[Callable[[], bytes]] = [lambda: 1 // 0 * b"", lambda: document(RSA)]
    keys = FetchedKeys("", fetch=lambda: answers.pop(0)(), clock=seconds)

    with pytest.raises(ZeroDivisionError):
        keys()

    seconds.now += 10

    assert ids(keys()) == ["rsa"]


# With a validator


@pytest.mark.spec("LTV-10")
def test_a_rotation(keys: FetchedKeys, published: Published, seconds: Seconds) -> None:
    """A token by a new key is accepted, and one by a withdrawn key is not."""
    validator = validator_with(Clock(), keys=keys)
    before = validator.validate(signed(claims()))
    published.document = document(OTHER_RSA)
    seconds.now += 10

    after = validator.validate(signed(claims(), key=OTHER_RSA))

    assert before == after

    with pytest.raises(InvalidLogoutTokenError):
        validator.validate(signed(claims()))


def test_two_tokens_by_a_new_key(published: Published) -> None:
    """Of two that come at once both are accepted, after one fetch."""
    keys = FetchedKeys("", fetch=published, cool_down=timedelta(0))
    validator = validator_with(Clock(), keys=keys)
    validator.validate(signed(claims()))
    published.document = document(OTHER_RSA)
    published.asked.clear()
    published.may_answer.clear()
    validate = partial(validator.validate, signed(claims(), key=OTHER_RSA))

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(validate)
        assert published.asked.wait(PATIENCE)
        second = pool.submit(validate)
        assert not second.done()
        published.may_answer.set()
        tokens = {first.result(PATIENCE), second.result(PATIENCE)}

    assert (len(tokens), published.fetches) == (1, 2)


def test_a_refresh_that_failed(published: Published, seconds: Seconds) -> None:
    """A token by a new key that comes again soon is not refused, but put off."""
    keys = FetchedKeys("", fetch=published, clock=seconds)
    validator = validator_with(Clock(), keys=keys)
    validator.validate(signed(claims()))
    published.down = True
    seconds.now += 10

    for _ in range(2):
        with pytest.raises(ConnectionError):
            validator.validate(signed(claims(), key=OTHER_RSA))
