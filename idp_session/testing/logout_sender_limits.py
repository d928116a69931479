"""What every sender of logout tokens must do with clients that are a nuisance."""

from __future__ import annotations

import socket
import struct
from datetime import timedelta

import pytest

from ..models import SendFailure
from .logout_sender_requests import send_one
from .logout_sender_tls import MakeSender
from .servers import answering
from .servers import Behaviour
from .servers import dripping
from .servers import full_backlog
from .servers import OK
from .servers import serving
from .servers import silent

__all__ = ["LogoutSenderLimitsContract"]

_SHORT = timedelta(seconds=0.4)
#: By then whoever keeps the limits is done, also on a machine that stands still for
#: a while, and who keeps none is not.
_LONG = timedelta(seconds=8)


def _reset(connection: socket.socket) -> None:
    connection.recv(10)
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    connection.close()


class LogoutSenderLimitsContract:
    """The promises of a sender that concern time and size, as tests."""

    # The deadline holds whatever the other side does (BCL-OP-27).
    @pytest.mark.parametrize(
        "behave",
        [
            pytest.param(silent, id="silence"),
            pytest.param(dripping(b"", b"H"), id="dripping status line"),
            pytest.param(
                dripping(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"), id="dripping headers"
            ),
            pytest.param(
                dripping(b"HTTP/1.1 200 OK\r\nX: ", b"x"), id="one dripping header"
            ),
            pytest.param(
                dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="dripping continues"
            ),
        ],
    )
    def test_slow_answer_is_cut_off(
        self, make_sender: MakeSender, behave: Behaviour
    ) -> None:
        """A server that never finishes its head is left at the deadline."""
        with serving(behave) as server:
            result = send_one(make_sender(timeout=_SHORT), server.uri())

        assert result.failure in {SendFailure.TIMEOUT, SendFailure.CONNECTION}
        assert result.latency < _LONG

    @pytest.mark.parametrize("status", [100, 102])
    def test_flood_of_provisional_answers_is_cut_off(
        self, make_sender: MakeSender, status: int
    ) -> None:
        """A server that talks without end and never comes to its point is left."""
        answer = f"HTTP/1.1 {status} X\r\n\r\n".encode()
        flood = dripping(b"", answer * 100, seconds=0)

        with serving(flood) as server:
            result = send_one(make_sender(), server.uri())

        assert result.failure is SendFailure.CONNECTION
        assert result.latency < _LONG

    @pytest.mark.parametrize(
        "start",
        [
            pytest.param(b"Content-Length: 9999\r\n\r\n", id="length"),
            pytest.param(b"Transfer-Encoding: chunked\r\n\r\n", id="chunked"),
            pytest.param(b"\r\n", id="until the end"),
        ],
    )
    @pytest.mark.parametrize("timeout", [0.4, 30])
    def test_slow_body_does_not_matter(
        self, make_sender: MakeSender, start: bytes, timeout: float
    ) -> None:
        """Once the head is there the answer counts; the body is waited for briefly."""
        drip = dripping(b"HTTP/1.1 200 OK\r\n" + start, b"1\r\nx\r\n")

        with serving(drip) as server:
            sender = make_sender(timeout=timedelta(seconds=timeout))
            # A machine that stands still may miss the head once, but not each time.
            results = (send_one(sender, server.uri()) for _ in range(5))
            result = next(each for each in results if each.status)

        assert result.status == 200
        assert result.latency < _LONG

    @pytest.mark.parametrize(
        "head",
        [
            pytest.param(b"", id="until the end"),
            pytest.param(b"Content-Length: 10000000\r\n", id="10 MB"),
            pytest.param(b"Content-Length: 999999999999\r\n", id="endless"),
            pytest.param(b"Transfer-Encoding: chunked\r\n", id="chunk"),
        ],
    )
    @pytest.mark.parametrize("first", [b"", b"-1\r\n", b"fffffffff\r\n"])
    def test_endless_body_is_cut_off(
        self, make_sender: MakeSender, head: bytes, first: bytes
    ) -> None:
        """Of a body without end only the beginning is read."""
        sent = 0

        def behave(connection: socket.socket) -> None:
            nonlocal sent
            answering(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + first)(connection)

            while True:
                sent += connection.send(b"x" * 65536)

        with serving(behave) as server:
            result = send_one(make_sender(), server.uri())

        assert result.status == 200
        assert sent < 9_000_000

    @pytest.mark.parametrize(
        "behave",
        [
            pytest.param(lambda _: None, id="hangs up"),
            pytest.param(_reset, id="resets"),
            pytest.param(answering(b""), id="no answer"),
            pytest.param(answering(b"SSH-2.0-x\r\n\r\n"), id="not HTTP"),
            pytest.param(answering(b"HTTP/1.1 200 OK\r\nX: "), id="half a head"),
            pytest.param(
                answering(
                    b"HTTP/1.1 200 OK\r\n" + (b"X: " + b"y" * 9000 + b"\r\n") * 20
                ),
                id="long head",
            ),
            pytest.param(answering(b"HTTP/1.1 2x0 OK\r\n\r\n"), id="no status"),
        ],
    )
    def test_unusable_answer(self, make_sender: MakeSender, behave: Behaviour) -> None:
        """What is no answer is a failed connection, not an error."""
        with serving(behave) as server:
            result = send_one(make_sender(), server.uri())

        assert result.failure is SendFailure.CONNECTION

    def test_nobody_listens(self, make_sender: MakeSender) -> None:
        """A refused connection is a value."""
        with serving(answering(OK)) as server:
            uri = server.uri()

        assert send_one(make_sender(), uri).failure is SendFailure.CONNECTION

    def test_connecting_is_cut_off(self, make_sender: MakeSender) -> None:
        """Connecting has a limit of its own."""
        with full_backlog("127.0.0.2") as port:
            result = send_one(
                make_sender(connect_timeout=_SHORT, timeout=2 * _LONG),
                f"http://127.0.0.2:{port}/",
            )

        assert result.failure is SendFailure.TIMEOUT
        assert result.latency < _LONG
