"""Nothing that comes out of a cache is ever unpickled, and outages are known."""

from __future__ import annotations

import io
import os
import pickle
import sys
from pathlib import Path
from types import ModuleType

import pytest
from cachelib.serializers import RedisSerializer

from idp_session.stores.cache import BytesSerializer
from idp_session.stores.cache.backend import outage_errors

from .caches import FileSystemBytesCache
from .caches import RedisBytesCache
from .caches import scratch_redis


class Trap:
    """Makes a folder in whoever unpickles it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(bytes(range(256)), id="bytes"),
        pytest.param(b"", id="no bytes"),
        pytest.param(b"!#=", id="bytes that look like marks"),
        pytest.param(0, id="zero"),
        pytest.param(1234567, id="an integer"),
    ],
)
class TestWhatIsKept:
    """What goes in comes out."""

    def test_as_bytes(self, value: bytes | int) -> None:
        """A value comes back as it was, with its type."""
        serializer = BytesSerializer()

        assert serializer.loads(serializer.dumps(value)) == value

    def test_in_a_file(self, value: bytes | int) -> None:
        """Caches that write to files get the same."""
        serializer = BytesSerializer()
        file = io.BytesIO()
        serializer.dump(value, file)
        file.seek(0)

        assert serializer.load(file) == value


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(None, id="nothing"),
        pytest.param(b"", id="no bytes"),
        pytest.param("=text", id="text"),
        pytest.param(b"raw", id="bytes without a kind"),
        pytest.param(b"#", id="no digits"),
        pytest.param(b"#-1", id="negative"),
        pytest.param(b"#" + b"9" * 5000, id="more digits than Python reads"),
        pytest.param(pickle.dumps(b"value"), id="a pickle"),
    ],
)
def test_what_was_not_written_so_is_absent(stored: object) -> None:
    """A cache that others use too may have anything in it."""
    assert BytesSerializer().loads(stored) is None


@pytest.mark.parametrize(
    "value", [pytest.param("text", id="text"), pytest.param(None, id="nothing")]
)
def test_nothing_else_is_kept(value: object) -> None:
    """A value that would come back different is refused."""
    with pytest.raises(TypeError, match="only bytes"):
        BytesSerializer().dumps(value)


def test_a_trap_in_redis_is_not_sprung(tmp_path: Path) -> None:
    """Whoever can write to Redis does not run code here."""
    trap = tmp_path / "sprung"

    with scratch_redis() as (client, prefix):
        client.set(f"{prefix}trap", RedisSerializer().dumps(Trap(trap)))
        found = RedisBytesCache(client, key_prefix=prefix).get_many("trap")

    assert found == [None]
    assert not trap.exists()


def test_a_trap_in_a_file_is_not_sprung(tmp_path: Path) -> None:
    """Whoever can write to the folder of the cache does not run code here."""
    trap = tmp_path / "sprung"
    cache = FileSystemBytesCache(str(tmp_path / "cache"))
    cache.set("trap", b"harmless")
    Path(cache._get_filename("trap")).write_bytes(bytes(4) + pickle.dumps(Trap(trap)))

    assert cache.get_many("trap") == [None]
    assert not trap.exists()


def test_files_are_counted(tmp_path: Path) -> None:
    """A cache of files still removes what is too much."""
    cache = FileSystemBytesCache(str(tmp_path), threshold=1)
    cache.set("one", b"1")
    cache.set("two", b"2")
    cache.set("three", b"3")

    assert cache._file_count == 2


@pytest.mark.parametrize(
    ("module", "name"),
    [
        pytest.param("redis.exceptions", "RedisError", id="redis"),
        pytest.param("valkey.exceptions", "ValkeyError", id="valkey"),
        pytest.param("pymemcache.exceptions", "MemcacheError", id="pymemcache"),
        pytest.param("pylibmc", "Error", id="pylibmc"),
        pytest.param("pymongo.errors", "PyMongoError", id="pymongo"),
    ],
)
class TestKnownClients:
    """What clients raise when their server does not work."""

    def test_of_a_client_that_is_in_use(
        self, monkeypatch: pytest.MonkeyPatch, module: str, name: str
    ) -> None:
        """The errors of a client that was imported are an outage."""
        error = type(name, (Exception,), {})
        client = ModuleType(module)
        setattr(client, name, error)
        monkeypatch.setitem(sys.modules, module, client)

        assert error in outage_errors()

    def test_of_a_client_that_is_not(
        self, monkeypatch: pytest.MonkeyPatch, module: str, name: str
    ) -> None:
        """No client is imported for that."""
        monkeypatch.delitem(sys.modules, module, raising=False)

        assert name not in [each.__name__ for each in outage_errors()]
        assert module not in sys.modules
