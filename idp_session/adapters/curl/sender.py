"""Posts logout tokens by libcurl."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import timedelta
from urllib.parse import quote_plus

from ...models import SendFailure
from ...models import SendResult
from .._answers import prepared_uri
from ..address_policy import AddressPolicy
from ..forks import forget_after_fork
from ..outcomes import future_of
from ..outcomes import has_twin
from ..outcomes import PendingOutcome
from .loop import CurlLoop
from .settings import CurlSettings
from .transfer import Job

__all__ = ["CurlLogoutSender"]


class CurlLogoutSender:
    """Posts logout tokens with libcurl (Back-Channel Logout 1.0 §2.5).

    One thread makes all requests, thousands at a time if need be, and keeps their
    connections for the next ones. It makes the same promises as
    :class:`~idp_session.adapters.http.RequestsLogoutSender`: addresses that the
    policy permits, over verified TLS 1.2 or newer; no redirects, proxies, cookies or
    credentials from the environment; a deadline for everything, the lookup of the
    name included. An address is judged before it is connected to, and again before
    each request that uses an old connection. An answer counts once its head is
    complete; of its body at most 64 kB are read, for about a second, and dropped; a
    head of more than 128 kB is a failed connection. Speaks HTTP/1.1.

    May be shared by threads. A forked child has a thread and connections of its own.

    :param policy: Which URIs and addresses are permitted.
    :param connect_timeout: For the lookup of the name and for connecting.
    :param timeout: For everything.
    :param ca_file: Certificates in PEM that are trusted besides the usual ones.
    :param connections: How many there are at once, those that are kept included; what
        is beyond that waits. No limit without, except for kept ones.
    :param resolve: Addresses of names that are not looked up, as
        ``"host:port:address,address"``, an IPv6 address in brackets.
    :raises ConfigurationError: If the file cannot be used.
    """

    _loop: CurlLoop | None

    def __init__(
        self,
        *,
        policy: AddressPolicy,
        connect_timeout: timedelta,
        timeout: timedelta,
        ca_file: str | None = None,
        connections: int | None = None,
        resolve: Sequence[str] = (),
    ) -> None:
        self._policy = policy
        self._connections = connections
        self._settings = CurlSettings(
            allow_http=policy.allow_http,
            connect_timeout=connect_timeout,
            timeout=timeout,
            ca_file=ca_file,
            resolve=resolve,
        )
        self._lock = threading.Lock()
        self._loop = None
        forget_after_fork(self)

    @has_twin("_submit_for")
    def submit(self, uri: str, logout_token: str) -> Future[SendResult]:
        outcome = PendingOutcome()
        future = future_of(outcome)
        self._submit_for(uri, logout_token, outcome)

        return future

    def _submit_for(self, uri: str, logout_token: str, outcome: PendingOutcome) -> None:
        if failure := self._policy.check_uri(uri):
            outcome.decide(SendResult(failure=failure))
            return

        try:
            prepared = prepared_uri(uri)
        except ValueError:
            outcome.decide(SendResult(failure=SendFailure.INVALID_URI))
            return

        self._hand_over(
            Job(
                uri=prepared,
                # backchannel §2.5: one parameter in a form-encoded body.
                body=b"logout_token=" + quote_plus(logout_token).encode(),
                outcome=outcome,
                asked_at=time.monotonic(),
            )
        )

    def stop(self) -> None:
        with self._lock:
            loop, self._loop = self._loop, None

        if loop is not None:
            loop.stop()

    def after_fork(self) -> None:
        """Leave the thread and the connections to the parent."""
        if self._loop is not None:
            _keep_for_ever(self._loop)

        self._lock = threading.Lock()
        self._loop = None

    def _hand_over(self, job: Job) -> None:
        with self._lock:
            if self._loop is not None and self._loop.submit(job):
                return

            loop = CurlLoop(
                self._settings, policy=self._policy, connections=self._connections
            )

            try:
                loop.start()
            except RuntimeError as error:
                job.outcome.fail(error)
                return

            self._loop = loop
            loop.submit(job)


def _keep_for_ever(loop: CurlLoop) -> None:
    # Were it let go of, libcurl would say goodbye on connections that the parent is
    # still using.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(loop))
