"""Where rows find files, databases and other services."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa

from idp_session.stores.sql import create_engine
from idp_session.stores.sql import upgrade

from ..services import scratch_database
from ..unit.caches import scratch_redis

__all__ = ["DATABASE_NAMES", "Bench", "UnavailableError"]

#: How the databases are called in the tables.
DATABASE_NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL", "mariadb": "MariaDB"}

_MODULES = Path(__file__).with_name("node_modules")


class UnavailableError(Exception):
    """A service is not there: the row says so, and is not broken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """What a row is given."""

    #: An empty folder, removed afterwards.
    directory: Path
    #: Whether rough figures are enough.
    is_quick: bool = False

    def few(self, usual: int, *, quick: int) -> int:
        """How much of something: the usual, or less if rough figures are enough."""
        return quick if self.is_quick else usual

    @contextmanager
    def database(self, name: str) -> Iterator[sa.URL]:
        """A database without tables, removed afterwards.

        :param name: One of ``DATABASE_NAMES``.
        :raises UnavailableError: If it does not answer.
        """
        try:
            with scratch_database(name, self.directory) as url:
                yield url
        except pytest.skip.Exception as skipped:
            raise UnavailableError(f"no {DATABASE_NAMES[name]}") from skipped

    @contextmanager
    def engine(self, name: str) -> Iterator[sa.Engine]:
        """The same with our tables, on an engine of ours.

        :param name: One of ``DATABASE_NAMES``.
        :raises UnavailableError: If it does not answer.
        """
        with self.database(name) as url:
            engine = create_engine(url)
            upgrade(engine)

            try:
                yield engine
            finally:
                engine.dispose()

    @contextmanager
    def redis(self) -> Iterator[tuple[redis.Redis, str]]:
        """A client, and a prefix that nobody else has; what has it is removed.

        :raises UnavailableError: If there is no server.
        """
        try:
            with scratch_redis() as (client, prefix):
                yield client, prefix
        except pytest.skip.Exception as skipped:
            raise UnavailableError("no Redis") from skipped

    def node(self, package: str) -> str:
        """The program ``node``, with a package of npm beside the benchmarks.

        :param package: Which.
        :raises UnavailableError: If one of them is missing.
        """
        program = shutil.which("node")

        if program is None:
            raise UnavailableError("no Node")

        if not (_MODULES / package).is_dir():
            raise UnavailableError(f"no {package}: npm has not installed it")

        return program
