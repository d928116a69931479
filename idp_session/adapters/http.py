"""Posts logout tokens to clients."""

from __future__ import annotations

import contextlib
import dataclasses
import email.utils
import re
import ssl
import time
from datetime import datetime
from datetime import timedelta
from datetime import UTC
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from ..errors import ConfigurationError
from ..models import SendFailure
from ..models import SendResult
from ._exchange import Exchange
from ._exchange import ExchangeHTTPConnection
from ._exchange import ExchangeHTTPSConnection
from ._exchange import resolve_name
from ._exchange import Resolver
from .address_policy import AddressPolicy

__all__ = ["RequestsLogoutSender", "retry_after"]

_HEADERS = {
    "Accept": "application/json, */*",
    "Connection": "close",
    "User-Agent": "idp-session",
}
_BODY_LIMIT = 64 * 1024
_BODY_PATIENCE_SECONDS = 1.0
_LONGEST_RETRY_AFTER = timedelta(days=365)
_DELAY_SECONDS = re.compile(r"-?[0-9]+")


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
    ) -> None:
        self._policy = policy
        self._connect_timeout = connect_timeout.total_seconds()
        self._timeout = timeout.total_seconds()
        self._resolve = resolve
        self._tls = _tls_context(ca_file)

    def send(self, uri: str, logout_token: str) -> SendResult:
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

        with contextlib.closing(response):
            _drop_body(exchange, response)

        return SendResult(
            status=response.status_code,
            retry_after=retry_after(
                response.headers.get("Retry-After"), now=datetime.now(UTC)
            ),
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


def retry_after(value: str | None, *, now: datetime) -> timedelta | None:
    """What a ``Retry-After`` header asks for (RFC 9110 §10.2.3).

    :param value: Seconds or an HTTP date.
    :param now: The current instant; aware.
    :returns: A duration from 0 to a year; ``None`` if there is no telling.
    """
    if value is None:
        return None

    if _DELAY_SECONDS.fullmatch(value.strip()):
        # Twelve characters are far beyond a year already.
        wait = timedelta(seconds=int(value.strip()[:12]))
    else:
        date = _http_date(value)

        if date is None:
            return None

        wait = date - now

    return min(max(wait, timedelta(0)), _LONGEST_RETRY_AFTER)


def _http_date(value: str) -> datetime | None:
    try:
        date = email.utils.parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None

    return date.replace(tzinfo=UTC) if date.tzinfo is None else date


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = ExchangeHTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = ExchangeHTTPSConnection


class _PoolAdapter(HTTPAdapter):
    """Sends by one given pool, whose TLS context verifies."""

    def __init__(self, pool: HTTPConnectionPool) -> None:
        super().__init__()
        self._pool = pool

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        return self._pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        # Requests would read the CA bundle again for every connection.
        pass

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        # urllib3 logs it, and a query may be confidential.
        return urlsplit(request.path_url).path


def _tls_context(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)

    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            raise ConfigurationError(
                "IDP_SESSION_DELIVERY_CA_FILE must be a file of certificates in PEM,"
                f" but {ca_file} cannot be loaded: {error}"
            ) from error

    return context


def _prepared(uri: str, logout_token: str) -> requests.PreparedRequest:
    # backchannel §2.5: one parameter in a form-encoded body.
    return requests.Request(
        "POST", uri, headers=_HEADERS, data={"logout_token": logout_token}
    ).prepare()


def _drop_body(exchange: Exchange, response: requests.Response) -> None:
    exchange.shorten(_BODY_PATIENCE_SECONDS)

    with contextlib.suppress(OSError, HTTPError):
        response.raw.read(_BODY_LIMIT, decode_content=False)


def _kind_of(error: Exception) -> SendFailure:
    if isinstance(error, requests.Timeout):
        return SendFailure.TIMEOUT

    if isinstance(error, requests.exceptions.SSLError):
        return SendFailure.TLS

    return SendFailure.CONNECTION
