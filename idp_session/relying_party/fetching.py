"""Gets a small document from the provider, by the standard library alone."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from contextlib import contextmanager
from contextlib import suppress
from datetime import timedelta
from http.client import HTTPConnection
from http.client import HTTPException
from http.client import HTTPResponse
from http.client import HTTPSConnection
from http.client import OK
from urllib.parse import SplitResult
from urllib.parse import urlsplit

from ..errors import ConfigurationError

__all__ = ["DocumentFetcher"]

#: Longer documents are refused, in bytes.
_LARGEST = 262_144
_HEADERS = {
    "Accept": "application/jwk-set+json, application/json",
    "Connection": "close",
    "User-Agent": "idp-session",
}


class DocumentFetcher:
    """Gets the document at one address.

    Over TLS whose certificate is verified, without redirects, proxies, cookies or
    credentials from the environment. What is longer than 256 kB is refused.

    :param address: Where it is; https.
    :param timeout: For connecting, and then for the whole answer.
    :param ca_file: Certificates in PEM that are trusted besides the system's.
    :param allow_http: Whether the address may be plain http, for development.
    :raises ConfigurationError: If the address or the file cannot be used.
    """

    def __init__(
        self,
        address: str,
        *,
        timeout: timedelta,
        ca_file: str | None = None,
        allow_http: bool = False,
    ) -> None:
        self._parts = _checked(address, allow_http=allow_http)
        self._timeout = timeout.total_seconds()
        self._tls = _tls_context(ca_file)

    def __call__(self) -> bytes:
        """The document as it is now.

        :raises OSError: If it cannot be had.
        """
        try:
            with closing(self._connection()) as connection:
                connection.connect()

                with _deadline(connection.sock, self._timeout):
                    return self._document(connection)
        except OSError:
            # Among them errors of certificates, which are ValueErrors as well.
            raise
        except (HTTPException, ValueError) as error:
            raise ConnectionError("the provider's answer is not one") from error

    def _connection(self) -> HTTPConnection:
        host, port = str(self._parts.hostname), self._parts.port

        if self._parts.scheme == "https":
            return HTTPSConnection(host, port, timeout=self._timeout, context=self._tls)

        return HTTPConnection(host, port, timeout=self._timeout)

    def _document(self, connection: HTTPConnection) -> bytes:
        query = f"?{self._parts.query}" if self._parts.query else ""
        connection.request("GET", (self._parts.path or "/") + query, headers=_HEADERS)

        with closing(connection.getresponse()) as response:
            return _body(response)


def _body(response: HTTPResponse) -> bytes:
    # A redirect is not followed: nobody but the provider's configured address says
    # which keys are its own.
    if response.status != OK:
        raise ConnectionError(f"the provider answers with status {response.status}")

    body = response.read(_LARGEST + 1)

    # A body that is cut short by the deadline or the network is no document.
    if len(body) > _LARGEST or response.length:
        raise ConnectionError("the document is too long, or not whole")

    return body


@contextmanager
def _deadline(connected: socket.socket, seconds: float) -> Iterator[None]:
    # A timeout of the socket counts anew for each byte; this one does not. The
    # method of SSLSocket would take the TLS layer from under a read.
    def cut_off() -> None:
        # It may have been closed just now.
        with suppress(OSError):
            socket.socket.shutdown(connected, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut_off)
    timer.daemon = True
    timer.start()

    try:
        yield
    finally:
        timer.cancel()


def _checked(address: str, *, allow_http: bool) -> SplitResult:
    try:
        parts = urlsplit(address)
        is_usable = bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_usable = False

    if not is_usable or not address.isascii() or not address.isprintable():
        raise ConfigurationError("jwks_uri must be an absolute URL")

    if parts.scheme != "https" and not (allow_http and parts.scheme == "http"):
        raise ConfigurationError(
            "jwks_uri must be an https URL; allow_http=True is for development"
        )

    if parts.username is not None or parts.fragment or " " in address:
        raise ConfigurationError(
            "jwks_uri must be an absolute URL without user, fragment and spaces"
        )

    return parts


def _tls_context(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2

    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            raise ConfigurationError(
                f"ca_file must be a file of certificates in PEM: {error}"
            ) from error

    return context
