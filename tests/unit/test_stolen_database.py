"""A dump of the database, or of the cache, opens no session and tells no secret."""

from __future__ import annotations

import base64
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import sqlalchemy as sa

from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.stores.cache import CachedSessionStore
from idp_session.stores.sql import SqlDeliveryQueue
from idp_session.stores.sql import SqlSessionStore

from .caches import RedisBytesCache
from .caches import scratch_redis
from .hosts import HANDLE
from .hosts import Host
from .whole_run import CLAIM
from .whole_run import DATA
from .whole_run import encodings
from .whole_run import ITEM
from .whole_run import NAME
from .whole_run import using_host
from .whole_run import visit

Dump = Callable[[], set[bytes]]


def dumped(engine: sa.Engine) -> dict[tuple[str, str], set[bytes]]:
    """Every value of every column of every table, by table and column."""
    found: dict[tuple[str, str], set[bytes]] = {}

    with engine.connect() as connection:
        for name in sa.inspect(connection).get_table_names():
            # As they are kept: without the types that the package knows.
            columns = [c["name"] for c in sa.inspect(connection).get_columns(name)]
            table = sa.table(name, *map(sa.column, columns))

            for row in connection.execute(sa.select(table)):
                for column, value in zip(columns, row, strict=True):
                    found.setdefault((name, column), set()).add(_octets(value))

    return found


def _octets(value: object) -> bytes:
    return (
        bytes(value) if isinstance(value, bytes | memoryview) else f"{value}".encode()
    )


def secret_forms(handle: str) -> dict[str, bytes]:
    """Everything from which somebody could make the cookie again."""
    octets = base64.urlsafe_b64decode(handle + "=")

    return {
        **encodings(octets),
        **{f"{name} of text": f for name, f in encodings(handle.encode()).items()},
    }


def leaked(handles: list[str], dump: set[bytes]) -> list[str]:
    """In which forms a handle is in a dump."""
    return [
        name
        for handle in handles
        for name, form in secret_forms(handle).items()
        if any(form in value for value in dump)
    ]


def opened(host: Host, cookie: str) -> object:
    """What somebody sees who comes with a cookie."""
    browser = host.browser()
    browser.set_cookie(HANDLE, cookie, domain="idp.test", secure=True)

    seen: Any = browser.get("/whoami").json

    return seen["subject"], browser.get("/data").json


def opening(host: Host, dump: set[bytes]) -> list[str]:
    """What of a dump opens a session, as it is or in any encoding."""
    cookies = {
        form.decode("latin-1")
        for value in dump
        for octets in {value, _unhex(value)}
        for form in encodings(octets).values()
    }

    return [
        cookie
        for cookie in sorted(cookies)
        if cookie.isprintable() and opened(host, cookie) != (None, {})
    ]


def _unhex(value: bytes) -> bytes:
    try:
        return bytes.fromhex(value.decode())
    except ValueError:
        return value


def readable(dump: set[bytes]) -> list[str]:
    """Which contents of tickets and data can be read in a dump, in any encoding."""
    return [
        text
        for text in (CLAIM, DATA, ITEM)
        for form in encodings(text.encode()).values()
        if any(form in value for value in dump)
    ]


def test_a_stolen_database(engine: sa.Engine) -> None:
    """No handle is in it, nothing of it is a cookie, and what was sealed stays so."""
    host = using_host(engine=engine)
    visitors = list(visit(host))
    handles = [handle for visitor in visitors for handle in visitor.handles]

    columns = dumped(engine)

    dump = set().union(*columns.values())
    named = {place for place, values in columns.items() if NAME.encode() in values}
    assert len(handles) == 7
    assert opened(host, visitors[2].handles[-1]) == ("alice", {"cart": DATA})
    assert named == {("idp_sessions", "display_name")}
    assert leaked(handles, dump) == []
    assert readable(dump) == []
    assert opening(host, dump) == []


@pytest.fixture
def cached() -> Iterator[tuple[redis.Redis, str]]:
    with scratch_redis() as found:
        yield found


def test_a_stolen_cache(
    sqlite_engine: sa.Engine, cached: tuple[redis.Redis, str]
) -> None:
    """Neither its keys nor its values are of use to anybody."""
    client, prefix = cached
    store = CachedSessionStore(
        SqlSessionStore(sqlite_engine),
        RedisBytesCache(client, key_prefix=prefix),
        protector=AesGcmTicketProtector("a secret key for tests"),
    )
    host = using_host(store=store, queue=SqlDeliveryQueue(sqlite_engine))
    visitors = list(visit(host))
    handles = [handle for visitor in visitors for handle in visitor.handles]
    for visitor in visitors:
        opened(host, visitor.handles[-1])

    keys = [*client.scan_iter(f"{prefix}*")]
    dump = {*keys, *(_octets(client.get(key)) for key in keys)}

    parts = {part for key in keys for part in key.split(b":")}
    assert len(keys) >= len(visitors)
    assert leaked(handles, dump) == []
    assert readable(dump) == []
    assert not any(NAME.encode() in value for value in dump)
    assert opening(host, dump | parts) == []
