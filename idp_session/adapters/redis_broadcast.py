"""Word of sessions between processes and machines, through Redis."""

from __future__ import annotations

import logging
import random
import secrets
import time
from typing import Any
from typing import Self

from redis import Redis
from redis import RedisError
from redis.backoff import NoBackoff
from redis.client import PubSub
from redis.retry import Retry

from ..errors import ConfigurationError
from ..models import SessionEvent
from ..ports import SessionListener
from ..ports import TicketProtector
from .broadcast import LocalBroadcast
from .forks import forget_after_fork
from .loop import BackgroundLoop
from .session_messages import SessionMessages

__all__ = ["RedisBroadcast"]

_logger = logging.getLogger(__name__)

_TIMEOUT = 1.0
_PING_AFTER = 10.0
_DEAD_AFTER = 25.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class RedisBroadcast:
    """Tells this process at once, and all others that share a Redis channel.

    Messages are sealed: who can write to Redis, but does not have the secret key,
    can repeat old ones, which wakes channels for nothing, and can do no more.
    After Redis was away each listener is told that it may have missed something.
    While it does not answer, nothing is sent to it for a few seconds at a time,
    so that a thousand logouts do not wait for it a thousand times.

    :param client: A client of Redis with short timeouts, and without
        ``decode_responses``.
    :param protector: Seals the messages; the same keys on every node.
    :param channel: The name of the channel in Redis.
    :raises ConfigurationError: If the client decodes what it receives.
    """

    def __init__(
        self,
        client: Redis,
        *,
        protector: TicketProtector,
        channel: str = "idp_session:events",
    ) -> None:
        if client.get_encoder().decode_responses:
            raise ConfigurationError(
                "a Redis client for messages must be made without decode_responses"
            )

        self._client = client
        self._channel = channel
        self._messages = SessionMessages(protector, place=channel)
        self._local = LocalBroadcast()
        self._loop = BackgroundLoop(
            self._listen,
            name="idp_session-broadcast",
            pause=_LONGEST_PAUSE,
            logger=_logger,
        )
        self._failures = 0
        self._silent_until = 0.0
        self.after_fork()
        forget_after_fork(self)

    @classmethod
    def from_url(cls, url: str, *, protector: TicketProtector) -> Self:
        """Make one with a client of its own, which gives up after a second.

        :param url: ``redis://``, ``rediss://`` or ``unix://``.
        :param protector: Seals the messages.
        :raises ConfigurationError: If the URL cannot be understood.
        """
        try:
            client = Redis.from_url(
                url,
                socket_timeout=_TIMEOUT,
                socket_connect_timeout=_TIMEOUT,
                retry=Retry(NoBackoff(), 1),
            )
        except ValueError as error:
            raise ConfigurationError(
                "IDP_SESSION_BROADCAST_URL must be a redis://, rediss:// or unix:// URL"
            ) from error

        return cls(client, protector=protector)

    def publish(self, event: SessionEvent) -> None:
        self._local.publish(event)

        if time.monotonic() < self._silent_until:
            return

        try:
            message = self._messages.write(event, sender=self._name)
            self._client.publish(self._channel, message)
        except (RedisError, OSError) as error:
            self._silent_until = time.monotonic() + _LONGEST_PAUSE
            _logger.warning(
                "other nodes were not told of session %s: %s",
                event.session_id[:8],
                type(error).__name__,
            )

    def subscribe(self, listener: SessionListener) -> None:
        self._local.subscribe(listener)
        self._loop.start()

    def stop(self) -> None:
        self._local.stop()
        self._loop.stop()

    def after_fork(self) -> None:
        """Take another name than the parent's, to hear it and be heard by it."""
        self._name = secrets.token_hex(8)

    def _listen(self) -> float:
        try:
            with self._client.pubsub() as subscription:  # type: ignore[no-untyped-call]
                subscription.subscribe(self._channel)
                self._follow(subscription)
        except (RedisError, OSError) as error:
            return self._pause_after(error)

        return 0.0

    def _follow(self, subscription: PubSub) -> None:
        heard_at = pinged_at = time.monotonic()

        while not self._loop.stopped:
            message = subscription.get_message(timeout=_TIMEOUT)
            now = time.monotonic()

            if message is not None:
                heard_at = now
                self._take(message)
            elif now - heard_at > _DEAD_AFTER:
                raise TimeoutError("Redis does not answer any more")
            elif now - max(heard_at, pinged_at) > _PING_AFTER:
                pinged_at = now
                subscription.ping()

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            # Each time that the connection was made, by the client itself perhaps.
            self._failures = 0
            self._silent_until = 0.0

            for listener in self._local.listeners():
                listener.missed()
        elif message["type"] == "message":
            self._tell(message["data"])

    def _tell(self, message: bytes) -> None:
        said = self._messages.read(message)

        if said is None:
            _logger.debug("a message that is not ours was ignored")
            return

        event, sender = said

        if sender != self._name:
            self._local.publish(event)

    def _pause_after(self, error: Exception) -> float:
        level = logging.DEBUG if self._failures else logging.WARNING
        _logger.log(level, "no word from other nodes: %s", type(error).__name__)
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0**self._failures)
        self._failures = min(self._failures + 1, 10)

        # So that not all nodes come back to Redis in the same moment.
        return pause * random.uniform(0.5, 1)  # noqa: S311
