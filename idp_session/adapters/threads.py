"""Threads that nobody waits for at the end of the process."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic
from typing import TypeVar

from .forks import forget_after_fork

__all__ = ["DaemonThreads"]

# A thread that has had nothing to do for so long ends.
_IDLE_SECONDS = 30.0


J = TypeVar("J", bound=Callable[[], object])


class DaemonThreads(Generic[J]):
    """Does jobs, several at once, in threads that start and end as they are needed.

    A forked child has none until it is given a job.

    :param name: What the threads are called.
    :param at_most: How many there are at the most.
    """

    def __init__(self, *, name: str, at_most: int) -> None:
        self._name = name
        self._at_most = at_most
        self.after_fork()
        forget_after_fork(self)

    def run(self, job: J) -> None:
        """Have a job done soon.

        :param job: Called in one of the threads; must not raise.
        :raises RuntimeError: If there is no thread to be had at all.
        """
        with self._changed:
            self._jobs.append(job)

            if self._idle:
                self._changed.notify()

            if len(self._jobs) > self._idle and self._threads < self._at_most:
                self._start_thread()

    def stop(self) -> tuple[J, ...]:
        """Let the threads end once they have done what they have begun.

        :returns: The jobs that nobody has begun.
        """
        with self._changed:
            jobs = tuple(self._jobs)
            self._jobs.clear()
            self._generation += 1
            self._threads = self._idle = 0
            self._changed.notify_all()

        return jobs

    def after_fork(self) -> None:
        """Forget the threads and what they do, which is the parent's."""
        self._changed = threading.Condition()
        self._jobs: deque[J] = deque()
        self._generation = 0
        self._threads = 0
        self._idle = 0

    def _start_thread(self) -> None:
        thread = threading.Thread(
            target=self._work, args=(self._generation,), name=self._name, daemon=True
        )

        try:
            thread.start()
        except RuntimeError:
            # Those that there are will come to it.
            if not self._threads:
                self._jobs.pop()
                raise
        else:
            self._threads += 1

    def _work(self, generation: int) -> None:
        while job := self._next_job(generation):
            job()

    def _next_job(self, generation: int) -> J | None:
        with self._changed:
            if generation != self._generation:
                return None

            if self._jobs:
                return self._jobs.popleft()

            self._idle += 1
            self._changed.wait_for(
                lambda: self._jobs or generation != self._generation, _IDLE_SECONDS
            )

            if generation != self._generation:
                return None

            self._idle -= 1

            if self._jobs:
                return self._jobs.popleft()

            self._threads -= 1

            return None
