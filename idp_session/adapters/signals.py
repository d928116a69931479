"""Ends a process's work when it is told to."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["ended_by_signals"]

_NUMBERS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def ended_by_signals() -> Iterator[threading.Event]:
    """Inside, SIGTERM and Ctrl-C set the event instead of ending the process.

    .. code-block:: python

        with ended_by_signals() as stop:
            deliver_until(stop)

    A handler that sets an event can find its lock taken by the very thread that it
    interrupts; and a signal that comes just before a thread begins to wait does not
    wake it. So a thread reads here of the signals, from the interpreter's wakeup
    socket. Only the main thread can enter.
    """
    stop = threading.Event()
    reader, writer = socket.socketpair()
    writer.settimeout(0)

    with reader, writer:
        thread = threading.Thread(
            target=_read_until_ended,
            args=(reader, stop),
            name="idp_session-signals",
            daemon=True,
        )
        thread.start()
        wakeup_before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        handlers = {each: signal.signal(each, _ignore) for each in _NUMBERS}

        try:
            yield stop
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup_before)
            writer.shutdown(socket.SHUT_WR)
            thread.join()


def _read_until_ended(reader: socket.socket, stop: threading.Event) -> None:
    while received := reader.recv(64):
        if not _NUMBERS_RECEIVED.isdisjoint(received):
            stop.set()


def _ignore(number: int, frame: object) -> None:
    """A signal without a handler is not written to the wakeup socket."""


_NUMBERS_RECEIVED = frozenset(map(int, _NUMBERS))
