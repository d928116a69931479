"""A session store that knows only the session of the current request's cookie."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from datetime import datetime
from operator import attrgetter

from ...errors import SessionExistsError
from ...errors import SessionGoneError
from ...models import EndedSession
from ...models import LogoutReason
from ...models import Participant
from ...models import ServerSideSession
from ...models import SessionLimit
from ...models import SessionOrigin
from ...ports import DeliveryQueue
from .contents import CarriedSession
from .contents import ended_session
from .contents import is_live
from .ends import WrittenEnds
from .jar import SessionJar
from .rules import check_fits
from .rules import check_free
from .unlisted import refuse_limit
from .unlisted import UnlistedSessions

__all__ = ["CookieSessionStore"]


class CookieSessionStore(UnlistedSessions):
    """A :class:`~idp_session.ports.SessionStore` whose sessions browsers keep.

    It cannot list sessions, nor end one that another browser has, and raises
    :exc:`.NotInCookieModeError` if it is asked to. What changes is kept only if the
    response reaches the browser; of two responses that race the last one counts.

    The end of a session is durable. Whoever signs in, adds a client or renews with
    the cookie of a session whose end was written down finds no session.

    :param carried: The session of the current request, ``None`` outside of one.
    :param queue: Where the ends of sessions are written down, and what is owed.
    """

    def __init__(
        self, *, carried: Callable[[], SessionJar | None], queue: DeliveryQueue
    ) -> None:
        self._carried = carried
        self._ends = WrittenEnds(queue)

    def create(
        self, session: ServerSideSession, *, limit: SessionLimit | None = None
    ) -> tuple[EndedSession, ...]:
        refuse_limit(limit)
        jar = self._jar()

        with jar.lock:
            check_free(jar, session)
            jar.put(CarriedSession(record=session))

        return ()

    def get(self, key: str) -> ServerSideSession | None:
        jar = self._carried()

        return _record(jar.get(key) if jar else None)

    def find(self, session_id: str) -> ServerSideSession | None:
        return _record(self._found(session_id))

    def is_live(
        self, session_id: str, *, now: datetime, client_id: str | None = None
    ) -> bool:
        current = self._found(session_id)

        if current is not None and not is_live(current, now=now, client_id=client_id):
            return False

        return not self._ends.has(session_id)

    def find_rotated(self, key: str) -> ServerSideSession | None:
        jar = self._carried()

        return _record(jar.find_rotated(key) if jar else None)

    def update(self, key: str, session: ServerSideSession) -> None:
        jar = self._jar()

        with jar.lock:
            current = jar.get(key)

            if current is None or current.record.session_id != session.session_id:
                raise SessionGoneError("no session has this key", key=key)

            if session.key != key and jar.get(session.key) is not None:
                raise SessionExistsError("the new key is taken", key=session.key)

            self._ends.refuse_ended(jar, current)
            changed = dataclasses.replace(current, record=session)
            jar.put(changed, instead_of=None if session.key == key else key)

    def promote(
        self,
        key: str,
        session: ServerSideSession,
        *,
        reseal: Callable[[str, bytes], bytes | None],
        limit: SessionLimit | None = None,
    ) -> tuple[EndedSession, ...]:
        refuse_limit(limit)
        jar = self._jar()

        with jar.lock:
            current = jar.get(key)

            if current is None or current.record.subject_id is not None:
                raise SessionGoneError("no anonymous session has this key", key=key)

            check_free(jar, session)
            resealed = {n: reseal(n, value) for n, value in current.data.items()}
            promoted = CarriedSession(
                record=session,
                data={n: v for n, v in resealed.items() if v is not None},
                attributes=current.attributes,
            )
            jar.put(promoted, instead_of=key)

        return ()

    def renew(
        self,
        key: str,
        *,
        renewed_at: datetime,
        expires_at: datetime,
        origin: SessionOrigin | None = None,
    ) -> bool:
        jar = self._carried()

        if jar is None:
            return False

        with jar.lock:
            current = jar.get(key)

            if current is None or current.record.expires_at >= expires_at:
                return False

            # So a cookie that came back after its session ended does not live long.
            if self._ends.taken_out(jar, current):
                return False

            renewed = current.record.renewed(
                renewed_at, expires_at=expires_at, origin=origin
            )
            jar.replace(dataclasses.replace(current, record=renewed))

        return True

    def add_participant(
        self, participant: Participant, *, limit: SessionLimit | None = None
    ) -> tuple[EndedSession, ...]:
        refuse_limit(limit)
        jar = self._jar()

        with jar.lock:
            current = self._still_there(participant.session_id)

            if any(p.client_id == participant.client_id for p in current.participants):
                return ()

            check_fits(participant)
            self._ends.refuse_ended(jar, current)
            joined = (*current.participants, participant)
            jar.put(dataclasses.replace(current, participants=joined))

        return ()

    def participants(self, session_id: str) -> tuple[Participant, ...]:
        current = self._found(session_id)
        found = current.participants if current else ()

        return tuple(sorted(found, key=attrgetter("joined_at")))

    def read_data(self, session_id: str) -> Mapping[str, bytes]:
        current = self._found(session_id)

        return dict(current.data) if current else {}

    def write_data(
        self,
        session_id: str,
        *,
        changed: Mapping[str, bytes],
        removed: Collection[str],
    ) -> None:
        jar = self._jar()

        with jar.lock:
            current = self._still_there(session_id)
            kept = {n: v for n, v in current.data.items() if n not in removed}
            jar.put(dataclasses.replace(current, data={**kept, **changed}))

    def attributes(self, session_id: str) -> Mapping[str, str]:
        current = self._found(session_id)

        return dict(current.attributes) if current else {}

    def set_attribute(self, session_id: str, name: str, value: str) -> None:
        jar = self._jar()

        with jar.lock:
            current = self._still_there(session_id)
            attributes = {**current.attributes, name: value}
            jar.put(dataclasses.replace(current, attributes=attributes))

    def unset_attribute(self, session_id: str, name: str) -> None:
        jar = self._carried()

        if jar is None:
            return

        with jar.lock:
            current = jar.find(session_id)

            if current is not None:
                left = {n: v for n, v in current.attributes.items() if n != name}
                jar.replace(dataclasses.replace(current, attributes=left))

    def end(
        self,
        session_id: str,
        *,
        reason: LogoutReason,
        ended_at: datetime,
        expired_at: datetime | None = None,
        notify: bool = True,
    ) -> EndedSession | None:
        jar = self._carried()

        if jar is None:
            self._ends.check_ended(session_id)
            return None

        with jar.lock:
            current = jar.find(session_id)

            if current is None:
                self._ends.check_ended(session_id)
                return None

            if expired_at and current.record.expires_at > expired_at:
                return None

            ended = ended_session(current, reason, ended_at, notify=notify)
            # Before the cookie goes: if this fails, the browser keeps its session.
            is_first = self._ends.write(ended)
            jar.remove(current.record.key)

        return ended if is_first else None

    def _jar(self) -> SessionJar:
        jar = self._carried()

        if jar is None:
            raise RuntimeError(
                'with IDP_SESSION_TICKETS = "cookie" sessions are in the cookies of'
                " requests; this works only while one is answered"
            )

        return jar

    def _found(self, session_id: str) -> CarriedSession | None:
        jar = self._carried()

        return jar.find(session_id) if jar else None

    def _still_there(self, session_id: str) -> CarriedSession:
        current = self._found(session_id)

        if current is None:
            raise SessionGoneError("the session has ended", key=session_id)

        return current


def _record(current: CarriedSession | None) -> ServerSideSession | None:
    return None if current is None else current.record
