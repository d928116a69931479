"""A session store that remembers what it was asked for last."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from datetime import datetime
from datetime import timedelta

from ...adapters.clock import SystemClock
from ...models import EndedSession
from ...models import LogoutReason
from ...models import Participant
from ...models import ServerSideSession
from ...models import SessionLimit
from ...models import SessionOrigin
from ...ports import Clock
from ...ports import SessionStore
from ...ports import TicketProtector
from .backend import Cache
from .backend import check_serializer
from .backend import outage_errors
from .copies import CopySealer
from .forwarding import ForwardingSessionStore

__all__ = ["CachedSessionStore"]

_logger = logging.getLogger(__name__)

_SECOND = timedelta(seconds=1)

# Copies outlive a change by one lifetime; the other one is for clocks that differ.
_MARK_LIFETIMES = 2


class CachedSessionStore(ForwardingSessionStore):
    """A :class:`~idp_session.ports.SessionStore` with a cache in front of ``get``.

    To get a session that is cached takes one round trip to the cache and none to
    the store. Everything else is left to the store.

    What changes or ends a session through any node also leaves a mark in the cache,
    and no copy is believed beside a mark. So a change is seen at once by every node
    that shares the cache. What nodes do not share, such as the memory of a process,
    is stale for ``lifetime`` at the most; so is everything when the cache could not
    be written, when it lost its marks, or when somebody changed the database past
    this store. No copy is believed for longer, whatever the cache keeps.

    A cache that does not work makes this store slower and does not break it.

    :param store: Where the sessions are.
    :param cache: Any cache of cachelib with a :class:`.BytesSerializer`, or another
        :class:`.Cache`.
    :param protector: Who seals the copies.
    :param clock: Tells how old copies are; those of all nodes agree to ``lifetime``.
    :param lifetime: How stale a copy may be, and how long a session stays out of
        the cache after it was changed (twice that).
    :param prefix: How the names of our entries begin.
    :param errors: What the cache raises when it does not work, beside ``OSError``
        and the errors of the clients that cachelib knows.
    :raises ConfigurationError: If the cache would unpickle what it finds.
    :raises ValueError: If the lifetime is not positive.
    """

    def __init__(
        self,
        store: SessionStore,
        cache: Cache,
        *,
        protector: TicketProtector,
        clock: Clock | None = None,
        lifetime: timedelta = timedelta(minutes=1),
        prefix: str = "idp_session:",
        errors: tuple[type[Exception], ...] = (),
    ) -> None:
        super().__init__(store)
        check_serializer(cache)

        if lifetime <= timedelta(0):
            raise ValueError("the lifetime of cached sessions must be positive")

        self._cache = cache
        self._copies = CopySealer(protector)
        self._clock = clock or SystemClock()
        self._lifetime = lifetime
        self._prefix = prefix
        self._errors = outage_errors(errors)

    def create(
        self, session: ServerSideSession, *, limit: SessionLimit | None = None
    ) -> tuple[EndedSession, ...]:
        self._expect_evictions(session.subject_id, limit)

        return self._marked_after(self._store.create(session, limit=limit))

    def get(self, key: str) -> ServerSideSession | None:
        asked_at = self._clock.now()
        found = self._read(self._copy_of(key), self._mark_of(key))

        if found is None or found[1] is not None:
            return self._store.get(key)

        copied = self._copies.open(found[0], key=key, now=asked_at)

        if copied is not None:
            return copied

        session = self._store.get(key)

        if session is not None:
            self._keep(session, asked_at)

        return session

    def update(self, key: str, session: ServerSideSession) -> None:
        with self._marked(key):
            self._store.update(key, session)

    def promote(
        self,
        key: str,
        session: ServerSideSession,
        *,
        reseal: Callable[[str, bytes], bytes | None],
        limit: SessionLimit | None = None,
    ) -> tuple[EndedSession, ...]:
        self._expect_evictions(session.subject_id, limit)

        with self._marked(key):
            ended = self._store.promote(key, session, reseal=reseal, limit=limit)

        return self._marked_after(ended)

    def renew(
        self,
        key: str,
        *,
        renewed_at: datetime,
        expires_at: datetime,
        origin: SessionOrigin | None = None,
    ) -> bool:
        with self._marked(key):
            return self._store.renew(
                key, renewed_at=renewed_at, expires_at=expires_at, origin=origin
            )

    def add_participant(
        self, participant: Participant, *, limit: SessionLimit | None = None
    ) -> tuple[EndedSession, ...]:
        session = self._store.find(participant.session_id) if limit else None

        if session is not None:
            self._expect_evictions(session.subject_id, limit)

        return self._marked_after(self._store.add_participant(participant, limit=limit))

    def end(
        self,
        session_id: str,
        *,
        reason: LogoutReason,
        ended_at: datetime,
        expired_at: datetime | None = None,
        notify: bool = True,
    ) -> EndedSession | None:
        # Whoever reads a key that we do not find here, because the handle is replaced
        # between our look and the end, finds the first mark and keeps no copy.
        with self._marked(session_id):
            session = self._store.find(session_id)

            if session is None:
                return None

            with self._marked(session.key):
                return self._store.end(
                    session_id,
                    reason=reason,
                    ended_at=ended_at,
                    expired_at=expired_at,
                    notify=notify,
                )

    def end_expired(self, now: datetime, *, limit: int) -> tuple[EndedSession, ...]:
        # No copy is believed beyond the end of its session: the marks are for nodes
        # whose clocks are behind.
        return self._marked_after(self._store.end_expired(now, limit=limit))

    def _expect_evictions(
        self, subject_id: str | None, limit: SessionLimit | None
    ) -> None:
        # Whichever of them has to go: a crash afterwards leaves no copy of it.
        if subject_id is None or limit is None or limit.policy == "refuse":
            return

        known = self._store.find_by_subject(subject_id)

        if len(known) >= limit.at_most:
            for session in known:
                self._mark(session.session_id)
                self._mark(session.key)

    def _marked_after(
        self, ended: tuple[EndedSession, ...]
    ) -> tuple[EndedSession, ...]:
        for session in ended:
            self._mark(session.session_id)
            self._mark(session.key)

        return ended

    def _keep(self, session: ServerSideSession, asked_at: datetime) -> None:
        until = min(asked_at + self._lifetime, session.expires_at)
        found = self._read(self._mark_of(session.session_id))

        # Not while it is being ended, by somebody who may not know this key.
        if until <= asked_at or found is None or found[0] is not None:
            return

        sealed = self._copies.seal(session, until=until)
        self._write(self._copy_of(session.key), sealed, lasting=until - asked_at)

    @contextmanager
    def _marked(self, name: str) -> Iterator[None]:
        # Before, so that a crash in between leaves no copy that is believed; after,
        # so that the mark outlives every copy of what was read before the change.
        self._mark(name)

        try:
            yield
        finally:
            self._mark(name)

    def _mark(self, name: str) -> None:
        lasting = _MARK_LIFETIMES * self._lifetime

        if not self._write(self._mark_of(name), b"changed", lasting=lasting):
            _logger.warning(
                "the change of session %s… was not written to the cache: "
                "nodes may not see it for up to %s",
                name[:8],
                self._lifetime,
            )

    def _read(self, *names: str) -> Sequence[object] | None:
        try:
            return self._cache.get_many(*names)
        except self._errors as error:
            _logger.warning("the cache cannot be read: %s", type(error).__name__)

        return None

    def _write(self, name: str, value: bytes, *, lasting: timedelta) -> bool:
        try:
            return bool(self._cache.set(name, value, math.ceil(lasting / _SECOND)))
        except self._errors as error:
            _logger.warning("the cache cannot be written: %s", type(error).__name__)

        return False

    # Braces have a Redis cluster keep the two of one key on one node.

    def _copy_of(self, key: str) -> str:
        return f"{self._prefix}{{{key}}}:copy"

    def _mark_of(self, name: str) -> str:
        return f"{self._prefix}{{{name}}}:changed"
