"""A session store that leaves everything to another one."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from datetime import datetime

from ...models import Departure
from ...models import EndedSession
from ...models import LogoutReason
from ...models import Participant
from ...models import Position
from ...models import ServerSideSession
from ...models import SessionFilter
from ...models import SessionLimit
from ...models import SessionOrigin
from ...ports import SessionStore

__all__ = ["ForwardingSessionStore"]


class ForwardingSessionStore:
    """A :class:`~idp_session.ports.SessionStore` for others to begin with.

    :param store: Where everything goes.
    """

    def __init__(self, store: SessionStore) -> None:
        self._store = store

    def create(
        self, session: ServerSideSession, *, limit: SessionLimit | None = None
    ) -> tuple[EndedSession, ...]:
        return self._store.create(session, limit=limit)

    def get(self, key: str) -> ServerSideSession | None:
        return self._store.get(key)

    def find(self, session_id: str) -> ServerSideSession | None:
        return self._store.find(session_id)

    def is_live(
        self, session_id: str, *, now: datetime, client_id: str | None = None
    ) -> bool:
        return self._store.is_live(session_id, now=now, client_id=client_id)

    def find_rotated(self, key: str) -> ServerSideSession | None:
        return self._store.find_rotated(key)

    def find_by_subject(self, subject_id: str) -> tuple[ServerSideSession, ...]:
        return self._store.find_by_subject(subject_id)

    def find_expired(
        self, now: datetime, *, limit: int
    ) -> tuple[ServerSideSession, ...]:
        return self._store.find_expired(now, limit=limit)

    def query(
        self,
        wanted: SessionFilter,
        *,
        limit: int,
        after: Position | None,
        backwards: bool = False,
    ) -> tuple[ServerSideSession, ...]:
        return self._store.query(wanted, limit=limit, after=after, backwards=backwards)

    def count(self, wanted: SessionFilter, *, at_most: int) -> int:
        return self._store.count(wanted, at_most=at_most)

    def update(self, key: str, session: ServerSideSession) -> None:
        self._store.update(key, session)

    def promote(
        self,
        key: str,
        session: ServerSideSession,
        *,
        reseal: Callable[[str, bytes], bytes | None],
        limit: SessionLimit | None = None,
    ) -> tuple[EndedSession, ...]:
        return self._store.promote(key, session, reseal=reseal, limit=limit)

    def renew(
        self,
        key: str,
        *,
        renewed_at: datetime,
        expires_at: datetime,
        origin: SessionOrigin | None = None,
    ) -> bool:
        return self._store.renew(
            key, renewed_at=renewed_at, expires_at=expires_at, origin=origin
        )

    def add_participant(
        self, participant: Participant, *, limit: SessionLimit | None = None
    ) -> tuple[EndedSession, ...]:
        return self._store.add_participant(participant, limit=limit)

    def participants(self, session_id: str) -> tuple[Participant, ...]:
        return self._store.participants(session_id)

    def read_data(self, session_id: str) -> Mapping[str, bytes]:
        return self._store.read_data(session_id)

    def write_data(
        self,
        session_id: str,
        *,
        changed: Mapping[str, bytes],
        removed: Collection[str],
    ) -> None:
        self._store.write_data(session_id, changed=changed, removed=removed)

    def attributes(self, session_id: str) -> Mapping[str, str]:
        return self._store.attributes(session_id)

    def set_attribute(self, session_id: str, name: str, value: str) -> None:
        self._store.set_attribute(session_id, name, value)

    def unset_attribute(self, session_id: str, name: str) -> None:
        self._store.unset_attribute(session_id, name)

    def end(
        self,
        session_id: str,
        *,
        reason: LogoutReason,
        ended_at: datetime,
        expired_at: datetime | None = None,
        notify: bool = True,
    ) -> EndedSession | None:
        return self._store.end(
            session_id,
            reason=reason,
            ended_at=ended_at,
            expired_at=expired_at,
            notify=notify,
        )

    def leave(
        self,
        session_id: str,
        *,
        client_ids: Collection[str],
        reason: LogoutReason,
        left_at: datetime,
        notify: bool = True,
    ) -> Departure | None:
        return self._store.leave(
            session_id,
            client_ids=client_ids,
            reason=reason,
            left_at=left_at,
            notify=notify,
        )

    def end_expired(self, now: datetime, *, limit: int) -> tuple[EndedSession, ...]:
        return self._store.end_expired(now, limit=limit)
