"""Long-lived connections that are told what happens to their session."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from typing import Self

from ..adapters.forks import forget_after_fork
from ..adapters.loop import BackgroundLoop
from ..models import EndedSession
from ..models import SessionEvent
from ..models import SessionEventKind
from ..ports import SessionBroadcast

__all__ = ["Binding", "Channels"]

_logger = logging.getLogger(__name__)


class Binding:
    """The tie between one connection and its session; a context manager.

    Events come one after the other, in the thread that brings them. The one that
    says that the session has ended is the last.
    """

    def __init__(
        self,
        session_id: str,
        callback: Callable[[SessionEvent], object],
        *,
        forget: Callable[[Binding], None],
    ) -> None:
        #: The public id of the session.
        self.session_id = session_id
        self._callback = callback
        self._forget = forget
        self._lock = threading.Lock()
        self._waiting: deque[SessionEvent] = deque()
        self._calling = False
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether no further event will come."""
        return self._closed

    def close(self) -> None:
        """Have no further callback begin; one that runs may go on to its end."""
        with self._lock:
            self._closed = True
            self._waiting.clear()

        self._forget(self)

    def tell(self, event: SessionEvent) -> None:
        """Hand an event to the callback, after those that came before it.

        :param event: What happened.
        """
        with self._lock:
            if self._closed:
                return

            self._closed = event.kind is SessionEventKind.ENDED
            self._waiting.append(event)

            if self._calling:
                # Whoever is calling it now, perhaps further down in this thread,
                # goes on with this one.
                return

            self._calling = True

        self._call()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self) -> None:
        while (event := self._next()) is not None:
            try:
                self._callback(event)
            except Exception:  # the host's callback may raise anything
                _logger.exception("a channel of session %s failed", self.session_id[:8])

    def _next(self) -> SessionEvent | None:
        with self._lock:
            self._calling = bool(self._waiting)

            return self._waiting.popleft() if self._waiting else None


class Channels:
    """Binds connections to sessions and tells them what happens, from any node.

    :param is_live: Whether there is such a session; asks the store.
    :param broadcast: Carries word from and to other processes.
    :param check_interval: How often sessions of open channels are looked for, in
        case word of their end was lost.
    """

    def __init__(
        self,
        *,
        is_live: Callable[[str], bool],
        broadcast: SessionBroadcast,
        check_interval: timedelta,
    ) -> None:
        self._is_live = is_live
        self._broadcast = broadcast
        self._check_seconds = check_interval.total_seconds()
        self._checks = BackgroundLoop(
            self._check_all,
            name="idp_session-channels",
            pause=self._check_seconds,
            logger=_logger,
        )
        self.after_fork()
        forget_after_fork(self)

    def bind(
        self, session_id: str, callback: Callable[[SessionEvent], object]
    ) -> Binding:
        """Have a connection told of everything that happens to a session.

        The callback gets a :class:`.SessionEvent`, in whichever thread brings it,
        and should only pass it on: somebody's logout may be waiting for it. What
        it raises is logged. For a session that is over already it is called
        before this returns, unless another thread is just about to. An open channel
        is no use of the session, and does not keep it from expiring.

        :param session_id: The public id of the session.
        :param callback: Whom to call.
        :returns: What to close when the connection is closed.
        """
        binding = Binding(session_id, callback, forget=self._discard)

        with ExitStack() as undo:
            undo.callback(binding.close)
            # First: who is counted as open hears of everything.
            self._broadcast.subscribe(self)

            with self._lock:
                self._bindings.setdefault(session_id, set()).add(binding)

            # After it is listed: an end before this is seen here, one after this
            # is announced to it.
            self._check(session_id)
            self._checks.start()
            undo.pop_all()

        return binding

    def data_changed(self, session_id: str) -> None:
        """Tell the channels of a session that its data changed.

        :param session_id: The session.
        """
        self._publish(session_id, SessionEventKind.DATA_CHANGED)

    def clients_changed(self, session_id: str) -> None:
        """Tell the channels of a session that a client joined or left it.

        :param session_id: The session.
        """
        self._publish(session_id, SessionEventKind.CLIENTS_CHANGED)

    def ended(self, ended: EndedSession) -> None:
        """Tell the channels of a session that it is over; they are closed by it.

        :param ended: The session, which has durably gone.
        """
        self._tell_all(
            SessionEvent(
                session_id=ended.session_id,
                kind=SessionEventKind.ENDED,
                reason=ended.reason,
            )
        )

    def heard(self, event: SessionEvent) -> None:
        """Hand an event that was broadcast to whoever is bound to its session.

        :param event: What happened.
        """
        for binding in self._concerned(event):
            binding.tell(event)

    def missed(self) -> None:
        """Look for the sessions of all channels, soon: an end may have been missed."""
        self._checks.hurry()

    def stop(self) -> None:
        """End the threads; the next channel starts them again."""
        self._checks.stop()
        self._broadcast.stop()

    def after_fork(self) -> None:
        """Forget the channels, whose connections are the parent's."""
        self._lock = threading.Lock()
        self._bindings: dict[str, set[Binding]] = {}

    @property
    def open_count(self) -> int:
        """How many channels of this process are open."""
        with self._lock:
            return sum(map(len, self._bindings.values()))

    def _publish(self, session_id: str, kind: SessionEventKind) -> None:
        self._tell_all(SessionEvent(session_id=session_id, kind=kind))

    def _tell_all(self, event: SessionEvent) -> None:
        try:
            self._broadcast.publish(event)
        except Exception:  # a host's broadcast may raise anything
            _logger.exception("a session event could not be broadcast")

    def _concerned(self, event: SessionEvent) -> tuple[Binding, ...]:
        with self._lock:
            if event.kind is SessionEventKind.ENDED:
                return tuple(self._bindings.pop(event.session_id, ()))

            return tuple(self._bindings.get(event.session_id, ()))

    def _discard(self, binding: Binding) -> None:
        with self._lock:
            bound = self._bindings.get(binding.session_id, set())
            bound.discard(binding)

            if not bound:
                self._bindings.pop(binding.session_id, None)

    def _check(self, session_id: str) -> None:
        if not self._is_live(session_id):
            self.heard(SessionEvent(session_id=session_id, kind=SessionEventKind.ENDED))

    def _check_all(self) -> float:
        with self._lock:
            session_ids = tuple(self._bindings)

        for session_id in session_ids:
            self._check(session_id)

        return self._check_seconds
