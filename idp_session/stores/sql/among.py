"""Conditions that compare a column with any number of texts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

__all__ = ["among"]


def among(
    column: sa.Column[Any], name: str, *, dialect_name: str
) -> sa.ColumnElement[bool]:
    """Whether a column has one of the texts in a list.

    :param column: Which.
    :param name: Of the parameter, whose value is the list.
    :param dialect_name: Of which database.
    """
    if dialect_name == "postgresql":
        # One parameter for all of them, so that each list has the same statement: it
        # is prepared once, and planned once.
        texts = sa.bindparam(name, type_=sa.ARRAY(sa.String()))

        return column == sa.any_(texts)

    return column.in_(sa.bindparam(name, type_=sa.String(), expanding=True))
