"""Turns a function that waits for an answer into a sender."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from ..models import SendResult
from .threads import DaemonThreads

__all__ = ["BlockingLogoutSender"]


class BlockingLogoutSender:
    """A :class:`~idp_session.ports.LogoutSender` made of a function that waits.

    .. code-block:: python

        def post(uri, logout_token):
            answer = session.post(uri, {"logout_token": logout_token}, timeout=10)
            return SendResult(status=answer.status_code)

        sender = BlockingLogoutSender(post)

    The function runs in threads of its own, which are started when they are needed
    and end when they are not. They are daemons: the end of the process does not
    wait for them. A forked child has none until it submits something.

    :param send: Posts a token to a URI and returns what came of it, within its
        deadline; what it raises is taken for a fault of its own, and tried again.
    :param threads: How many there are at the most. No fewer than
        ``delivery_in_flight``, or deliveries wait for each other.
    """

    def __init__(
        self, send: Callable[[str, str], SendResult], *, threads: int = 256
    ) -> None:
        self._send = send
        self._threads = DaemonThreads[_Job](name="idp_session-sending", at_most=threads)

    def submit(self, uri: str, logout_token: str) -> Future[SendResult]:
        job = _Job(self._send, uri, logout_token)

        try:
            self._threads.run(job)
        except RuntimeError as error:
            job.future.set_exception(error)

        return job.future

    def stop(self) -> None:
        for job in self._threads.stop():
            job.future.cancel()


class _Job:
    def __init__(
        self, send: Callable[[str, str], SendResult], uri: str, logout_token: str
    ) -> None:
        self.future: Future[SendResult] = Future()
        self._send = send
        self._uri = uri
        self._logout_token = logout_token

    def __call__(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return

        try:
            self.future.set_result(self._send(self._uri, self._logout_token))
        except BaseException as error:
            # The border of a thread: whoever waits for the future hears of it.
            self.future.set_exception(error)
