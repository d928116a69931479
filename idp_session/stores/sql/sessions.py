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
from ...models import Departure
from ...models import EndedSession
from ...models import LogoutReason
from ...models import Participant
from ...models import ServerSideSession
from ...models import SessionLimit
from ...models import SessionOrigin
from . import keeping
from . import rows
from .endings import end_locked
from .endings import expired
from .endings import locked
from .endings import still_there
from .leaving import leave
from .limits import create_within
from .limits import join_within
from .lookups import SqlLookups
from .participation import joining
from .participation import joining_values
from .participation import participants_query
from .prepared import PreparedQuery
from .prepared_writes import PreparedWrite
from .promotion import promote
from .schema import sessions
from .transactions import execute_write
from .transactions import run_read
from .transactions import run_write

__all__ = ["SqlSessionStore"]

_INSERT = sa.insert(sessions).values(
    {column.name: sa.bindparam(column.name) for column in rows.SESSION_COLUMNS}
)
#: Of so many rows it is known what was made of them.
_MOST_KNOWN = 1024
_PARTICIPANTS = participants_query(sa.bindparam("wanted", type_=sa.String()))


class SqlSessionStore(SqlLookups):
    """A :class:`~idp_session.ports.SessionStore` in a database.

    What it owes to clients is found in the :class:`.SqlDeliveryQueue` on the same
    database. Identifiers that are longer than their columns are refused with
    ``ValueError``; names, addresses and user agents are cut off.

    :param engine: SQLite, PostgreSQL, MariaDB or MySQL; from :func:`.create_engine`
        or the host's own. The tables are made by :func:`.upgrade`.
    """

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__(engine)
        self._insert = PreparedWrite(engine, _INSERT)
        self._join = PreparedWrite(engine, joining(dialect_name=engine.dialect.name))
        self._participants = PreparedQuery(
            self._reader, _PARTICIPANTS, rows.participant_of, remembered=_MOST_KNOWN
        )

    def create(
        self, session: ServerSideSession, *, limit: SessionLimit | None = None
    ) -> tuple[EndedSession, ...]:
        try:
            return self._create(session, limit)
        except IntegrityError:
            # The words of the database would show the key in a traceback.
            raise SessionExistsError(
                "the key or the session id is taken", key=session.key
            ) from None

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
        except IntegrityError:
            raise SessionExistsError("the new key is taken", key=session.key) from None

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
        try:
            return run_write(
                self._engine,
                lambda connection: promote(
                    connection, key, session, reseal=reseal, limit=limit
                ),
                alone_with=session.subject_id if limit else None,
            )
        except IntegrityError:
            raise SessionExistsError(
                "the new key or session id is taken", key=session.key
            ) from None

    def renew(
        self,
        key: str,
        *,
        renewed_at: datetime,
        expires_at: datetime,
        origin: SessionOrigin | None = None,
    ) -> bool:
        statement = (
            sa.update(sessions)
            .where(sessions.c.key == key, sessions.c.expires_at < expires_at)
            .values(renewed_at=renewed_at, expires_at=expires_at)
            .values(rows.origin_values(origin) if origin else {})
        )

        return execute_write(self._engine, statement) == 1

    def add_participant(
        self, participant: Participant, *, limit: SessionLimit | None = None
    ) -> tuple[EndedSession, ...]:
        if limit is not None:
            return self._join_within(participant, limit)

        try:
            written = self._join.execute(joining_values(participant))
        except IntegrityError as error:
            # PostgreSQL saw the session, and then its end before the row was in.
            self._check_exists(participant.session_id, cause=error)
            raise

        # Nothing is written for a client that is known, nor when the session is gone.
        if not written:
            self._check_exists(participant.session_id)

        return ()

    def participants(self, session_id: str) -> tuple[Participant, ...]:
        return self._participants.all(wanted=session_id)

    def read_data(self, session_id: str) -> Mapping[str, bytes]:
        return run_read(
            self._engine, lambda connection: keeping.data_of(connection, session_id)
        )

    def write_data(
        self,
        session_id: str,
        *,
        changed: Mapping[str, bytes],
        removed: Collection[str],
    ) -> None:
        def work(connection: sa.Connection) -> None:
            still_there(connection, session_id)
            keeping.write_data(connection, session_id, changed, removed)

        run_write(self._engine, work)

    def attributes(self, session_id: str) -> Mapping[str, str]:
        return run_read(
            self._engine,
            lambda connection: keeping.attributes_of(connection, session_id),
        )

    def set_attribute(self, session_id: str, name: str, value: str) -> None:
        def work(connection: sa.Connection) -> None:
            still_there(connection, session_id)
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
        notify: bool = True,
    ) -> EndedSession | None:
        def work(connection: sa.Connection) -> EndedSession | None:
            session = locked(connection, session_id, expired_at=expired_at)

            if session is None:
                return None

            (ended,) = end_locked(
                connection,
                [session],
                reason=lambda _: reason,
                ended_at=ended_at,
                notify=notify,
            )

            return ended

        return run_write(self._engine, work)

    def leave(
        self,
        session_id: str,
        *,
        client_ids: Collection[str],
        reason: LogoutReason,
        left_at: datetime,
        notify: bool = True,
    ) -> Departure | None:
        return run_write(
            self._engine,
            lambda connection: leave(
                connection,
                session_id,
                client_ids=client_ids,
                reason=reason,
                left_at=left_at,
                notify=notify,
            ),
        )

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

        self._insert.execute(rows.session_values(session))

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

    def _check_exists(
        self, session_id: str, *, cause: IntegrityError | None = None
    ) -> None:
        if self.find(session_id) is None:
            raise SessionGoneError("the session has ended", key=session_id) from cause
