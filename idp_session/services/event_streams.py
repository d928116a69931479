"""What happens to a session, as server-sent events."""

from __future__ import annotations

import json
import threading
import time
import weakref
from collections.abc import Callable
from collections.abc import Generator
from datetime import timedelta
from typing import Self

from ..adapters.forks import forget_after_fork
from ..models import SessionEvent
from ..models import SessionEventKind
from .channels import Channels

__all__ = ["EventStream", "EventStreams"]

# The browser waits so many milliseconds before it connects again.
_OPENING = b"retry: 2000\n: open\n\n"
_KEEP_ALIVE = b":\n\n"


class EventStream:
    """The body of one response, piece by piece; closing it frees its place.

    :param pieces: What to send.
    :param free: Called once, when it is closed or forgotten.
    """

    def __init__(
        self, pieces: Generator[bytes, None, None], *, free: Callable[[], None]
    ) -> None:
        self._pieces = pieces
        self._free = weakref.finalize(self, free)
        self._free.atexit = False

    def close(self) -> None:
        """Send nothing more; the channel is closed too."""
        self._pieces.close()
        self._free()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)


class EventStreams:
    """The event streams that one process serves, at most so many at once.

    :param channels: Tell what happens.
    :param at_most: How many there may be.
    """

    def __init__(self, channels: Channels, *, at_most: int) -> None:
        self._channels = channels
        self._at_most = at_most
        self.after_fork()
        forget_after_fork(self)

    def open(
        self, session_id: str, *, keep_alive: timedelta, lifetime: timedelta
    ) -> EventStream | None:
        """A stream of what happens to a session.

        It is bound to the session when its second piece is asked for, and
        over after the end of the session or of its own life.

        :param session_id: The session.
        :param keep_alive: How long nothing may be sent.
        :param lifetime: How long it lives.
        :returns: The stream, or ``None`` if there are as many as there may be.
        """
        mailbox = _Mailbox()

        with self._lock:
            if len(self._open) >= self._at_most:
                return None

            self._open.add(mailbox)

        pieces = self._pieces(
            session_id, mailbox, keep_alive.total_seconds(), lifetime.total_seconds()
        )

        return EventStream(pieces, free=lambda: self._discard(mailbox))

    def stop(self) -> None:
        """Have all streams come to their end; browsers connect again elsewhere."""
        with self._lock:
            mailboxes = tuple(self._open)

        for mailbox in mailboxes:
            mailbox.close()

    def after_fork(self) -> None:
        """Forget the streams, which the parent serves."""
        self._lock = threading.Lock()
        self._open: set[_Mailbox] = set()

    def _discard(self, mailbox: _Mailbox) -> None:
        with self._lock:
            self._open.discard(mailbox)

    def _pieces(
        self, session_id: str, mailbox: _Mailbox, keep_alive: float, lifetime: float
    ) -> Generator[bytes, None, None]:
        ends_at = time.monotonic() + lifetime
        # At once, so that the browser knows that it is connected.
        yield _OPENING

        with self._channels.bind(session_id, mailbox.put):
            while not mailbox.closed and (left := ends_at - time.monotonic()) > 0:
                kind = mailbox.take(min(keep_alive, left))
                # Writing is also how the server notices that the browser has gone.
                yield _KEEP_ALIVE if kind is None else _event(kind)

                if kind is SessionEventKind.ENDED:
                    return


class _Mailbox:
    """Keeps what is yet to be said: each thing once, however often it happens."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._kinds: dict[SessionEventKind, None] = {}
        self.closed = False

    def put(self, event: SessionEvent) -> None:
        with self._changed:
            self._kinds[event.kind] = None
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def take(self, seconds: float) -> SessionEventKind | None:
        with self._changed:
            self._changed.wait_for(lambda: self._kinds or self.closed, seconds)
            kind = next(iter(self._kinds), None)
            self._kinds.pop(kind, None)  # type: ignore[arg-type]

            return kind


def _event(kind: SessionEventKind) -> bytes:
    # Browsers drop an event without data (HTML, section 9.2.6).
    name = "ended" if kind is SessionEventKind.ENDED else "changed"

    return f"event: {name}\ndata: {json.dumps({'kind': kind})}\n\n".encode()
