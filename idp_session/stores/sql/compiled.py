"""Statements in the words of one driver."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler

__all__ = ["CompiledStatement"]


class CompiledStatement:
    """A statement that is compiled once, for a driver and not for SQLAlchemy.

    :param statement: Its parameters have names; those without a value are given later.
    :param dialect: Of which database and driver.
    """

    def __init__(
        self,
        statement: sa.Select[*tuple[object, ...]] | sa.UpdateBase,
        dialect: sa.Dialect,
    ) -> None:
        compiled = statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101  # for type checkers
        #: What the driver executes.
        self.text = str(compiled)
        self._order = tuple(compiled.positiontup or ()) if compiled.positional else None
        self._own = {
            name: bound.effective_value
            for name, bound in compiled.binds.items()
            if not bound.required
        }
        self._processors = tuple(
            (name, process)
            for name, bound in compiled.binds.items()
            if (process := _processor(bound, dialect))
        )

    def parameters(self, values: Mapping[str, Any]) -> Any:
        """What the driver executes it with.

        :param values: By the names of the parameters that have none themselves.
        """
        given = {**self._own, **values}

        for name, process in self._processors:
            given[name] = process(given[name])

        if self._order is None:
            return given

        return tuple(map(given.__getitem__, self._order))


def _processor(bound: sa.BindParameter[Any], dialect: sa.Dialect) -> Any:
    return bound.type.dialect_impl(dialect).bind_processor(dialect)
