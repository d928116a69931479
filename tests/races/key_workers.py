"""What the processes do that share a file of keys; importable by a fresh interpreter."""

from __future__ import annotations

from datetime import datetime
from datetime import timedelta
from multiprocessing.synchronize import Barrier
from multiprocessing.synchronize import Event
from pathlib import Path

from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.adapters.key_ring import KeyRing
from idp_session.testing import ManualClock

__all__ = ["make_ring", "read_all", "rotate_all", "write_on"]


def make_ring(path: Path, now: datetime) -> KeyRing:
    """A ring with one quick kind of key, whose time stands still."""
    return KeyRing(
        path,
        protector=AesGcmTicketProtector("0123456789abcdef"),
        algorithms=["ES256"],
        retire_after=timedelta(days=1),
        clock=ManualClock(now),
    )


def rotate_all(path: Path, instants: list[datetime], barrier: Barrier) -> None:
    """Rotate by hand at each of these instants, all processes at once."""
    for now in instants:
        ring = make_ring(path, now)
        barrier.wait()
        ring.rotate()
        barrier.wait()


def read_all(path: Path, instants: list[datetime], barrier: Barrier) -> None:
    """Have the age of the keys looked at, all processes at once."""
    for now in instants:
        ring = make_ring(path, now)
        barrier.wait()
        ring.load()
        barrier.wait()


def write_on(path: Path, now: datetime, writing: Event) -> None:
    """Write the file again and again until killed."""
    ring = make_ring(path, now)
    ring.load()
    writing.set()

    while True:
        ring.rotate()
