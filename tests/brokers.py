"""The message brokers that some tests need."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kombu.connection import Connection
from kombu.exceptions import OperationalError
from redis import Redis
from sqlalchemy import make_url

from .services import unavailable

__all__ = ["BROKERS", "Broker", "scratch_broker"]

BROKERS = ("rabbitmq", "redis")

_URLS = {
    "rabbitmq": os.environ.get(
        "IDP_SESSION_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672//"
    ),
    "redis": os.environ.get("IDP_SESSION_TEST_REDIS", "redis://127.0.0.1:6379/"),
}


@dataclass(frozen=True, kw_only=True)
class Broker:
    """A queue of a test's own, with nothing in it."""

    url: str
    queue: str

    @property
    def address(self) -> tuple[str, int]:
        """Where it is, without the way that the URL may describe."""
        url = make_url(self.url)
        assert url.host is not None
        assert url.port is not None

        return url.host, url.port

    def through(self, port: int) -> str:
        """The URL of the same broker behind a port of 127.0.0.1."""
        host, direct = self.address

        return self.url.replace(f"{host}:{direct}", f"127.0.0.1:{port}")

    def waiting(self) -> int:
        """How many messages no worker has been given."""
        with self._connection() as connection:
            # As Celery makes it: whoever comes first makes it.
            declared = connection.default_channel.queue_declare(
                queue=self.queue, durable=True, auto_delete=False
            )

            return int(declared.message_count)

    def purge(self) -> int:
        """Lose all messages; returns how many there were."""
        with self._connection() as connection:
            return int(connection.default_channel.queue_purge(self.queue) or 0)

    def remove(self) -> None:
        """Leave nothing behind."""
        with self._connection() as connection:
            connection.default_channel.queue_delete(self.queue)
            # Celery makes one of the same name.
            connection.default_channel.exchange_delete(self.queue)

        if self.url.startswith("redis"):
            with Redis.from_url(self.url) as client:
                for key in client.scan_iter(f"{self.queue}*"):
                    client.delete(key)

    def _connection(self) -> Connection:
        return Connection(  # type: ignore[no-untyped-call]
            self.url,
            connect_timeout=2,
            transport_options={"global_keyprefix": self.queue, "max_retries": 0},
        )


@contextmanager
def scratch_broker(name: str) -> Iterator[Broker]:
    """A broker and the name of a queue that nobody else uses."""
    broker = Broker(url=_URLS[name], queue=f"idp_session_{secrets.token_hex(6)}")

    try:
        with broker._connection() as connection:
            connection.default_channel  # noqa: B018 - connects
    except (OperationalError, OSError) as error:
        unavailable(name, f"it does not answer: {type(error).__name__}")

    try:
        yield broker
    finally:
        broker.remove()
