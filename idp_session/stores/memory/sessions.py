"""Sessions and who takes part in them."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from datetime import datetime

from ...errors import SessionExistsError
from ...errors import SessionGoneError
from ...models import Departure
from ...models import EndedSession
from ...models import LogoutReason
from ...models import Participant
from ...models import Position
from ...models import ServerSideSession
from ...models import SessionFilter
from ...models import SessionLimit
from ...models import SessionOrigin
from .deliveries import MemoryDeliveryQueue
from .endings import MemoryEndings
from .searching import beside
from .searching import expired
from .searching import live
from .searching import matching
from .searching import of_subject
from .searching import page
from .tables import still_there
from .tables import Tables

__all__ = ["MemorySessionStore"]


class MemorySessionStore:
    """A :class:`~idp_session.ports.SessionStore` that a restart empties.

    :param queue: Where ended sessions leave what is owed to their clients.
    """

    def __init__(self, queue: MemoryDeliveryQueue) -> None:
        self._lock = queue.lock
        self._tables = Tables()
        self._endings = MemoryEndings(self._tables, queue)

    def create(
        self, session: ServerSideSession, *, limit: SessionLimit | None = None
    ) -> tuple[EndedSession, ...]:
        with self._lock:
            if session.key in self._tables.sessions or self.find(session.session_id):
                raise SessionExistsError(
                    "the key or the session id is taken", key=session.key
                )

            others = live(self._tables, session.subject_id, session.created_at)
            surplus = limit.making_room(others) if limit else ()
            self._tables.add(session)

            return self._endings.evict(surplus, session.created_at)

    def get(self, key: str) -> ServerSideSession | None:
        with self._lock:
            return self._tables.sessions.get(key)

    def find(self, session_id: str) -> ServerSideSession | None:
        with self._lock:
            return self._tables.find(session_id)

    def is_live(
        self, session_id: str, *, now: datetime, client_id: str | None = None
    ) -> bool:
        session = self.find(session_id)

        if session is None or session.subject_id is None or session.expires_at <= now:
            return False

        return client_id is None or any(
            participant.client_id == client_id
            for participant in self.participants(session_id)
        )

    def find_rotated(self, key: str) -> ServerSideSession | None:
        with self._lock:
            return self._tables.find_rotated(key)

    def find_by_subject(self, subject_id: str) -> tuple[ServerSideSession, ...]:
        with self._lock:
            return of_subject(self._tables, subject_id)

    def find_expired(
        self, now: datetime, *, limit: int
    ) -> tuple[ServerSideSession, ...]:
        with self._lock:
            return expired(self._tables, now, limit=limit)

    def query(
        self,
        wanted: SessionFilter,
        *,
        limit: int,
        after: Position | None,
        backwards: bool = False,
    ) -> tuple[ServerSideSession, ...]:
        with self._lock:
            found = matching(self._tables, wanted)

        return page(found, limit=limit, after=after, backwards=backwards)

    def count(self, wanted: SessionFilter, *, at_most: int) -> int:
        with self._lock:
            return min(len(matching(self._tables, wanted)), at_most)

    def update(self, key: str, session: ServerSideSession) -> None:
        with self._lock:
            current = self._tables.sessions.get(key)

            if current is None or current.session_id != session.session_id:
                raise SessionGoneError("no session has this key", key=key)

            if session.key != key:
                self._tables.rotate(key, session)

            self._tables.sessions[session.key] = session

    def promote(
        self,
        key: str,
        session: ServerSideSession,
        *,
        reseal: Callable[[str, bytes], bytes | None],
        limit: SessionLimit | None = None,
    ) -> tuple[EndedSession, ...]:
        with self._lock:
            current = self._tables.sessions.get(key)

            if current is None or current.subject_id is not None:
                raise SessionGoneError("no anonymous session has this key", key=key)

            resealed = {
                name: reseal(name, value)
                for name, value in self._tables.data[current.session_id].items()
            }
            attributes = self._tables.attributes[current.session_id]
            ended = self.create(session, limit=limit)
            self._tables.remove(current)
            self._tables.data[session.session_id] = {
                name: value for name, value in resealed.items() if value is not None
            }
            self._tables.attributes[session.session_id] = attributes
            self._tables.previous_keys[session.session_id] = key

        return ended

    def renew(
        self,
        key: str,
        *,
        renewed_at: datetime,
        expires_at: datetime,
        origin: SessionOrigin | None = None,
    ) -> bool:
        with self._lock:
            session = self._tables.sessions.get(key)

            if session is None or session.expires_at >= expires_at:
                return False

            self._tables.sessions[key] = session.renewed(
                renewed_at, expires_at=expires_at, origin=origin
            )

        return True

    def add_participant(
        self, participant: Participant, *, limit: SessionLimit | None = None
    ) -> tuple[EndedSession, ...]:
        with self._lock:
            known = still_there(self._tables.participants, participant.session_id)

            if participant.client_id in known:
                return ()

            others = beside(self._tables, participant)
            surplus = limit.making_room(others) if limit else ()
            known[participant.client_id] = participant

            return self._endings.evict(surplus, participant.joined_at)

    def participants(self, session_id: str) -> tuple[Participant, ...]:
        with self._lock:
            return self._tables.participants_of(session_id)

    def read_data(self, session_id: str) -> Mapping[str, bytes]:
        with self._lock:
            return dict(self._tables.data.get(session_id, {}))

    def write_data(
        self,
        session_id: str,
        *,
        changed: Mapping[str, bytes],
        removed: Collection[str],
    ) -> None:
        with self._lock:
            kept = still_there(self._tables.data, session_id)

            for name in removed:
                kept.pop(name, None)

            kept.update(changed)

    def attributes(self, session_id: str) -> Mapping[str, str]:
        with self._lock:
            return dict(self._tables.attributes.get(session_id, {}))

    def set_attribute(self, session_id: str, name: str, value: str) -> None:
        with self._lock:
            still_there(self._tables.attributes, session_id)[name] = value

    def unset_attribute(self, session_id: str, name: str) -> None:
        with self._lock:
            self._tables.attributes.get(session_id, {}).pop(name, None)

    def end(
        self,
        session_id: str,
        *,
        reason: LogoutReason,
        ended_at: datetime,
        expired_at: datetime | None = None,
        notify: bool = True,
    ) -> EndedSession | None:
        with self._lock:
            session = self.find(session_id)

            if session is None or (expired_at and session.expires_at > expired_at):
                return None

            return self._endings.end(
                session, reason=reason, ended_at=ended_at, notify=notify
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
        with self._lock:
            session = self.find(session_id)

            if session is None:
                return None

            return self._endings.leave(
                session,
                client_ids=client_ids,
                reason=reason,
                left_at=left_at,
                notify=notify,
            )

    def end_expired(self, now: datetime, *, limit: int) -> tuple[EndedSession, ...]:
        with self._lock:
            return tuple(
                self._endings.end(
                    session, reason=session.reason_of_expiry(now), ended_at=now
                )
                for session in expired(self._tables, now, limit=limit)
            )
