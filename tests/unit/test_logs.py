"""With every logger at DEBUG, whatever happens, no log tells a secret."""

from __future__ import annotations

import base64
import json
import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import sqlalchemy as sa

from idp_session import Client
from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.adapters.crypto import handle_key
from idp_session.adapters.crypto import new_handle
from idp_session.adapters.key_ring import KeyRing
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.errors import ConfigurationError
from idp_session.errors import SessionExistsError
from idp_session.models import LogoutReason
from idp_session.models import ServerSideSession
from idp_session.models import SessionFilter
from idp_session.stores.cache import CachedSessionStore
from idp_session.stores.sql import create_engine
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
from .whole_run import using_host
from .whole_run import visit
from .whole_run import Visitor

SECRET_KEY = "a secret key for tests"
REDIS = os.environ.get("IDP_SESSION_TEST_REDIS", "redis://127.0.0.1:6379/")
EVERYBODY = SessionFilter(anonymous=None)

host_log = logging.getLogger("host")


class Clients(ThreadingHTTPServer):
    """Two clients: one obeys, the other one is out of order."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Client)
        self.tokens: list[str] = []


class _Client(BaseHTTPRequestHandler):
    server: Clients

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.tokens += parse_qs(body.decode())["logout_token"]
        self.send_response(200 if self.path.startswith("/shop") else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def clients() -> Iterator[Clients]:
    with Clients() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@dataclass
class Provider:
    """A host with a cache, a broadcast, a key file and a sender that really sends."""

    host: Host
    #: The private members of the signing keys.
    keys: set[str]
    #: The sealed tickets that there were.
    tickets: set[bytes]

    def remember(self) -> None:
        """Look at the tickets that there are now."""
        store = self.host.state.store
        found = store.query(EVERYBODY, limit=500, after=None)
        self.tickets |= {session.ticket for session in found if session.ticket}


@pytest.fixture
def fresh_engine(engine: sa.Engine) -> Iterator[sa.Engine]:
    """One of our own engines, on each database."""
    fresh = create_engine(engine.url)
    yield fresh
    fresh.dispose()


@pytest.fixture
def provider(
    fresh_engine: sa.Engine,
    clients: Clients,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Provider]:
    # Some libraries have a level of their own.
    for name in ["", *logging.root.manager.loggerDict]:
        caplog.set_level(logging.DEBUG, logger=name)

    protector = AesGcmTicketProtector(SECRET_KEY)
    keys = KeyRing(tmp_path / "keys", protector=protector)
    uri = f"http://127.0.0.1:{clients.server_port}"

    with scratch_redis() as (client, prefix):
        host = using_host(
            clients=(
                Client(client_id="shop", back_channel_logout_uri=f"{uri}/shop"),
                Client(client_id="mail", back_channel_logout_uri=f"{uri}/mail"),
                Client(client_id="gone", back_channel_logout_uri="http://127.0.0.1:1/"),
            ),
            config={
                "IDP_SESSION_BROADCAST_URL": REDIS,
                "IDP_SESSION_DELIVERY_ALLOW_HTTP": True,
                # Of the two it is the one whose libraries log.
                "IDP_SESSION_DELIVERY_SENDER": "requests",
                "IDP_SESSION_DELIVERY_ALLOWED_NETWORKS": "127.0.0.0/8",
            },
            store=CachedSessionStore(
                SqlSessionStore(fresh_engine),
                RedisBytesCache(client, key_prefix=prefix),
                protector=protector,
            ),
            queue=SqlDeliveryQueue(fresh_engine),
            signer=KeySetTokenSigner(keys),
            sender=None,
        )
        yield Provider(
            host=host,
            keys=_private(keys.key_set().as_dict(private=True)),
            tickets=set(),
        )
        host.extension.stop_background_work(host.app, timeout=timedelta(seconds=5))


def _private(keys: Any) -> set[str]:
    return {
        str(key[name])
        for key in keys["keys"]
        for name in ("d", "p", "q", "dp", "dq", "qi")
        if name in key
    }


def everything_happens(provider: Provider, tmp_path: Path) -> list[str]:
    """Whatever one can do at a provider; returns the handles that there were."""
    host = provider.host
    visitors = list(visit(host))
    provider.remember()
    handles = [handle for visitor in visitors for handle in visitor.handles]
    handles += _strange_cookies(host, visitors[1].handles[-1])
    _visit_again(visitors[2])
    _commands(host)
    visitors[2].post("/logout")
    host.deliver()
    host.clock.tick(timedelta(hours=3))
    visitors[1].post("/join/shop")
    _visit_again(visitors[0])
    provider.remember()
    host.app.test_cli_runner().invoke(args=["idp-session", "sweep"])
    host.deliver()
    _errors(host, tmp_path)

    return handles + [handle for visitor in visitors for handle in visitor.handles]


def _visit_again(visitor: Visitor) -> None:
    visitor.post("/join/gone")
    visitor.post("/data", json={"cart": DATA, "more": DATA})


def _strange_cookies(host: Host, handle: str) -> list[str]:
    """Somebody brings what is no handle, one of nobody, and one that is damaged."""
    last = "A" if handle[-1] != "A" else "E"
    cookies = ["garbage", new_handle(), handle[:-1] + last]

    for cookie in cookies:
        browser = host.browser()
        browser.set_cookie(HANDLE, cookie, domain="idp.test", secure=True)
        browser.get("/whoami")
        browser.post("/join/shop")
        browser.post("/data", json={"a": 1})

    return cookies[1:]


def _commands(host: Host) -> None:
    """What they print may be kept in a log, too."""
    runner = host.app.test_cli_runner()

    for command in (
        ["sessions", "list"],
        ["sessions", "list", "--json"],
        ["sessions", "end", "--subject", "bob", "--yes"],
        ["deliveries", "list", "--json"],
        ["sweep"],
    ):
        result = runner.invoke(args=["idp-session", *command])
        host_log.debug("%s", result.output)


def _errors(host: Host, tmp_path: Path) -> None:
    """A host logs an error with its traceback."""
    (session, *_) = _with_sessions(host)

    try:
        host.state.store.create(session)
    except SessionExistsError:
        host_log.exception("a key that is taken")

    try:
        KeyRing(
            tmp_path / "keys", protector=AesGcmTicketProtector("quite another secret")
        ).load()
    except ConfigurationError:
        host_log.exception("keys that cannot be opened")

    host.state.ending.end(session.session_id, reason=LogoutReason.ADMIN)


def _with_sessions(host: Host) -> tuple[ServerSideSession, ...]:
    Visitor(host).post("/prove/pwd")

    return host.state.store.query(EVERYBODY, limit=500, after=None)


def told(text: str, secrets: dict[str, set[str]]) -> list[str]:
    """Which kinds of secrets are in a text."""
    return sorted(
        kind for kind, each in secrets.items() if any(secret in text for secret in each)
    )


def _pieces(octets: bytes) -> set[str]:
    """Long enough to be no accident, short enough to be in what was cut off."""
    return {
        form.decode()
        for start in range(17, len(octets) - 12, 3)
        for name, form in encodings(octets[start : start + 12]).items()
        if name != "raw"
    }


def test_no_log_tells_a_secret(
    provider: Provider,
    clients: Clients,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No handle, hash, ticket, token or key is in it, whole or in great part."""
    handles = everything_happens(provider, tmp_path)

    log = caplog.text + "".join(repr(record.args) for record in caplog.records)
    loggers = {record.name.partition(".")[0] for record in caplog.records}
    assert {"host", "idp_session", "sqlalchemy", "urllib3"} <= loggers
    assert "SELECT" in log
    assert len(provider.tickets) >= 3
    assert {"shop", "mail"} <= {_audience(token) for token in clients.tokens}
    assert (
        told(
            log,
            {
                "handle": {handle[:16] for handle in handles},
                "hash of a handle": {handle_key(handle)[8:24] for handle in handles},
                "sealed ticket": set().union(*map(_pieces, provider.tickets)),
                "content": {CLAIM, DATA, ITEM},
                "logout token": {t.rpartition(".")[2][:20] for t in clients.tokens},
                "signing key": {key[:20] for key in provider.keys},
                "SECRET_KEY": {SECRET_KEY},
            },
        )
        == []
    )


def _audience(token: str) -> object:
    body = token.split(".")[1]

    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["aud"]
