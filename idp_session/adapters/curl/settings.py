"""What holds for every request that libcurl makes for us."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pycurl

from .._answers import ACCEPT
from .._answers import USER_AGENT
from .._authorities import authorities
from .._authorities import usual_authorities

__all__ = ["CurlSettings"]

# CURLOPT_QUICK_EXIT, for which pycurl has no name: a lookup that hangs is left
# behind, instead of holding up the thread that drives all requests.
_QUICK_EXIT = 322

_LONGEST_CONNECTION_SECONDS = 300

# The least that libcurl takes, and more than a logout token needs. Each request has
# such a buffer; wherever one lay before, its memory stays with the process.
_SENT_AT_ONCE = 16 * 1024


class CurlSettings:
    """The options of libcurl.

    :param allow_http: Whether plain http is permitted.
    :param connect_timeout: For the lookup of the name and for connecting.
    :param timeout: For everything.
    :param ca_file: Certificates in PEM that are trusted besides the usual ones.
    :param resolve: Fixed addresses of names.
    :raises ConfigurationError: If the file cannot be used.
    """

    def __init__(
        self,
        *,
        allow_http: bool,
        connect_timeout: timedelta,
        timeout: timedelta,
        ca_file: str | None,
        resolve: Sequence[str],
    ) -> None:
        self._protocols = pycurl.PROTO_HTTPS | (pycurl.PROTO_HTTP if allow_http else 0)
        self._connect_timeout = max(1, round(connect_timeout.total_seconds() * 1000))
        self._timeout = max(1, round(timeout.total_seconds() * 1000))
        self._resolve = list(resolve)
        self._authorities = authorities(ca_file)
        self._ca_path = (
            usual_authorities()
            if ca_file is None
            else _in_memory(self, self._authorities)
        )

    def apply_to(self, curl: pycurl.Curl) -> None:
        """Set a handle up.

        :param curl: The handle, as new.
        """
        self._apply_limits(curl)
        self._apply_trust(curl)
        curl.setopt(pycurl.POST, 1)
        curl.setopt(pycurl.UPLOAD_BUFFERSIZE, _SENT_AT_ONCE)
        curl.setopt(pycurl.USERAGENT, USER_AGENT)
        # Without the empty header libcurl would wait for "100 Continue".
        curl.setopt(pycurl.HTTPHEADER, [f"Accept: {ACCEPT}", "Expect:"])
        # A stream of HTTP/2 shares its connection's fate with others.
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)

        if self._resolve:
            curl.setopt(pycurl.RESOLVE, self._resolve)

    def limit_time(self, curl: pycurl.Curl, *, spent: float = 0.0) -> None:
        """Set how long the next request may take.

        :param curl: The handle.
        :param spent: Seconds that are gone already.
        """
        curl.setopt(pycurl.TIMEOUT_MS, max(1, self._timeout - round(spent * 1000)))

    def _apply_limits(self, curl: pycurl.Curl) -> None:
        curl.setopt(pycurl.PROTOCOLS, self._protocols)
        curl.setopt(pycurl.REDIR_PROTOCOLS, 0)
        curl.setopt(pycurl.FOLLOWLOCATION, 0)
        # An empty string, unlike none, keeps the proxies of the environment out.
        curl.setopt(pycurl.PROXY, "")
        curl.setopt(pycurl.NETRC, pycurl.NETRC_IGNORED)
        # Signals are the process's own.
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(_QUICK_EXIT, 1)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, self._connect_timeout)
        # A client that has moved is found again although it is talked to often.
        curl.setopt(pycurl.MAXLIFETIME_CONN, _LONGEST_CONNECTION_SECONDS)

    def _apply_trust(self, curl: pycurl.Curl) -> None:
        curl.setopt(pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2)
        curl.setopt(pycurl.SSL_VERIFYPEER, 1)
        curl.setopt(pycurl.SSL_VERIFYHOST, 2)

        # libcurl reads a file once for all connections, but a blob for each.
        if self._ca_path is not None:
            curl.setopt(pycurl.CAINFO, self._ca_path)
        else:
            curl.setopt(pycurl.CAINFO_BLOB, self._authorities)


def _in_memory(owner: object, content: bytes) -> str | None:
    """The path of a file that nobody can remove, as long as its owner lives."""
    if not hasattr(os, "memfd_create"):
        return None

    file = os.memfd_create("idp_session-authorities")
    weakref.finalize(owner, _close, file)
    path = f"/proc/self/fd/{file}"

    with contextlib.suppress(OSError):
        Path(path).write_bytes(content)
        return path

    return None


def _close(file: int) -> None:
    with contextlib.suppress(OSError):
        os.close(file)
