"""People who visit sites of others."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator

import pytest

from .field import Field
from .visitor import Visitor

NewVisitor = Callable[[Field], Visitor]


@pytest.fixture
def new_visitor() -> Iterator[NewVisitor]:
    """People whose browsers know nobody."""
    visitors: list[Visitor] = []

    def new_visitor(field: Field) -> Visitor:
        visitors.append(Visitor(field.provider))
        return visitors[-1]

    yield new_visitor

    for visitor in visitors:
        visitor.close()
