"""Column types that mean the same on every database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from datetime import timedelta
from datetime import UTC
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

__all__ = [
    "MYSQL",
    "BinaryLarge",
    "Duration",
    "ExactString",
    "GrowingId",
    "Instant",
    "ordered_string",
]

#: The names under which SQLAlchemy speaks to MariaDB and MySQL.
MYSQL = ("mysql", "mariadb")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(sa.TypeDecorator[datetime]):
    """An aware UTC datetime, kept as microseconds since the epoch.

    A naive datetime is refused with ``ValueError``.
    """

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(
        self, value: datetime | None, dialect: sa.Dialect
    ) -> int | None:
        """To microseconds since the epoch."""
        if value is None:
            return None

        if value.utcoffset() is None:
            raise ValueError("an instant must be an aware datetime")

        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(
        self, value: int | None, dialect: sa.Dialect
    ) -> datetime | None:
        """From microseconds since the epoch."""
        return _instant_of(value)

    def result_processor(
        self, dialect: sa.Dialect, coltype: object
    ) -> Callable[[int | None], datetime | None]:
        """The same without SQLAlchemy in between: every request needs several."""
        return _instant_of


def _instant_of(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + microseconds * _MICROSECOND


class Duration(sa.TypeDecorator[timedelta]):
    """A timedelta, kept as microseconds."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(
        self, value: timedelta | None, dialect: sa.Dialect
    ) -> int | None:
        """To microseconds."""
        return None if value is None else value // _MICROSECOND

    def process_result_value(
        self, value: int | None, dialect: sa.Dialect
    ) -> timedelta | None:
        """From microseconds."""
        return None if value is None else value * _MICROSECOND


class ExactString(sa.TypeDecorator[str]):
    """A string that equals only itself: neither case nor trailing space is ignored.

    :param length: How many characters fit.
    """

    impl = sa.String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """The type with a collation that compares bytes, where one must be named."""
        if dialect.name not in MYSQL:
            return dialect.type_descriptor(sa.String(self.length))

        # utf8mb4_bin would pad with spaces before it compares.
        exact = _collation(is_mariadb=getattr(dialect, "is_mariadb", False))

        return dialect.type_descriptor(
            mysql.VARCHAR(self.length, charset="utf8mb4", collation=exact)
        )


def _collation(*, is_mariadb: bool) -> str:
    return "utf8mb4_nopad_bin" if is_mariadb else "utf8mb4_0900_bin"


def ordered_string(length: int) -> ExactString:
    """An :class:`ExactString` that is ordered by the numbers of its characters.

    Only then does an index lead to what begins with something.

    :param length: How many characters fit.
    """
    # Elsewhere the exact ones are ordered so already.
    ordered = sa.VARCHAR(length, collation="C")

    return ExactString(length).with_variant(ordered, "postgresql")


#: Bytes, up to 16 MiB.
BinaryLarge = sa.LargeBinary().with_variant(mysql.MEDIUMBLOB(), *MYSQL)

#: A number that the database counts up. SQLite counts only what it calls INTEGER.
GrowingId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
