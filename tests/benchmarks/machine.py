"""On what the figures were taken."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version
from pathlib import Path

import sqlalchemy as sa

from .places import Bench
from .places import DATABASE_NAMES
from .places import UnavailableError

__all__ = ["description"]

_PACKAGES = (
    "Flask",
    "Flask-Login",
    "Flask-Session",
    "Django",
    "SQLAlchemy",
    "cryptography",
    "joserfc",
    "pycurl",
    "requests",
    "gunicorn",
)
_VERSIONS = {
    "sqlite": "SELECT sqlite_version()",
    "postgres": "SHOW server_version",
    "mariadb": "SELECT VERSION()",
}


def description() -> str:
    """Processor, system, and the versions of everybody who took part."""
    cores = os.cpu_count()
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    parts = [
        f"{_processor()} with {cores} cores, {system}, Python"
        f" {platform.python_version()}",
        *_services(),
        *_packages(),
    ]

    return ", ".join(parts)


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()

    return platform.machine()


def _services() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(directory=Path(folder))

        for name, query in _VERSIONS.items():
            with suppress(UnavailableError), bench.database(name) as url:
                engine = sa.create_engine(url, poolclass=sa.NullPool)

                with engine.connect() as connection:
                    found = str(connection.scalar(sa.text(query)))

                yield f"{DATABASE_NAMES[name]} {found.split()[0].partition('-')[0]}"

        with suppress(UnavailableError), bench.redis() as (client, _):
            yield f"Redis {client.info('server')['redis_version']}"

    if program := shutil.which("node"):
        said = subprocess.check_output([program, "--version"], text=True)
        yield f"Node {said.strip().removeprefix('v')}"


def _packages() -> Iterator[str]:
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            yield f"{name} {version(name)}"
