"""What a child process must not take over from its parent."""

from __future__ import annotations

import importlib
import os
import weakref
from typing import Protocol

__all__ = ["ForgetsItsParent", "forget_after_fork"]


class ForgetsItsParent(Protocol):
    """Has locks, threads or callbacks that belong to one process."""

    def after_fork(self) -> None:
        """Begin anew, in the child; no other thread runs there yet."""


def forget_after_fork(owner: ForgetsItsParent) -> None:
    """Have an object begin anew in every child process, as long as it lives.

    :param owner: The object, which is not kept alive by this.
    """
    _owners.add(owner)


_owners: weakref.WeakSet[ForgetsItsParent] = weakref.WeakSet()


def _forget() -> None:
    for owner in tuple(_owners):
        owner.after_fork()


os.register_at_fork(after_in_child=_forget)

# Python loads it with the first name that is looked up, which a thread does. A child
# that is forked meanwhile would find half a module, or wait for it for ever.
importlib.import_module("encodings.idna")
