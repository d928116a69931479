"""The provider's keys, fetched from its ``jwks_uri`` and kept."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry
from joserfc.jwk import Key
from joserfc.jwk import KeySet

from ..adapters.forks import forget_after_fork
from .fetching import DocumentFetcher

__all__ = ["FetchedKeys"]

_logger = logging.getLogger(__name__)

#: More keys than this are not looked at.
_MOST_KEYS = 100
#: What can verify the signature of somebody else. A shared secret cannot: it is
#: not to be found in a public document.
_KEY_TYPES = ("RSA", "EC", "OKP")


@dataclass(frozen=True, slots=True)
class _Kept:
    keys: KeySet
    fetched_at: float


class FetchedKeys:
    """A :class:`KeySource` that fetches the provider's ``jwks_uri`` when it has to.

    The keys are fetched when they are first needed, once they are older than
    ``lifetime``, and when a token names a key that is not among them (OpenID Connect
    Core 1.0 §10.1.1). One thread fetches at a time, outside of any lock, and the
    others go on with the keys that there are; only who has none that could do waits
    for it. If the provider cannot be reached, the keys stay for ``stale_for``.

    It may be shared by threads and by several validators. A forked child has the keys
    of its parent, and fetches for itself.

    :param jwks_uri: What the provider's discovery document calls so; https.
    :param lifetime: How long keys are used without asking.
    :param stale_for: How much longer they are used while the provider is down. A
        key that the provider has withdrawn is good here for as long as both.
    :param cool_down: The shortest time between the ends of two fetches, whether or
        not they succeed.
    :param timeout: For connecting, and then for the whole answer.
    :param ca_file: Certificates in PEM that are trusted besides the system's.
    :param allow_http: Whether the address may be plain http, for development.
    :param fetch: Gets the document in another way, such as through a proxy, and
        raises :exc:`OSError` if it cannot; then the address and what belongs to it
        are not used.
    :param clock: Gives seconds that never go back.
    :raises ConfigurationError: If the address or the file cannot be used.
    """

    def __init__(
        self,
        jwks_uri: str,
        *,
        lifetime: timedelta = timedelta(hours=1),
        stale_for: timedelta = timedelta(days=1),
        cool_down: timedelta = timedelta(seconds=10),
        timeout: timedelta = timedelta(seconds=5),
        ca_file: str | None = None,
        allow_http: bool = False,
        fetch: Callable[[], bytes] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch or DocumentFetcher(
            jwks_uri, timeout=timeout, ca_file=ca_file, allow_http=allow_http
        )
        self._lifetime = lifetime.total_seconds()
        self._longest = self._lifetime + stale_for.total_seconds()
        self._cool_down = cool_down.total_seconds()
        # To connect, and to be answered; and a while for a machine that is busy.
        self._patience = 3 * timeout.total_seconds()
        self._clock = clock
        self._kept: _Kept | None = None
        self._rests_until: float | None = None
        self._failed = False
        self.after_fork()
        forget_after_fork(self)

    def after_fork(self) -> None:
        """Leave the lock to the parent, and what one of its threads is fetching."""
        self._lock = threading.Lock()
        self._flight: Future[KeySet] | None = None

    def __call__(self, *, refresh: bool = False) -> KeySet:
        """As :meth:`KeySource.__call__`."""
        with self._lock:
            fallback = None if refresh else self._usable()

            if fallback is not None and not self._is_due():
                return fallback

            if self._flight is None and self._is_resting():
                return self._after_the_last_fetch()

            flight, is_ours = self._joined_flight()

        if is_ours:
            self._fly(flight)

        try:
            return flight.result(self._patience)
        except OSError as error:
            if fallback is None:
                raise ConnectionError("the keys cannot be fetched") from error

            _logger.warning(
                "the provider's keys cannot be fetched; older ones are used: %r", error
            )

            return fallback

    def _usable(self) -> KeySet | None:
        if self._kept is None or self._age(self._kept) >= self._longest:
            return None

        return self._kept.keys

    def _is_due(self) -> bool:
        is_old = self._kept is None or self._age(self._kept) >= self._lifetime

        # Somebody fetches already, or has just tried to: nobody has to wait.
        return is_old and self._flight is None and not self._is_resting()

    def _is_resting(self) -> bool:
        return self._rests_until is not None and self._clock() < self._rests_until

    def _after_the_last_fetch(self) -> KeySet:
        if self._failed or self._kept is None:
            raise ConnectionError("the keys could not be fetched a moment ago")

        return self._kept.keys

    def _joined_flight(self) -> tuple[Future[KeySet], bool]:
        if self._flight is not None:
            return self._flight, False

        self._flight = Future()

        return self._flight, True

    def _fly(self, flight: Future[KeySet]) -> None:
        try:
            keys = _key_set(self._fetch())
        except BaseException as error:
            self._landed(None)
            flight.set_exception(error)

            # What is not an answer of the provider is a fault in this thread.
            if not isinstance(error, OSError):
                raise
        else:
            self._landed(keys)
            flight.set_result(keys)

    def _landed(self, keys: KeySet | None) -> None:
        with self._lock:
            now = self._clock()
            self._flight = None
            self._failed = keys is None
            self._rests_until = now + self._cool_down

            if keys is not None:
                self._kept = _Kept(keys, now)

    def _age(self, kept: _Kept) -> float:
        return self._clock() - kept.fetched_at


def _key_set(document: bytes) -> KeySet:
    try:
        members = json.loads(document)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ConnectionError("the document is not a set of keys") from None

    if not isinstance(members, list):
        raise ConnectionError("the document is not a set of keys")

    keys = [key for each in members[:_MOST_KEYS] if (key := _key(each)) is not None]

    if not keys:
        raise ConnectionError("the document holds no key for signatures")

    return KeySet(keys)


def _key(member: Any) -> Key | None:
    # RFC 7517 §5: keys that are not understood, or for something else, are ignored.
    if not isinstance(member, dict) or member.get("use", "sig") != "sig":
        return None

    if member.get("kty") not in _KEY_TYPES or "d" in member:
        return None

    try:
        return JWKRegistry.import_key(member)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
