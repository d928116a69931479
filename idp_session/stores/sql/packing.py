"""Rows that come in few columns, from drivers that take long over each of them."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from .types import MYSQL

__all__ = ["is_worth_packing", "packed", "unpacked"]


def is_worth_packing(dialect: sa.Dialect) -> bool:
    """Whether a driver takes longer over a column than the database over all of them.

    PyMySQL reads in Python what the server says of each column, with every result.

    :param dialect: Of which database and driver.
    """
    return dialect.name in MYSQL and dialect.driver == "pymysql"


def packed(
    query: sa.Select[*tuple[object, ...]],
) -> sa.Select[*tuple[object, ...]]:
    """A query whose rows have everything but bytes in one column, as a JSON array.

    :param query: Of columns that are numbers, strings or bytes in the database.
    :raises ValueError: If bytes are not its last columns.
    """
    columns = list(query.selected_columns)
    texts = [column for column in columns if not _is_bytes(column)]
    rest = columns[len(texts) :]

    if not all(map(_is_bytes, rest)):
        raise ValueError("bytes must be the last columns")

    return query.with_only_columns(sa.func.json_array(*texts), *rest)


def unpacked(row: tuple[Any, ...]) -> list[Any]:
    """The columns of a row of a packed query, in the order that they had before.

    :param row: As the driver returned it.
    """
    return [*json.loads(row[0]), *row[1:]]


def _is_bytes(column: sa.ColumnElement[Any]) -> bool:
    return isinstance(column.type, sa.LargeBinary)
