"""What a cache must be able to do, and what keeps those of cachelib from unpickling."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from collections.abc import Sequence
from typing import IO
from typing import Protocol

from ...errors import ConfigurationError

__all__ = ["BytesSerializer", "Cache", "check_serializer", "outage_errors"]

_BYTES = b"="
_INTEGER = b"#"
_STORED_INTEGER = re.compile(rb"#[0-9]{1,18}")

#: The bases of what clients raise when their server does not work; none is imported.
_OUTAGES = (
    ("redis.exceptions", "RedisError"),
    ("valkey.exceptions", "ValkeyError"),
    ("pymemcache.exceptions", "MemcacheError"),
    ("pylibmc", "Error"),
    ("pymongo.errors", "PyMongoError"),
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
)


class Cache(Protocol):
    """What is needed of a cache: two methods of cachelib's ``BaseCache``."""

    def get_many(self, *keys: str) -> Sequence[object]:
        """The values under some keys, with ``None`` for each that is not there."""

    def set(self, key: str, value: bytes, timeout: int) -> object:
        """Keep a value under a key, whatever is there now.

        :param key: At most 250 characters, for memcached's sake.
        :param value: What to keep.
        :param timeout: For how many seconds; at least one.
        :returns: Something true if that was done.
        """


class BytesSerializer:
    """Has a cache of cachelib keep bytes as they are: give it as its ``serializer``.

    The serializers of cachelib unpickle whatever they find, and to unpickle what
    somebody else could write is to run their code. This one never does: what it
    did not write is absent. Beside bytes it knows integers, by which
    ``FileSystemCache`` counts its files.
    """

    def dumps(self, value: object) -> bytes:
        """What to keep for a value.

        :raises TypeError: If it is neither bytes nor an integer.
        """
        if isinstance(value, bytes):
            return _BYTES + value

        if isinstance(value, int):
            return _INTEGER + str(value).encode()

        raise TypeError(f"only bytes and integers are kept, not {type(value).__name__}")

    def loads(self, stored: object) -> bytes | int | None:
        """The value of what was kept, ``None`` if this serializer did not make it."""
        if not isinstance(stored, bytes):
            return None

        if stored.startswith(_BYTES):
            return stored.removeprefix(_BYTES)

        return _integer(stored)

    def dump(self, value: object, file: IO[bytes]) -> None:
        """Write what to keep for a value to a file."""
        file.write(self.dumps(value))

    def load(self, file: IO[bytes]) -> bytes | int | None:
        """The value of what a file keeps."""
        return self.loads(file.read())


def check_serializer(cache: object) -> None:
    """Refuse a cache that would unpickle what it finds.

    A cache without a serializer leaves that to its client, which cannot be seen.

    :raises ConfigurationError: If the cache has another serializer than ours.
    """
    serializer = getattr(cache, "serializer", None)

    if serializer is not None and not isinstance(serializer, BytesSerializer):
        raise ConfigurationError(
            f"{type(cache).__name__} may unpickle what others wrote; set its serializer"
            " to idp_session.stores.cache.BytesSerializer()"
        )


def outage_errors(
    more: Iterable[type[Exception]] = (),
) -> tuple[type[Exception], ...]:
    """What a cache may raise when it does not work.

    Whoever made a cache has imported its client, so that only those count that are.

    :param more: Errors of clients that are not known here.
    """
    known = [
        getattr(sys.modules[module], name)
        for module, name in _OUTAGES
        if module in sys.modules
    ]

    return (OSError, *known, *more)


def _integer(stored: bytes) -> int | None:
    return int(stored[1:]) if _STORED_INTEGER.fullmatch(stored) else None
