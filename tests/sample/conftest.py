"""Processes and clients that end with their test."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_port

from .clients import RecordingClient
from .clients import write_clients
from .processes import Running
from .processes import start


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts ``python -m sample_idp …`` in an empty folder."""
    running: list[Running] = []

    def run(*arguments: str) -> Running:
        running.append(start("sample_idp", *arguments, cwd=tmp_path))
        return running[-1]

    yield run

    for process in running:
        process.close()


@pytest.fixture
def shop() -> Iterator[RecordingClient]:
    client = RecordingClient("shop").start()
    yield client
    client.stop()


@pytest.fixture
def mail() -> Iterator[RecordingClient]:
    client = RecordingClient("mail").start()
    yield client
    client.stop()


@pytest.fixture
def hanging() -> Iterator[RecordingClient]:
    """A client that takes logout tokens and does not answer."""
    client = RecordingClient("hanging", hangs=True).start()
    yield client
    client.stop()


@pytest.fixture
def provider_arguments(
    tmp_path: Path, shop: RecordingClient, mail: RecordingClient
) -> tuple[str, ...]:
    """A provider that knows Shop and Mail."""
    clients = write_clients(tmp_path / "clients.json", shop, mail)

    return ("idp", "--port", str(free_port()), "--clients", str(clients))
