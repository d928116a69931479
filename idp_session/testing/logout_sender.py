"""What every sender of logout tokens must do."""

from __future__ import annotations

import os
import socket
import threading
import time
from concurrent.futures import Future
from datetime import timedelta

import pytest

from ..models import SendFailure
from ..models import SendResult
from .logout_sender_limits import LogoutSenderLimitsContract
from .logout_sender_requests import LogoutSenderRequestContract
from .logout_sender_requests import send_one
from .logout_sender_tls import LogoutSenderTlsContract
from .logout_sender_tls import MakeSender
from .servers import answering
from .servers import OK
from .servers import serving
from .servers import silent
from .servers import TOKEN
from .together import together

__all__ = ["LogoutSenderContract"]

#: For what comes at once; machines may stand still for a while.
_SOON = 20.0
#: How long a client that hangs is waited for, where nobody waits for that.
_LONG = timedelta(seconds=30)
#: The same, where somebody does.
_SLOW = timedelta(seconds=4)


class LogoutSenderContract(
    LogoutSenderRequestContract, LogoutSenderLimitsContract, LogoutSenderTlsContract
):
    """The promises of :class:`~idp_session.ports.LogoutSender`, as tests.

    A subclass defines one fixture, ``make_sender``, which makes a sender that may
    use plain http and reach every loopback address; it takes ``timeout``,
    ``connect_timeout`` and ``ca_file``, all by name and all optional.
    Needs trustme, which comes with the extra ``testing``.
    """

    def test_submitting_does_not_wait(self, make_sender: MakeSender) -> None:
        """Whoever submits goes on at once."""
        sender = make_sender(timeout=_LONG)

        with serving(silent) as server:
            began = time.monotonic()
            future = sender.submit(server.uri(), TOKEN)
            waited = time.monotonic() - began
            is_done = future.done()
            sender.stop()

        assert waited < _SOON
        assert not is_done

    def test_a_hundred_that_hang_do_not_delay_another(
        self, make_sender: MakeSender
    ) -> None:
        """Slow clients cost the others nothing."""
        sender = make_sender(timeout=_LONG)

        with serving(silent) as slow, serving(answering(OK)) as quick:
            hanging = [sender.submit(slow.uri(), TOKEN) for _ in range(100)]
            result = sender.submit(quick.uri(), TOKEN).result(_SOON)
            still_hanging = sum(not each.done() for each in hanging)
            sender.stop()

        assert result.status == 200
        assert result.latency < timedelta(seconds=_SOON)
        assert still_hanging == 100

    def test_shared_by_threads(self, make_sender: MakeSender) -> None:
        """Many threads submit at once to one sender."""
        sender = make_sender()

        with serving(answering(OK)) as server:

            def send() -> list[Future[SendResult]]:
                return [sender.submit(server.uri(), TOKEN) for _ in range(5)]

            futures = [each for some in together([send] * 8) for each in some]
            statuses = {each.result(_SOON).status for each in futures}
            sender.stop()

        assert statuses == {200}
        assert server.connections == 40

    def test_stop_with_requests_under_way(self, make_sender: MakeSender) -> None:
        """Stopping waits for no client, and every future comes to its end."""
        sender = make_sender(timeout=_SLOW)

        with serving(silent) as server:
            futures = [sender.submit(server.uri(), TOKEN) for _ in range(20)]
            time.sleep(0.1)
            began = time.monotonic()
            sender.stop()
            waited = time.monotonic() - began
            ends = [_end(each) for each in futures]

        assert waited < _SLOW.total_seconds()
        assert set(ends) <= {"cancelled", SendFailure.TIMEOUT}

    def test_begin_anew_after_stop(self, make_sender: MakeSender) -> None:
        """A sender that was stopped, twice even, works when it is needed again."""
        sender = make_sender()
        sender.stop()

        with serving(answering(OK)) as server:
            first = send_one(sender, server.uri())
            sender.stop()
            second = send_one(sender, server.uri())

        assert (first.status, second.status) == (200, 200)

    def test_cancelled_request(self, make_sender: MakeSender) -> None:
        """Cancelling disturbs no other request."""
        sender = make_sender(timeout=_SLOW)

        with serving(silent) as slow, serving(answering(OK)) as quick:
            cancelled = sender.submit(slow.uri(), TOKEN)
            cancelled.cancel()
            result = send_one(sender, quick.uri())
            end = _end(cancelled)

        assert result.status == 200
        assert end in {"cancelled", SendFailure.TIMEOUT}

    @pytest.mark.process
    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_a_child_sends_by_itself(self, make_sender: MakeSender) -> None:
        """After a fork both sides send, and neither disturbs the other's requests."""
        go_on = threading.Event()

        def behave(connection: socket.socket) -> None:
            answering(b"")(connection)
            go_on.wait(_SOON)
            connection.sendall(OK)

        sender = make_sender(timeout=_LONG)

        with serving(behave) as slow, serving(answering(OK)) as quick:
            sender.submit(quick.uri(), TOKEN).result(_SOON)
            before = sender.submit(slow.uri(), TOKEN)
            time.sleep(0.1)

            if (child := os.fork()) == 0:
                result = send_one(sender, quick.uri())
                os._exit(0 if result.status == 200 else 1)

            code = os.waitpid(child, 0)[1]
            go_on.set()
            result = before.result(_SOON)
            after = send_one(sender, quick.uri())

        assert code == 0
        assert (result.status, after.status) == (200, 200)


def _end(future: Future[SendResult]) -> object:
    if future.cancelled():
        return "cancelled"

    return future.result(_SOON).failure
