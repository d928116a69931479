"""How the stores read and write, on engines that may be the host's own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from contextlib import nullcontext
from typing import Any
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from .explicit import is_begun_explicitly
from .explicit import transaction_as
from .types import MYSQL

__all__ = [
    "autocommit",
    "execute_write",
    "run_read",
    "run_write",
    "write_transaction",
]

T = TypeVar("T")

_LEVEL = "READ COMMITTED"

#: Deadlock; record has changed since last read (MariaDB's snapshot isolation).
_MYSQL_CODES = frozenset({1213, 1020})
#: Serialization failure, deadlock.
_POSTGRESQL_CODES = frozenset({"40001", "40P01"})

#: How long MariaDB waits for a name, in seconds; nobody holds one for long.
_PATIENCE = 30

#: With so many repetitions even fifty writers on one row get through.
_REPETITIONS = 20


@contextmanager
def autocommit(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection on which each statement is a transaction of its own.

    Saves the round trips of a transaction around a single statement.
    """
    with engine.connect() as connection, _autocommitting(connection):
        yield connection


def run_read(engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
    """Read with single statements, again if the database picked one as a victim.

    As PostgreSQL does, also of those that only read, where ``SERIALIZABLE`` is usual.

    :param engine: The database.
    :param work: Called with the connection, possibly more than once.
    :returns: What ``work`` returned.
    """

    def attempt() -> T:
        with autocommit(engine) as connection:
            return work(connection)

    return _repeated(attempt)


@contextmanager
def write_transaction(
    engine: sa.Engine, *, alone_with: str | None = None, is_durable: bool = True
) -> Iterator[sa.Connection]:
    """A transaction that may read and then write.

    Each statement sees what others have committed before it. On SQLite nobody else
    writes in the meantime; elsewhere, lock what must not change.

    :param engine: The database.
    :param alone_with: Until the end, nobody else has a transaction that is to be
        alone with the same text.
    :param is_durable: Whether it has to survive the end of the machine, and not only
        that of the process.
    """
    is_sqlite = engine.dialect.name == "sqlite"

    with engine.connect() as connection:
        if not is_sqlite and not is_begun_explicitly(connection):
            connection.execution_options(isolation_level=_LEVEL)

        with (
            _autocommitting(connection) if is_sqlite else nullcontext(),
            _named(connection, alone_with),
            _synchronous(connection, is_durable=is_durable or not is_sqlite),
            _begun(connection),
        ):
            if is_sqlite:
                _begin_immediate(connection)
            elif not is_durable and engine.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")

            if alone_with is not None and engine.dialect.name == "postgresql":
                connection.execute(
                    sa.select(sa.func.pg_advisory_xact_lock(_number(alone_with)))
                )

            yield connection


def run_write(
    engine: sa.Engine,
    work: Callable[[sa.Connection], T],
    *,
    alone_with: str | None = None,
    is_durable: bool = True,
) -> T:
    """Do work in a write transaction, again if the database picked it as a victim.

    :param engine: The database.
    :param work: Called with the connection, possibly more than once.
    :param alone_with: As :func:`write_transaction` takes it.
    :param is_durable: As :func:`write_transaction` takes it.
    :returns: What ``work`` returned when it was committed.
    """

    def attempt() -> T:
        with write_transaction(
            engine, alone_with=alone_with, is_durable=is_durable
        ) as connection:
            return work(connection)

    return _repeated(attempt)


def execute_write(
    engine: sa.Engine,
    statement: sa.UpdateBase,
    values: Mapping[str, Any] | None = None,
) -> int:
    """Execute one statement that writes, again if it was picked as a victim.

    :param engine: The database.
    :param statement: The statement.
    :param values: Those of its parameters that it does not have itself.
    :returns: How many rows it matched.
    """
    statement = statement.execution_options(preserve_rowcount=True)

    def attempt() -> int:
        with autocommit(engine) as connection:
            result: sa.CursorResult[Any] = connection.execute(statement, values)
            # The host's engine may begin transactions of its own.
            connection.commit()

            return result.rowcount

    return _repeated(attempt)


def _begun(connection: sa.Connection) -> sa.RootTransaction:
    if is_begun_explicitly(connection):
        transaction_as(connection, _LEVEL)

    return connection.begin()


@contextmanager
def _autocommitting(connection: sa.Connection) -> Iterator[None]:
    if is_begun_explicitly(connection):
        transaction_as(connection, None)
        yield
        return

    if connection.dialect.name != "sqlite":
        connection.execution_options(isolation_level="AUTOCOMMIT")
        yield
        return

    # SQLAlchemy would put back what it thinks usual, and not how the host has told
    # sqlite3 to begin its transactions.
    driver: Any = connection.connection.driver_connection
    usual, driver.isolation_level = driver.isolation_level, None

    try:
        yield
    finally:
        if usual is not None:
            driver.isolation_level = usual


@contextmanager
def _named(
    connection: sa.Connection, name: str | None, *, patience: int = _PATIENCE
) -> Iterator[None]:
    # MariaDB has no lock that ends with the transaction: this one is around it.
    if name is None or connection.dialect.name not in MYSQL:
        yield
        return

    lock = _digest(f"{connection.engine.url.database} {name}").hex()
    locked = _answer(connection, sa.func.get_lock(lock, patience))

    if not locked:
        raise sa.exc.TimeoutError(f"no turn within {patience} seconds")

    try:
        yield
    finally:
        _release(connection, lock)


def _release(connection: sa.Connection, lock: str) -> None:
    # With its connection the lock has gone, too.
    if not connection.invalidated:
        _answer(connection, sa.func.release_lock(lock))


def _answer(connection: sa.Connection, question: sa.ColumnElement[Any]) -> Any:
    if is_begun_explicitly(connection):
        transaction_as(connection, None)

    answer = connection.scalar(sa.select(question))
    connection.commit()

    return answer


def _number(text: str) -> int:
    return int.from_bytes(_digest(text)[:8], signed=True)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=24).digest()


@contextmanager
def _synchronous(connection: sa.Connection, *, is_durable: bool) -> Iterator[None]:
    if is_durable:
        yield
        return

    # With a write-ahead log the next transaction that waits for the disk takes this
    # one with it; SQLite ignores the setting within a transaction.
    driver: Any = connection.connection.driver_connection
    (usual,) = driver.execute("PRAGMA synchronous").fetchone()
    (journal,) = driver.execute("PRAGMA journal_mode").fetchone()

    if journal != "wal":
        yield
        return

    driver.execute("PRAGMA synchronous = NORMAL")

    try:
        yield
    finally:
        # SQLite refuses it within a transaction, such as one whose commit has failed.
        driver.rollback()
        driver.execute(f"PRAGMA synchronous = {usual}")


def _begin_immediate(connection: sa.Connection) -> None:
    # The host's engine may have begun already, but a transaction that has not taken
    # the write lock from the start can fail as soon as somebody else has written.
    if connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]  # sqlite3
        connection.exec_driver_sql("ROLLBACK")

    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _repeated(attempt: Callable[[], T]) -> T:
    for _ in range(_REPETITIONS):
        try:
            return attempt()
        except DBAPIError as error:
            if not _is_victim(error):
                raise

    return attempt()


def _is_victim(error: DBAPIError) -> bool:
    code = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    first = next(iter(getattr(error.orig, "args", ())), None)

    # pg8000 says all that the server has said.
    if isinstance(first, Mapping):
        return first.get("C") in _POSTGRESQL_CODES

    return code in _POSTGRESQL_CODES or first in _MYSQL_CODES
