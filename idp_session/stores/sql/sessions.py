"""Sessions and who takes part in them."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from ...errors import SessionExistsError
from ...errors import SessionGoneError
from ...models import EndedSession
from ...models import LogoutReason
from ...models import Participant
from ...models import Position
from ...models import ServerSideSession
from ...models import SessionFilter
from ...models import SessionLimit
from . import keeping
from . import rows
from .endings import end_locked
from .endings import expired
from .endings import locked
from .endings import remove
from .limits import create_within
from .limits import join_within
from .limits import make_room
from .participation import joining
from .participation import participants_of
from .schema import sessions
from .searching import matching
from .searching import page
from .transactions import autocommit
from .transactions import execute_write
from .transactions import run_write

__all__ = ["SqlSessionStore"]

_SELECT = sa.select(*rows.SESSION_COLUMNS)


class SqlSessionStore:
    """A :class:`~idp_session.ports.SessionStore` in a database.

    What it owes to clients is found in the :class:`.SqlDeliveryQueue` on the same
    database. Identifiers that are longer than their columns are refused with
    ``ValueError``; names, addresses and user agents are cut off.

    :param engine: SQLite, PostgreSQL, MariaDB or MySQL; from :func:`.create_engine`
        or the host's own. The tables are made by :func:`.upgrade`.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def create(
        self, session: ServerSideSession, *, limit: SessionLimit | None = None
    ) -> tuple[EndedSession, ...]:
        try:
            return self._create(session, limit)
        except IntegrityError as error:
            raise SessionExistsError(
                "the key or the session id is taken", key=session.key
            ) from error

    def get(self, key: str) -> ServerSideSession | None:
        return self._first(_SELECT.where(sessions.c.key == key))

    def find(self, session_id: str) -> ServerSideSession | None:
        return self._first(_SELECT.where(sessions.c.session_id == session_id))

    def find_rotated(self, key: str) -> ServerSideSession | None:
        return self._first(_SELECT.where(sessions.c.previous_key == key))

    def find_by_subject(self, subject_id: str) -> tuple[ServerSideSession, ...]:
        return self._all(
            _SELECT.where(sessions.c.subject_id == subject_id).order_by(
                sessions.c.created_at, sessions.c.session_id
            )
        )

    def find_expired(
        self, now: datetime, *, limit: int
    ) -> tuple[ServerSideSession, ...]:
        return self._all(
            _SELECT.where(sessions.c.expires_at <= now)
            .order_by(sessions.c.expires_at, sessions.c.session_id)
            .limit(limit)
        )

    def query(
        self,
        wanted: SessionFilter,
        *,
        limit: int,
        after: Position | None,
        backwards: bool = False,
    ) -> tuple[ServerSideSession, ...]:
        found = self._all(
            page(matching(wanted), limit=limit, after=after, backwards=backwards)
        )

        return found[::-1] if backwards else found

    def count(self, wanted: SessionFilter, *, at_most: int) -> int:
        counted = matching(wanted).with_only_columns(sessions.c.key).limit(at_most)
        query = sa.select(sa.func.count()).select_from(counted.subquery())

        with autocommit(self._engine) as connection:
            return connection.execute(query).scalar_one()

    def update(self, key: str, session: ServerSideSession) -> None:
        values = rows.session_values(session)

        if session.key != key:
            values["previous_key"] = key

        statement = (
            sa.update(sessions)
            .where(sessions.c.key == key, sessions.c.session_id == session.session_id)
            .values(values)
        )

        try:
            matched = execute_write(self._engine, statement)
        except IntegrityError as error:
            raise SessionExistsError("the new key is taken", key=session.key) from error

        if not matched:
            raise SessionGoneError("no session has this key", key=key)

    def promote(
        self,
        key: str,
        session: ServerSideSession,
        *,
        reseal: Callable[[str, bytes], bytes | None],
        limit: SessionLimit | None = None,
    ) -> tuple[EndedSession, ...]:
        values = {**rows.session_values(session), "previous_key": key}

        def work(connection: sa.Connection) -> tuple[EndedSession, ...]:
            old = _anonymous(connection, key)
            ended = make_room(connection, session, limit) if limit else ()
            connection.execute(sa.insert(sessions).values(values))
            keeping.move(connection, old, to=session.session_id, reseal=reseal)
            remove(connection, [old])

            return ended

        alone_with = session.subject_id if limit else None

        try:
            return run_write(self._engine, work, alone_with=alone_with)
        except IntegrityError as error:
            raise SessionExistsError(
                "the new key or session id is taken", key=session.key
            ) from error

    def renew(self, key: str, *, renewed_at: datetime, expires_at: datetime) -> bool:
        statement = (
            sa.update(sessions)
            .where(sessions.c.key == key, sessions.c.expires_at < expires_at)
            .values(renewed_at=renewed_at, expires_at=expires_at)
        )

        return execute_write(self._engine, statement) == 1

    def add_participant(
        self, participant: Participant, *, limit: SessionLimit | None = None
    ) -> tuple[EndedSession, ...]:
        if limit is not None:
            return self._join_within(participant, limit)

        statement = joining(participant, dialect_name=self._engine.dialect.name)

        try:
            written = execute_write(self._engine, statement)
        except IntegrityError as error:
            # PostgreSQL saw the session, and then its end before the row was in.
            self._check_exists(participant.session_id, cause=error)
            raise

        # Nothing is written for a client that is known, nor when the session is gone.
        if not written:
            self._check_exists(participant.session_id)

        return ()

    def participants(self, session_id: str) -> tuple[Participant, ...]:
        with autocommit(self._engine) as connection:
            return participants_of(connection, session_id)

    def read_data(self, session_id: str) -> Mapping[str, bytes]:
        with autocommit(self._engine) as connection:
            return keeping.data_of(connection, session_id)

    def write_data(
        self,
        session_id: str,
        *,
        changed: Mapping[str, bytes],
        removed: Collection[str],
    ) -> None:
        def work(connection: sa.Connection) -> None:
            _still_there(connection, session_id)
            keeping.write_data(connection, session_id, changed, removed)

        run_write(self._engine, work)

    def attributes(self, session_id: str) -> Mapping[str, str]:
        with autocommit(self._engine) as connection:
            return keeping.attributes_of(connection, session_id)

    def set_attribute(self, session_id: str, name: str, value: str) -> None:
        def work(connection: sa.Connection) -> None:
            _still_there(connection, session_id)
            keeping.write_attribute(connection, session_id, name, value)

        run_write(self._engine, work)

    def unset_attribute(self, session_id: str, name: str) -> None:
        execute_write(self._engine, keeping.without_attribute(session_id, name))

    def end(
        self,
        session_id: str,
        *,
        reason: LogoutReason,
        ended_at: datetime,
        expired_at: datetime | None = None,
    ) -> EndedSession | None:
        def work(connection: sa.Connection) -> EndedSession | None:
            session = locked(connection, session_id, expired_at=expired_at)

            if session is None:
                return None

            (ended,) = end_locked(
                connection, [session], reason=lambda _: reason, ended_at=ended_at
            )

            return ended

        return run_write(self._engine, work)

    def end_expired(self, now: datetime, *, limit: int) -> tuple[EndedSession, ...]:
        def work(connection: sa.Connection) -> tuple[EndedSession, ...]:
            return end_locked(
                connection,
                expired(connection, now, limit=limit),
                reason=lambda session: session.reason_of_expiry(now),
                ended_at=now,
            )

        return run_write(self._engine, work)

    def _create(
        self, session: ServerSideSession, limit: SessionLimit | None
    ) -> tuple[EndedSession, ...]:
        if limit is not None:
            return run_write(
                self._engine,
                lambda connection: create_within(connection, session, limit),
                alone_with=session.subject_id,
            )

        execute_write(
            self._engine, sa.insert(sessions).values(rows.session_values(session))
        )

        return ()

    def _join_within(
        self, participant: Participant, limit: SessionLimit
    ) -> tuple[EndedSession, ...]:
        session = self.find(participant.session_id)

        if session is None:
            raise SessionGoneError("the session has ended", key=participant.session_id)

        return run_write(
            self._engine,
            lambda connection: join_within(connection, participant, limit),
            alone_with=session.subject_id,
        )

    def _first(self, query: sa.Select[*tuple[object, ...]]) -> ServerSideSession | None:
        return next(iter(self._all(query)), None)

    def _all(
        self, query: sa.Select[*tuple[object, ...]]
    ) -> tuple[ServerSideSession, ...]:
        with autocommit(self._engine) as connection:
            return tuple(map(rows.session_from, connection.execute(query).mappings()))

    def _check_exists(
        self, session_id: str, *, cause: IntegrityError | None = None
    ) -> None:
        if self.find(session_id) is None:
            raise SessionGoneError("the session has ended", key=session_id) from cause


def _still_there(connection: sa.Connection, session_id: str) -> None:
    # Whoever writes, moves or removes what a session keeps waits here in line.
    if locked(connection, session_id) is None:
        raise SessionGoneError("the session has ended", key=session_id)


def _anonymous(connection: sa.Connection, key: str) -> str:
    query = (
        sa.select(sessions.c.session_id)
        .where(sessions.c.key == key, sessions.c.subject_id.is_(None))
        .with_for_update()
    )
    session_id: str | None = connection.execute(query).scalar_one_or_none()

    if session_id is None:
        raise SessionGoneError("no anonymous session has this key", key=key)

    return session_id
