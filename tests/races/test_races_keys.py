"""Processes that share a file of signing keys."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from datetime import timedelta
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

from idp_session.models import SigningKeyState
from idp_session.testing import START

from . import key_workers

pytestmark = [pytest.mark.process, pytest.mark.no_cover]

ROUNDS = 25
# For how long processes wait for each other, in seconds, on a busy machine.
PATIENCE = 120
DAY = timedelta(days=1)
NEW, ACTIVE, RETIRED = SigningKeyState


@pytest.fixture(scope="module")
def context() -> ForkServerContext:
    """Processes that share nothing with this one, and begin quickly."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([key_workers.__name__])

    return context


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with keys."""
    path = tmp_path / "keys"
    key_workers.make_ring(path, START).load()

    return path


def states(path: Path, now: datetime) -> list[SigningKeyState]:
    """What a process that begins now finds."""
    return [key.state for key in key_workers.make_ring(path, now).statuses()]


@contextmanager
def two_processes(
    context: ForkServerContext, work: Callable[..., None], *arguments: Any
) -> Iterator[Any]:
    """Two processes that meet with this one before and after each round."""
    barrier = context.Barrier(3, timeout=PATIENCE)
    nodes = [
        context.Process(target=work, args=(*arguments, barrier), daemon=True)
        for _ in range(2)
    ]

    for node in nodes:
        node.start()

    yield barrier

    for node in nodes:
        node.join(PATIENCE)

    assert [node.exitcode for node in nodes] == [0, 0]


def test_two_nodes_rotate_at_once(context: ForkServerContext, path: Path) -> None:
    """Of two nodes that are told to rotate at the same moment one makes the key."""
    instants = [START + number * 8 * DAY for number in range(ROUNDS)]
    found = []

    with two_processes(context, key_workers.rotate_all, path, instants) as barrier:
        for now in instants:
            barrier.wait()
            barrier.wait()
            found.append(states(path, now))

    assert found == [[NEW, ACTIVE]] * ROUNDS


def test_two_nodes_find_a_key_too_old(context: ForkServerContext, path: Path) -> None:
    """Of two nodes that find a key too old at the same moment one makes the next."""
    instants = [START + 83 * DAY + number * 90 * DAY for number in range(ROUNDS)]
    found = []

    with two_processes(context, key_workers.read_all, path, instants) as barrier:
        for now in instants:
            barrier.wait()
            barrier.wait()
            found.append(states(path, now))

    assert found == [[NEW, ACTIVE]] * ROUNDS


def test_killed_while_writing(context: ForkServerContext, path: Path) -> None:
    """A process that is killed at any moment leaves a file that opens."""
    (first,) = key_workers.make_ring(path, START).statuses()

    for number in range(ROUNDS):
        writing = context.Event()
        writer = context.Process(
            target=key_workers.write_on, args=(path, START, writing), daemon=True
        )
        writer.start()
        assert writing.wait(PATIENCE)
        writer.join(0.0007 * number)
        writer.kill()
        writer.join()

        survivor = key_workers.make_ring(path, START)
        assert first.key_id in {key.key_id for key in survivor.statuses()}
        # Nobody has to wait for the dead one's lock, or clean up after it.
        survivor.rotate()
        assert {each.name for each in path.parent.iterdir()} == {"keys", ".keys.lock"}
