"""Tells workers at once that something is owed."""

from __future__ import annotations

import atexit
import importlib
import logging
import threading
from datetime import timedelta
from typing import Any

from ...adapters.forks import forget_after_fork
from ...adapters.forks import NotForked
from ...adapters.loop import BackgroundLoop
from .messages import Celery
from .messages import DELIVER
from .messages import message_options

__all__ = ["CeleryDispatcher"]

_logger = logging.getLogger(__name__)

_TIMEOUT = 2.0
_PAUSE = 2.0
_IDLE_SECONDS = 3600.0
_LAST_WORDS = timedelta(seconds=1)

# Celery loads these when they are first used, which is in a thread. Whoever is forked
# meanwhile would have half a module for ever.
for _name in (
    "celery.app.amqp",
    "celery.app.events",
    "celery.app.task",
    "celery.backends.base",
    "celery.events.dispatcher",
    "celery.events.receiver",
    "celery.loaders.app",
    "celery.result",
    "kombu.transport.pyamqp",
    "kombu.transport.redis",
):
    importlib.import_module(_name)

_TIMEOUTS: dict[str, dict[str, Any]] = {
    "amqp": {
        "read_timeout": _TIMEOUT,
        "write_timeout": _TIMEOUT,
        # So that a broker that takes the message but cannot keep it is noticed.
        "confirm_publish": True,
    },
    "redis": {"socket_timeout": _TIMEOUT, "socket_connect_timeout": _TIMEOUT},
}


class CeleryDispatcher:
    """A :class:`.Dispatcher` whose deliveries are sent by workers of Celery.

    A kick is one small message, which a thread of this process publishes on a
    connection of its own, so that a broker that is down or hangs keeps nobody
    waiting. Kicks that come while a message is on its way become one more message.
    What could not be published is tried again every few seconds; until then, and if
    the process ends before, the schedule of beat finds what is owed. After a fork
    the child publishes for itself.

    :param celery: The app whose workers have the tasks of :func:`.register_tasks`.
        Its routes, broker and TLS settings count.
    """

    def __init__(self, celery: Celery) -> None:
        self._celery = celery
        # Kombu's cached properties have locks, which a child would find held for ever.
        self._not_forked = NotForked()
        self._loop = BackgroundLoop(
            self._publish, name="idp_session-celery", pause=_PAUSE, logger=_logger
        )
        self.after_fork()
        forget_after_fork(self)
        atexit.register(self.close, _LAST_WORDS)

    def kick(self) -> None:
        """Have workers send what is due now; returns at once, whatever the broker does."""
        with self._changed:
            self._wanted = True
            is_running = self._loop.running

            try:
                self._loop.start()
            except RuntimeError as error:
                # The next kick tries again; until then beat finds the work.
                _logger.warning("no thread to tell workers with: %s", error)

            # A broker that is away is asked in its own time, however many sign out.
            if is_running and not self._failed:
                self._loop.hurry()

    def close(self, timeout: timedelta) -> bool:
        """Publish what was asked for, then nothing until the next kick.

        The end of the process does so by itself.

        :param timeout: How long to wait for the message that is on its way.
        :returns: Whether nothing is left to be published.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._failed or not (self._wanted or self._publishing),
                timeout.total_seconds(),
            )
            self._loop.stop()

            return not (self._wanted or self._publishing)

    def after_fork(self) -> None:
        """Forget what the parent is about to publish."""
        self._changed = threading.Condition()
        self._wanted = False
        self._publishing = False
        self._failed = False

    def _publish(self) -> float:
        if not self._begin():
            return _IDLE_SECONDS

        sent = False

        try:
            with self._not_forked.working():
                self._send()
            sent = True
        finally:
            self._end(sent=sent)

        return _IDLE_SECONDS

    def _begin(self) -> bool:
        with self._changed:
            wanted = self._publishing = self._wanted
            # Before the message: a kick from now on asks for another one.
            self._wanted = False

            return wanted

    def _end(self, *, sent: bool) -> None:
        with self._changed:
            self._publishing = False
            self._failed = not sent
            self._wanted = self._wanted or not sent
            self._changed.notify_all()

    def _send(self) -> None:
        with self._connection() as connection:
            self._celery.send_task(
                DELIVER,
                connection=connection,
                retry=False,
                timeout=_TIMEOUT,
                confirm_timeout=_TIMEOUT,
                **message_options(),
            )

    def _connection(self) -> Any:
        # Not from the pool of the app: its connections wait as long as it says.
        connection = self._celery.connection_for_write(connect_timeout=_TIMEOUT)
        options = _TIMEOUTS.get(connection.transport.driver_type, {})
        connection.transport_options |= {
            **options,
            # Once for each broker that may be there; by itself it tries for ever.
            "max_retries": len(connection.alt) - 1 if connection.alt else 0,
            "interval_start": 0,
        }

        return connection
