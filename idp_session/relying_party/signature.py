"""The signature of a logout token: one registered algorithm, keys that may rotate."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from collections.abc import Iterator
from datetime import datetime
from datetime import timedelta
from typing import Any
from typing import Protocol

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwa import JWSAlgModel
from joserfc.jwk import Key
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from ..adapters.forks import forget_after_fork
from ..errors import ConfigurationError
from ..errors import InvalidLogoutTokenError

__all__ = ["KeySource", "SignatureVerifier", "fixed_keys"]

#: Longer tokens are refused unread, in characters.
_LONGEST = 16_384


class KeySource(Protocol):
    """Gives the public keys of the provider."""

    def __call__(self, *, refresh: bool = False) -> KeySet:
        """The keys, from memory if that is possible.

        :param refresh: Fetch them anew, because a token names a key that is not
            among those in memory.
        :raises OSError: If they cannot be fetched. The provider is then told to
            try again, instead of that its token is bad.
        """


def fixed_keys(keys: KeySet) -> KeySource:
    """A source of keys that never change."""
    nothing_new = KeySet([])

    def source(*, refresh: bool = False) -> KeySet:
        return nothing_new if refresh else keys

    return source


class _OneAlgorithm(JWSRegistry):
    """Knows one algorithm, and does not warn about it: the client registered it."""

    max_header_length = 4096
    max_signature_length = 4096

    def __init__(self, algorithm: str) -> None:
        super().__init__(algorithms=[algorithm], strict_check_header=False)

    def get_alg(self, name: str) -> JWSAlgModel:
        return self.algorithms[name]


class SignatureVerifier:
    """Opens tokens that the provider has signed with the registered algorithm.

    :param algorithm: The only ``alg`` that is accepted.
    :param keys: The keys of the provider.
    :param named_keys: Whether the ``kid`` of a token says which key to use.
    :param refresh_interval: The shortest time between two refreshes of the keys,
        so that made-up key ids cannot flood the provider.
    :param clock: Gives the current instant.
    :raises ConfigurationError: If the algorithm is unknown or no signature.
    """

    def __init__(
        self,
        *,
        algorithm: str,
        keys: KeySource,
        named_keys: bool,
        refresh_interval: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        if algorithm == "none" or algorithm not in JWSRegistry.algorithms:
            raise ConfigurationError(f"{algorithm} is not a signature algorithm")

        self._algorithm = algorithm
        self._registry = _OneAlgorithm(algorithm)
        self._keys = keys
        self._named_keys = named_keys
        self._refresh_interval = refresh_interval
        self._clock = clock
        self._refreshed_at: datetime | None = None
        self._refreshes = 0
        self._refresh_failed = False
        self.after_fork()
        forget_after_fork(self)

    def after_fork(self) -> None:
        """Leave the lock to the parent, of which a thread may be fetching keys."""
        self._refreshing = threading.Lock()

    def open(self, token: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """Header and claims of a compact JWS (RFC 7515 §7.1).

        :param token: As received; anything but a string is refused.
        :raises InvalidLogoutTokenError: If it is malformed, or not signed with
            the algorithm by a key of the provider.
        :raises OSError: If the keys cannot be fetched.
        """
        if not isinstance(token, str) or not token.isascii() or len(token) > _LONGEST:
            raise InvalidLogoutTokenError("the logout token is not a compact JWS")

        header = _header(token)
        self._check_header(header)
        key_id = header.get("kid") if self._named_keys else None

        return header, _object(self._payload(token, key_id), "claims")

    def _check_header(self, header: dict[str, Any]) -> None:
        # backchannel §2.6: the algorithm is the one registered for ID tokens,
        # whatever else the provider can sign with; "none" never is.
        if header.get("alg") != self._algorithm:
            raise InvalidLogoutTokenError(
                "the logout token is not signed with the registered algorithm"
            )

        # RFC 7515 §4.1.11: extensions that must be understood, and are not.
        if "crit" in header or "b64" in header:
            raise InvalidLogoutTokenError("the header demands an unknown extension")

        if not isinstance(header.get("kid"), str | None):
            raise InvalidLogoutTokenError("kid is not a string")

    def _payload(self, token: str, key_id: str | None) -> bytes:
        for key in self._candidates(key_id):
            try:
                opened = jws.deserialize_compact(token, key, registry=self._registry)
            except (JoseError, ValueError):
                continue

            return opened.payload

        raise InvalidLogoutTokenError("no key of the provider verifies the signature")

    def _candidates(self, key_id: str | None) -> Iterator[Key]:
        refreshes = self._refreshes
        known = _named(self._keys(), key_id)

        yield from known

        # core §10.1.1: a key id never seen before may be a key that is new.
        if key_id is None or not known:
            yield from _named(self._newer_keys(than=refreshes), key_id)

    def _newer_keys(self, *, than: int) -> KeySet:
        # Of two new tokens at once, the second waits for the keys of the first:
        # to refuse it would be final, and its session would go on.
        with self._refreshing:
            if self._refreshes != than:
                return self._keys()

            if not self._may_refresh():
                return self._nothing_newer()

            self._refresh_failed = True
            keys = self._keys(refresh=True)
            self._refresh_failed = False
            self._refreshes += 1

        return keys

    def _nothing_newer(self) -> KeySet:
        if self._refresh_failed:
            raise ConnectionError("the keys could not be fetched a moment ago")

        return KeySet([])

    def _may_refresh(self) -> bool:
        now = self._clock()
        last = self._refreshed_at

        if last is not None and abs(now - last) < self._refresh_interval:
            return False

        self._refreshed_at = now

        return True


def _named(keys: KeySet, key_id: str | None) -> list[Key]:
    if key_id is None:
        return keys.keys

    return [key for key in keys.keys if key.kid == key_id]


def _header(token: str) -> dict[str, Any]:
    encoded, _, rest = token.partition(".")

    # Five parts would be an encrypted token, for which there is no key.
    if rest.count(".") != 1:
        raise InvalidLogoutTokenError("the logout token is not a compact JWS")

    try:
        padded = encoded + "=" * (-len(encoded) % 4)
        decoded = base64.b64decode(padded, b"-_", validate=True)
    except ValueError:
        raise InvalidLogoutTokenError("the header is not base64url") from None

    return _object(decoded, "header")


def _object(text: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidLogoutTokenError(f"the {what} is not JSON") from None

    if not isinstance(value, dict):
        raise InvalidLogoutTokenError(f"the {what} is not a JSON object")

    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)
