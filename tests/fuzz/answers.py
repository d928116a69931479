"""Answers of Flask's test client, as promises look at them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from werkzeug.test import TestResponse

from .promises import LogBook

__all__ = ["ClientAnswer", "logging_to_a_book"]

_EVENTS = "text/event-stream"


@dataclass(frozen=True)
class ClientAnswer:
    """A response; of a stream of events only the headers."""

    response: TestResponse

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def headers(self) -> list[tuple[str, str]]:
        return list(self.response.headers)

    @property
    def body(self) -> bytes:
        return b"" if self.response.mimetype == _EVENTS else self.response.data


@contextmanager
def logging_to_a_book() -> Iterator[LogBook]:
    """All that is logged meanwhile."""
    book = LogBook()
    root = logging.getLogger()
    root.addHandler(book)

    try:
        yield book
    finally:
        root.removeHandler(book)
