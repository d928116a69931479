"""Posts logout tokens to clients."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from datetime import timedelta
from datetime import UTC
from typing import Any
from urllib.parse import urlencode
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from ..models import SendFailure
from ..models import SendResult
from ._answers import ACCEPT
from ._answers import BODY_LIMIT
from ._answers import BODY_SECONDS
from ._answers import EXCERPT_LIMIT
from ._answers import prepared_uri
from ._answers import retry_after
from ._answers import USER_AGENT
from ._authorities import tls_context
from ._exchange import Exchange
from ._exchange import ExchangeHTTPConnection
from ._exchange import ExchangeHTTPSConnection
from ._exchange import resolve_name
from ._exchange import Resolver
from .address_policy import AddressPolicy
from .blocking import BlockingLogoutSender
from .threads import DaemonThreads

__all__ = ["RequestsLogoutSender"]

_HEADERS = CaseInsensitiveDict(
    {
        "Accept": ACCEPT,
        "Connection": "close",
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": USER_AGENT,
    }
)

# A lookup that hangs keeps its thread, and the next one needs another.
_MOST_LOOKUPS = 4096


class RequestsLogoutSender:
    """Posts logout tokens with Requests (Back-Channel Logout 1.0 §2.5).

    Each request has a connection of its own, to an address that the policy
    permits, over verified TLS 1.2 or newer. There are no redirects, proxies,
    cookies or credentials from the environment. Nothing takes longer than the
    timeout: not the lookup of the name, and not a server that sends one byte at
    a time. An answer counts once its head is complete; of its body at most 64 kB
    are read, for at most a second, and dropped; a head of more than 128 kB is a
    failed connection. May be shared by threads.

    :param policy: Which URIs and addresses are permitted.
    :param connect_timeout: For the lookup of the name and for connecting.
    :param timeout: For everything.
    :param ca_file: Certificates in PEM that are trusted besides the usual ones.
    :param resolve: Looks up host names.
    :param threads: How many requests may be on their way at once; each has a thread.
    :raises ConfigurationError: If the file cannot be used.
    """

    def __init__(
        self,
        *,
        policy: AddressPolicy,
        connect_timeout: timedelta,
        timeout: timedelta,
        ca_file: str | None = None,
        resolve: Resolver = resolve_name,
        threads: int = 256,
    ) -> None:
        self._policy = policy
        self._connect_timeout = connect_timeout.total_seconds()
        self._timeout = timeout.total_seconds()
        self._resolve = resolve
        self._tls = tls_context(ca_file)
        self._threads = BlockingLogoutSender(self.send, threads=threads)
        self._lookups = DaemonThreads[Callable[[], None]](
            name="idp_session-dns", at_most=_MOST_LOOKUPS
        )

    def submit(self, uri: str, logout_token: str) -> Future[SendResult]:
        return self._threads.submit(uri, logout_token)

    def stop(self) -> None:
        self._threads.stop()
        self._lookups.stop()

    def send(self, uri: str, logout_token: str) -> SendResult:
        """Post a logout token in this thread, and wait for what comes of it.

        :param uri: The client's back-channel logout URI.
        :param logout_token: The token, in its compact form.
        """
        started = time.monotonic()
        result = self._send(uri, logout_token)

        return dataclasses.replace(
            result, latency=timedelta(seconds=time.monotonic() - started)
        )

    def _send(self, uri: str, logout_token: str) -> SendResult:
        if failure := self._policy.check_uri(uri):
            return SendResult(failure=failure)

        try:
            request = _prepared(uri, logout_token)
        except ValueError:
            return SendResult(failure=SendFailure.INVALID_URI)

        exchange = Exchange(
            target=request.path_url,
            policy=self._policy,
            resolve=self._resolve,
            threads=self._lookups,
            connect_timeout=self._connect_timeout,
            timeout=self._timeout,
        )

        try:
            return self._exchanged(exchange, request)
        except (OSError, HTTPError, ValueError) as error:
            return SendResult(failure=exchange.failure or _kind_of(error))

    def _exchanged(
        self, exchange: Exchange, request: requests.PreparedRequest
    ) -> SendResult:
        adapter = _PoolAdapter(self._pool(exchange, request))
        response = adapter.send(request, stream=True, timeout=self._timeout)

        exchange.is_answered = True

        with contextlib.closing(response):
            body = _dropped_body(exchange, response)

        return SendResult(
            status=response.status_code,
            retry_after=retry_after(
                response.headers.get("Retry-After"), now=datetime.now(UTC)
            ),
            excerpt=body[:EXCERPT_LIMIT],
        )

    def _pool(
        self, exchange: Exchange, request: requests.PreparedRequest
    ) -> HTTPConnectionPool:
        parts = urlsplit(str(request.url))
        host = str(parts.hostname)

        # Without a port the last part of an IPv6 address would be taken for one.
        if parts.scheme == "https":
            return _HTTPSPool(
                host, parts.port or 443, exchange=exchange, ssl_context=self._tls
            )

        return _HTTPPool(host, parts.port or 80, exchange=exchange)


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = ExchangeHTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = ExchangeHTTPSConnection


class _PoolAdapter(HTTPAdapter):
    """Sends by one given pool, whose TLS context verifies."""

    def __init__(self, pool: HTTPConnectionPool) -> None:
        super().__init__()
        self._pool = pool

    def init_poolmanager(self, *_: Any, **__: Any) -> None:
        # There is one pool, and nothing to manage.
        pass

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        return self._pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        # Requests would read the CA bundle again for every connection.
        pass

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        # urllib3 logs it, and a query may be confidential.
        return urlsplit(request.path_url).path


def _prepared(uri: str, logout_token: str) -> requests.PreparedRequest:
    request = requests.PreparedRequest()
    request.method = "POST"
    # Parsed and encoded once for all requests to a client.
    request.url = prepared_uri(uri).text
    request.headers = _HEADERS.copy()
    # backchannel §2.5: one parameter in a form-encoded body.
    request.body = urlencode({"logout_token": logout_token}).encode()
    request.prepare_content_length(request.body)

    return request


def _dropped_body(exchange: Exchange, response: requests.Response) -> bytes:
    exchange.shorten(BODY_SECONDS)

    with contextlib.suppress(OSError, HTTPError):
        body: bytes = response.raw.read(BODY_LIMIT, decode_content=False)
        return body

    return b""


def _kind_of(error: Exception) -> SendFailure:
    if isinstance(error, requests.Timeout):
        return SendFailure.TIMEOUT

    if isinstance(error, requests.exceptions.SSLError):
        return SendFailure.TLS

    return SendFailure.CONNECTION
