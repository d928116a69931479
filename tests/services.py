"""The databases and other services that some tests need."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
import sqlalchemy as sa

from idp_session.stores.sql import create_engine

__all__ = ["DATABASES", "scratch_database", "unavailable"]

DATABASES = ("sqlite", "postgres", "mariadb")

_POSTGRES = os.environ.get(
    "IDP_SESSION_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/test"
)
# Without TLS: PyMySQL reads all certificates of the machine for each connection.
_MARIADB = os.environ.get(
    "IDP_SESSION_TEST_MARIADB",
    "mysql+pymysql://root@127.0.0.1:3306/test?ssl_disabled=true",
)


def unavailable(name: str, reason: str) -> NoReturn:
    """Skip the test, or fail it if IDP_SESSION_REQUIRE names the service."""
    required = os.environ.get("IDP_SESSION_REQUIRE", "").split(",")

    if name in [each.strip() for each in required]:
        pytest.fail(f"{name} is required, but {reason}")

    pytest.skip(f"{name}: {reason}")


@contextmanager
def scratch_database(name: str, directory: Path) -> Iterator[sa.URL]:
    """A database without tables, removed afterwards."""
    scratch = f"idp_session_{secrets.token_hex(6)}"

    if name == "sqlite":
        yield sa.URL.create("sqlite", database=str(directory / f"{scratch}.sqlite"))
    elif name == "postgres":
        with _made(name, _POSTGRES, sa.schema.CreateSchema(scratch)) as admin:
            try:
                options = {"options": f"-csearch_path={scratch}"}
                yield admin.url.update_query_dict(options)
            finally:
                _execute(admin, sa.schema.DropSchema(scratch, cascade=True))
    else:
        with _made(name, _MARIADB, sa.text(f"CREATE DATABASE {scratch}")) as admin:
            try:
                yield admin.url.set(database=scratch)
            finally:
                _execute(admin, sa.text(f"DROP DATABASE {scratch}"))


@contextmanager
def _made(name: str, url: str, statement: sa.Executable) -> Iterator[sa.Engine]:
    admin = create_engine(url, poolclass=sa.NullPool)

    try:
        _execute(admin, statement)
    except (sa.exc.OperationalError, ModuleNotFoundError) as error:
        unavailable(name, f"{admin.url!r} does not answer: {type(error).__name__}")

    yield admin


def _execute(engine: sa.Engine, statement: sa.Executable) -> None:
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(statement)
