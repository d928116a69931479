"""Sessions and who takes part in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from datetime import datetime
from operator import attrgetter
from typing import TypeVar

from ...errors import SessionExistsError
from ...errors import SessionGoneError
from ...models import EndedSession
from ...models import LogoutReason
from ...models import Participant
from ...models import Position
from ...models import ServerSideSession
from ...models import SessionFilter
from ...models import SessionLimit
from .deliveries import MemoryDeliveryQueue

__all__ = ["MemorySessionStore"]

_T = TypeVar("_T")


class MemorySessionStore:
    """A :class:`~idp_session.ports.SessionStore` that a restart empties.

    :param queue: Where ended sessions leave what is owed to their clients.
    """

    def __init__(self, queue: MemoryDeliveryQueue) -> None:
        self._queue = queue
        self._lock = queue.lock
        self._sessions: dict[str, ServerSideSession] = {}
        self._previous_keys: dict[str, str] = {}
        self._participants: dict[str, dict[str, Participant]] = {}
        self._data: dict[str, dict[str, bytes]] = {}
        self._attributes: dict[str, dict[str, str]] = {}

    def create(
        self, session: ServerSideSession, *, limit: SessionLimit | None = None
    ) -> tuple[EndedSession, ...]:
        with self._lock:
            if session.key in self._sessions or self.find(session.session_id):
                raise SessionExistsError(
                    "the key or the session id is taken", key=session.key
                )

            others = self._live(session.subject_id, session.created_at)
            surplus = limit.making_room(others) if limit else ()
            self._add(session)

            return self._evict(surplus, session.created_at)

    def get(self, key: str) -> ServerSideSession | None:
        with self._lock:
            return self._sessions.get(key)

    def find(self, session_id: str) -> ServerSideSession | None:
        with self._lock:
            return next(
                (s for s in self._sessions.values() if s.session_id == session_id), None
            )

    def find_rotated(self, key: str) -> ServerSideSession | None:
        with self._lock:
            session_id = next(
                (s for s, old in self._previous_keys.items() if old == key), ""
            )

            return self.find(session_id)

    def find_by_subject(self, subject_id: str) -> tuple[ServerSideSession, ...]:
        with self._lock:
            found = [s for s in self._sessions.values() if s.subject_id == subject_id]

        return tuple(sorted(found, key=attrgetter("created_at", "session_id")))

    def find_expired(
        self, now: datetime, *, limit: int
    ) -> tuple[ServerSideSession, ...]:
        with self._lock:
            found = [s for s in self._sessions.values() if s.expires_at <= now]

        return tuple(sorted(found, key=attrgetter("expires_at", "session_id"))[:limit])

    def query(
        self,
        wanted: SessionFilter,
        *,
        limit: int,
        after: Position | None,
        backwards: bool = False,
    ) -> tuple[ServerSideSession, ...]:
        found = sorted(self._matching(wanted), key=_position, reverse=not backwards)

        if after is not None:
            found = [s for s in found if _is_beyond(s, after, backwards=backwards)]

        page = found[:limit]

        return tuple(reversed(page)) if backwards else tuple(page)

    def count(self, wanted: SessionFilter, *, at_most: int) -> int:
        return min(len(self._matching(wanted)), at_most)

    def update(self, key: str, session: ServerSideSession) -> None:
        with self._lock:
            current = self._sessions.get(key)

            if current is None or current.session_id != session.session_id:
                raise SessionGoneError("no session has this key", key=key)

            if session.key != key:
                self._rotate(key, session)

            self._sessions[session.key] = session

    def promote(
        self,
        key: str,
        session: ServerSideSession,
        *,
        reseal: Callable[[str, bytes], bytes | None],
        limit: SessionLimit | None = None,
    ) -> tuple[EndedSession, ...]:
        with self._lock:
            current = self._sessions.get(key)

            if current is None or current.subject_id is not None:
                raise SessionGoneError("no anonymous session has this key", key=key)

            resealed = {
                name: reseal(name, value)
                for name, value in self._data[current.session_id].items()
            }
            attributes = self._attributes[current.session_id]
            ended = self.create(session, limit=limit)
            self._remove(current)
            self._data[session.session_id] = {
                name: value for name, value in resealed.items() if value is not None
            }
            self._attributes[session.session_id] = attributes
            self._previous_keys[session.session_id] = key

        return ended

    def renew(self, key: str, *, renewed_at: datetime, expires_at: datetime) -> bool:
        with self._lock:
            session = self._sessions.get(key)

            if session is None or session.expires_at >= expires_at:
                return False

            self._sessions[key] = dataclasses.replace(
                session, renewed_at=renewed_at, expires_at=expires_at
            )

        return True

    def add_participant(
        self, participant: Participant, *, limit: SessionLimit | None = None
    ) -> tuple[EndedSession, ...]:
        with self._lock:
            known = _still_there(self._participants, participant.session_id)

            if participant.client_id in known:
                return ()

            others = self._beside(participant)
            surplus = limit.making_room(others) if limit else ()
            known[participant.client_id] = participant

            return self._evict(surplus, participant.joined_at)

    def participants(self, session_id: str) -> tuple[Participant, ...]:
        with self._lock:
            found = list(self._participants.get(session_id, {}).values())

        return tuple(sorted(found, key=attrgetter("joined_at")))

    def read_data(self, session_id: str) -> Mapping[str, bytes]:
        with self._lock:
            return dict(self._data.get(session_id, {}))

    def write_data(
        self,
        session_id: str,
        *,
        changed: Mapping[str, bytes],
        removed: Collection[str],
    ) -> None:
        with self._lock:
            kept = _still_there(self._data, session_id)

            for name in removed:
                kept.pop(name, None)

            kept.update(changed)

    def attributes(self, session_id: str) -> Mapping[str, str]:
        with self._lock:
            return dict(self._attributes.get(session_id, {}))

    def set_attribute(self, session_id: str, name: str, value: str) -> None:
        with self._lock:
            _still_there(self._attributes, session_id)[name] = value

    def unset_attribute(self, session_id: str, name: str) -> None:
        with self._lock:
            self._attributes.get(session_id, {}).pop(name, None)

    def end(
        self,
        session_id: str,
        *,
        reason: LogoutReason,
        ended_at: datetime,
        expired_at: datetime | None = None,
    ) -> EndedSession | None:
        with self._lock:
            session = self.find(session_id)

            if session is None or (expired_at and session.expires_at > expired_at):
                return None

            return self._end(session, reason, ended_at)

    def end_expired(self, now: datetime, *, limit: int) -> tuple[EndedSession, ...]:
        with self._lock:
            return tuple(
                self._end(session, session.reason_of_expiry(now), now)
                for session in self.find_expired(now, limit=limit)
            )

    def _end(
        self, session: ServerSideSession, reason: LogoutReason, ended_at: datetime
    ) -> EndedSession:
        ended = EndedSession(
            session_id=session.session_id,
            subject_id=session.subject_id,
            display_name=session.display_name,
            reason=reason,
            ended_at=ended_at,
            participants=self.participants(session.session_id),
            key=session.key,
        )
        self._remove(session)
        self._queue.owe(ended)

        return ended

    def _evict(
        self, surplus: Iterable[ServerSideSession], ended_at: datetime
    ) -> tuple[EndedSession, ...]:
        return tuple(
            self._end(session, LogoutReason.EVICTED, ended_at) for session in surplus
        )

    def _live(self, subject_id: str | None, now: datetime) -> list[ServerSideSession]:
        if subject_id is None:
            return []

        return [s for s in self.find_by_subject(subject_id) if s.expires_at > now]

    def _beside(self, participant: Participant) -> list[ServerSideSession]:
        session = self.find(participant.session_id)
        live = self._live(session.subject_id, participant.joined_at) if session else []

        return [
            other
            for other in live
            if other is not session
            and participant.client_id in self._participants[other.session_id]
        ]

    def _matching(self, wanted: SessionFilter) -> list[ServerSideSession]:
        with self._lock:
            return [s for s in self._sessions.values() if self._matches(s, wanted)]

    def _matches(self, session: ServerSideSession, wanted: SessionFilter) -> bool:
        name, beginning = session.display_name, wanted.display_name
        after, before = wanted.created_after, wanted.created_before
        clients = self._participants[session.session_id]

        attributes = self._attributes[session.session_id].items()

        return (
            wanted.anonymous in {None, session.subject_id is None}
            and (wanted.attribute is None or wanted.attribute in attributes)
            and wanted.subject_id in {None, session.subject_id}
            and wanted.session_id in {None, session.session_id}
            and (wanted.client_id is None or wanted.client_id in clients)
            and (beginning is None or (name or "").startswith(beginning))
            and (after is None or session.created_at >= after)
            and (before is None or session.created_at < before)
        )

    def _rotate(self, key: str, session: ServerSideSession) -> None:
        if session.key in self._sessions:
            raise SessionExistsError("the new key is taken", key=session.key)

        del self._sessions[key]
        self._previous_keys[session.session_id] = key

    def _add(self, session: ServerSideSession) -> None:
        self._sessions[session.key] = session
        self._participants[session.session_id] = {}
        self._data[session.session_id] = {}
        self._attributes[session.session_id] = {}

    def _remove(self, session: ServerSideSession) -> None:
        del self._sessions[session.key]
        del self._participants[session.session_id]
        del self._data[session.session_id]
        del self._attributes[session.session_id]
        self._previous_keys.pop(session.session_id, None)


def _still_there(belongings: dict[str, _T], session_id: str) -> _T:
    try:
        return belongings[session_id]
    except KeyError:
        raise SessionGoneError("the session has ended", key=session_id) from None


def _position(session: ServerSideSession) -> Position:
    return Position(created_at=session.created_at, session_id=session.session_id)


def _is_beyond(session: ServerSideSession, place: Position, *, backwards: bool) -> bool:
    here = _position(session)

    return here > place if backwards else here < place
