"""One request at a time by one handle of libcurl."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta
from datetime import UTC
from typing import Any

import pycurl

from ...models import SendFailure
from ...models import SendResult
from .._answers import BODY_LIMIT
from .._answers import EXCERPT_LIMIT
from .._answers import PreparedURI
from .._answers import retry_after
from ..address_policy import AddressPolicy
from ..outcomes import PendingOutcome
from .settings import CurlSettings

__all__ = ["Job", "Transfer"]

_MOST_HEAD_BYTES = 128 * 1024
_STATUS = re.compile(rb"HTTP/[0-9.]+ ([0-9]{3})\b")
_LEAST_FINAL_STATUS = 200
_FAMILIES = {socket.AF_INET, socket.AF_INET6}

_FAILURES = {
    pycurl.E_COULDNT_RESOLVE_HOST: SendFailure.DNS,
    pycurl.E_OPERATION_TIMEDOUT: SendFailure.TIMEOUT,
    pycurl.E_URL_MALFORMAT: SendFailure.INVALID_URI,
    pycurl.E_PEER_FAILED_VERIFICATION: SendFailure.TLS,
    pycurl.E_SSL_CACERT_BADFILE: SendFailure.TLS,
    pycurl.E_SSL_CERTPROBLEM: SendFailure.TLS,
    pycurl.E_SSL_CIPHER: SendFailure.TLS,
    pycurl.E_SSL_CONNECT_ERROR: SendFailure.TLS,
    pycurl.E_SSL_ISSUER_ERROR: SendFailure.TLS,
}


# How libcurl meets a connection that the other side has closed.
_CLOSED = {pycurl.E_GOT_NOTHING, pycurl.E_RECV_ERROR, pycurl.E_SEND_ERROR}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Job:
    """A request to make."""

    #: Where to.
    uri: PreparedURI
    #: What to post.
    body: bytes
    #: What comes of it.
    outcome: PendingOutcome
    #: When it was asked for, on the monotonic clock.
    asked_at: float


class Transfer:
    """A handle that makes one request after the other.

    All of it is called by the thread that drives the handle.

    :param settings: What holds for every request.
    :param policy: Which addresses are permitted.
    :param on_head: Called when the head of an answer is there.
    """

    __slots__ = (
        "_body_bytes",
        "_excerpt",
        "_head_bytes",
        "_is_second",
        "_on_head",
        "_policy",
        "_provisional",
        "_retry_after",
        "_settings",
        "_was_permitted",
        "_was_refused",
        "_was_refused_at_last",
        "curl",
        "job",
        "status",
    )

    #: The request that is being made.
    job: Job
    #: The status of the answer, once its head is there.
    status: int | None

    def __init__(
        self,
        settings: CurlSettings,
        *,
        policy: AddressPolicy,
        on_head: Callable[[Transfer], None],
    ) -> None:
        self._settings = settings
        self._policy = policy
        self._on_head = on_head
        #: What libcurl knows it by.
        self.curl = pycurl.Curl()
        settings.apply_to(self.curl)
        settings.limit_time(self.curl)
        self.curl.setopt(pycurl.OPENSOCKETFUNCTION, self._open)
        self.curl.setopt(pycurl.PREREQFUNCTION, self._check_peer)
        self.curl.setopt(pycurl.HEADERFUNCTION, self._take_head)
        self.curl.setopt(pycurl.WRITEFUNCTION, self._take_body)
        self._is_second = False
        self._clear()

    def begin(self, job: Job) -> None:
        """Get ready for a request.

        :param job: The request.
        """
        self.job = job
        self.curl.setopt(pycurl.URL, job.uri.text)
        self.curl.setopt(pycurl.POSTFIELDS, job.body)

    def begin_again(self, code: int) -> bool:
        """Get ready for the same request, if it met only connections that were over.

        A receiver may close a kept connection at the moment at which it is used
        again (RFC 9112, section 9.6). libcurl tries the next that it has kept, and
        gives up after five; the new try has a connection of its own, so there is
        but one, and what is left of the time.

        :param code: The error that libcurl has met; 0 if none.
        :returns: Whether there is a new try.
        """
        if code not in _CLOSED or self._head_bytes:
            return False

        if self.curl.getinfo(pycurl.NUM_CONNECTS):
            return False

        job = self.job
        self._clear()
        self.begin(job)
        self._is_second = True
        self.curl.setopt(pycurl.FRESH_CONNECT, 1)
        self._settings.limit_time(self.curl, spent=time.monotonic() - job.asked_at)

        return True

    def result(self, code: int) -> SendResult:
        """What came of the request.

        An answer counts once its head is complete, whatever becomes of the rest.

        :param code: The error that libcurl has met; 0 if none.
        """
        latency = timedelta(seconds=time.monotonic() - self.job.asked_at)

        if self.status is not None:
            return SendResult(
                status=self.status,
                retry_after=self._asked_for(),
                latency=latency,
                excerpt=self._excerpt,
            )

        return SendResult(failure=self._failure(code), latency=latency)

    def end(self) -> None:
        """Keep nothing of the request."""
        self.curl.setopt(pycurl.POSTFIELDS, "")

        if self._is_second:
            self._is_second = False
            self.curl.setopt(pycurl.FRESH_CONNECT, 0)
            self._settings.limit_time(self.curl)

        self._clear()

    def _asked_for(self) -> timedelta | None:
        if self._retry_after is None:
            return None

        return retry_after(self._retry_after, now=datetime.now(UTC))

    def _clear(self) -> None:
        self.job = _NONE
        self.status = None
        self._retry_after: str | None = None
        self._provisional = 0
        self._head_bytes = 0
        self._body_bytes = 0
        self._excerpt = b""
        self._was_refused = False
        self._was_permitted = False
        self._was_refused_at_last = False

    def _failure(self, code: int) -> SendFailure:
        # Where one address of several was permitted, that one has failed.
        if self._was_refused_at_last or (self._was_refused and not self._was_permitted):
            return SendFailure.ADDRESS_REFUSED

        return _FAILURES.get(code, SendFailure.CONNECTION)

    def _open(self, _: int, address: Any) -> object:
        if address.family not in _FAMILIES or not self._policy.permits(
            _numeric(address.addr), host=self.job.uri.host
        ):
            self._was_refused = True
            return pycurl.SOCKET_BAD

        self._was_permitted = True

        try:
            return _Lent(address.family, address.socktype, address.protocol)
        except OSError:
            return pycurl.SOCKET_BAD

    def _check_peer(self, address: str, *_: object) -> int:
        # Also for a connection that was opened for an earlier request.
        if self._policy.permits(address, host=self.job.uri.host):
            return int(pycurl.PREREQFUNC_OK)

        self._was_refused_at_last = True

        return int(pycurl.PREREQFUNC_ABORT)

    def _take_head(self, line: bytes) -> int | None:
        self._head_bytes += len(line)

        if self._head_bytes > _MOST_HEAD_BYTES:
            return -1

        if self.status is not None:
            # Trailers say nothing to us.
            return None

        if begin := line.startswith(b"HTTP/") and _STATUS.match(line):
            self._provisional, self._retry_after = int(begin[1]), None
        elif not line.strip() and self._provisional >= _LEAST_FINAL_STATUS:
            self.status = self._provisional
            self._on_head(self)
        elif line[:12].lower() == b"retry-after:":
            self._take_retry_after(line[12:].decode("latin-1").strip())

        return None

    def _take_retry_after(self, value: str) -> None:
        # RFC 9110 §5.3: what is given twice is read as one list, as Requests does.
        before = self._retry_after
        self._retry_after = value if before is None else f"{before}, {value}"

    def _take_body(self, chunk: bytes) -> int | None:
        self._body_bytes += len(chunk)
        self._excerpt += chunk[: EXCERPT_LIMIT - len(self._excerpt)]

        return -1 if self._body_bytes > BODY_LIMIT else None


class _Lent(socket.SocketType):
    """A socket that libcurl copies for itself; ours is closed then.

    It is made of what :class:`socket.socket` is made of: that one is told of its end by
    whoever closes it, and takes twice as long.
    """

    def __del__(self) -> None:
        self.close()


def _numeric(address: tuple[Any, ...]) -> str:
    # A zone in the fourth place: such an address is judged as it is written.
    if len(address) > 3 and address[3]:  # noqa: PLR2004
        return f"{address[0]}%{address[3]}"

    return str(address[0])


_NONE = Job(uri=PreparedURI("", ""), body=b"", outcome=PendingOutcome(), asked_at=0.0)
