"""What a child process must not take over from its parent."""

from __future__ import annotations

import importlib
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["ForgetsItsParent", "NotForked", "forget_after_fork"]

#: How many seconds a fork waits for work that takes longer than it should.
_PATIENCE = 1.0


class ForgetsItsParent(Protocol):
    """Has locks, threads or callbacks that belong to one process."""

    def after_fork(self) -> None:
        """Begin anew, in the child; no other thread runs there yet."""


def forget_after_fork(owner: ForgetsItsParent) -> None:
    """Have an object begin anew in every child process, as long as it lives.

    :param owner: The object, which is not kept alive by this.
    """
    _owners.add(owner)


class _Forking(threading.local):
    """Whether a thread that forks has the lock: several may fork at the same time."""

    has_lock = False


class NotForked:
    """Work in the middle of which no child process should begin.

    A library may hold locks meanwhile, which nobody would release in the child. Who
    forks waits until the work is done, and no longer than a second.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forking = _Forking()
        _not_forked.add(self)

    @contextmanager
    def working(self) -> Iterator[None]:
        """In the block no child begins; one thread is in it at a time."""
        # In a child that the work itself forks, another lock is in its place by the end.
        with self._lock:
            yield

    def before_fork(self) -> None:
        """Wait for the work, in the thread that forks."""
        self._forking.has_lock = self._lock.acquire(timeout=_PATIENCE)

    def after_fork_in_parent(self) -> None:
        """Let the work go on."""
        if self._forking.has_lock:
            self._forking.has_lock = False
            self._lock.release()

    def after_fork(self) -> None:
        """Begin anew, in the child."""
        self._lock = threading.Lock()


_owners: weakref.WeakSet[ForgetsItsParent] = weakref.WeakSet()
_not_forked: weakref.WeakSet[NotForked] = weakref.WeakSet()


def _wait() -> None:
    for work in tuple(_not_forked):
        work.before_fork()


def _go_on() -> None:
    for work in tuple(_not_forked):
        work.after_fork_in_parent()


def _forget() -> None:
    for owner in (*_not_forked, *_owners):
        owner.after_fork()


os.register_at_fork(before=_wait, after_in_parent=_go_on, after_in_child=_forget)

# Python loads it with the first name that is looked up, which a thread does. A child
# that is forked meanwhile would find half a module, or wait for it for ever.
importlib.import_module("encodings.idna")
