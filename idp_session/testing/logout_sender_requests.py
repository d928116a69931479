"""What every sender of logout tokens must send, and take for an answer."""

from __future__ import annotations

import http.server
import logging
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from ..models import SendFailure
from ..models import SendResult
from ..ports import LogoutSender
from .logout_sender_tls import MakeSender
from .servers import answering
from .servers import OK
from .servers import recording
from .servers import serving
from .servers import TOKEN

__all__ = ["LogoutSenderRequestContract", "send_one"]

_SOON = 20.0
_SHORT = timedelta(seconds=0.4)


def send_one(sender: LogoutSender, uri: str) -> SendResult:
    """Send one token, and stop the sender.

    :param sender: The sender.
    :param uri: Where to.
    """
    try:
        return sender.submit(uri, TOKEN).result(_SOON)
    finally:
        sender.stop()


def _fields(lines: list[str]) -> list[list[str]]:
    return [line.split(": ", 1) for line in lines]


class LogoutSenderRequestContract:
    """The promises of a sender that concern requests and answers, as tests."""

    def test_request(self, make_sender: MakeSender) -> None:
        """A client gets one form-encoded POST with the token and nothing else."""
        # BCL-OP-01 to BCL-OP-04, BCL-OP-32
        requests: list[bytes] = []

        with serving(recording(requests)) as server:
            result = send_one(make_sender(), server.uri())

        head, body = requests[0].decode().split("\r\n\r\n")
        request_line, *lines = head.split("\r\n")
        fields = {name.lower(): value for name, value in _fields(lines)}
        assert result.status == 200
        assert request_line == "POST /logout?key=confidential HTTP/1.1"
        assert body == f"logout_token={TOKEN}"
        assert fields["host"] == f"127.0.0.1:{server.port}"
        assert fields["content-type"] == "application/x-www-form-urlencoded"
        assert fields["content-length"] == str(len(body))
        assert fields.keys() <= {
            "accept",
            "accept-encoding",
            "connection",
            "content-length",
            "content-type",
            "host",
            "user-agent",
        }

    @pytest.mark.parametrize(
        "status",
        [
            pytest.param(200, id="ok"),
            pytest.param(204, id="no content"),
            pytest.param(400, id="refused"),
            pytest.param(401, id="asks who we are"),
            pytest.param(407, id="asks who we are, as a proxy"),
            pytest.param(429, id="too many"),
            pytest.param(503, id="away"),
        ],
    )
    def test_status_is_passed_on(self, make_sender: MakeSender, status: int) -> None:
        """The status is a value, whatever it is."""
        # BCL-OP-28, BCL-OP-29
        answer = f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n"

        with serving(answering(answer.encode())) as server:
            result = send_one(make_sender(), server.uri())

        assert (result.status, result.failure) == (status, None)
        assert server.connections == 1
        assert timedelta(0) < result.latency < timedelta(seconds=5)

    @pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
    def test_redirects_are_not_followed(
        self, make_sender: MakeSender, status: int
    ) -> None:
        """Nobody is sent on to where the client points."""
        # BCL-OP-31
        with serving(answering(OK)) as canary:
            answer = (
                f"HTTP/1.1 {status} X\r\nLocation: {canary.uri()}\r\n"
                f"Refresh: 0; url={canary.uri()}\r\nContent-Length: 0\r\n\r\n"
            )
            with serving(answering(answer.encode())) as server:
                result = send_one(make_sender(), server.uri())

        assert result.status == status
        assert (server.connections, canary.connections) == (1, 0)

    @pytest.mark.parametrize(
        "before",
        [
            pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="continue"),
            pytest.param(
                b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n", id="early hints"
            ),
            pytest.param(b"HTTP/1.1 102 Processing\r\n\r\n" * 3, id="several"),
        ],
    )
    def test_provisional_answers_are_passed_over(
        self, make_sender: MakeSender, before: bytes
    ) -> None:
        """What counts is the answer that is final, whatever a proxy says before it."""
        with serving(answering(before + b"HTTP/1.1 204 X\r\n\r\n")) as server:
            result = send_one(make_sender(), server.uri())

        assert result.status == 204

    def test_standard_server(self, make_sender: MakeSender) -> None:
        """An ordinary HTTP server understands the request."""
        bodies: list[bytes] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            result = send_one(make_sender(), f"http://127.0.0.1:{server.server_port}")
            thread.join()

        assert result.status == 204
        assert bodies == [f"logout_token={TOKEN}".encode()]

    def test_no_cookies(self, make_sender: MakeSender) -> None:
        """A cookie that a client sets is not sent to it again."""
        requests: list[bytes] = []
        answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"

        with serving(recording(requests, answer)) as server:
            sender = make_sender()
            sender.submit(server.uri(), TOKEN).result(_SOON)
            send_one(sender, server.uri())

        assert len(requests) == 2
        assert b"ookie" not in requests[1]

    @pytest.mark.parametrize("scheme", ["http", "https"])
    def test_environment_is_ignored(
        self,
        make_sender: MakeSender,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        scheme: str,
    ) -> None:
        """Neither a proxy nor credentials of the environment are used."""
        netrc = tmp_path / ".netrc"
        netrc.write_text("machine 127.0.0.1 login a password b\n")
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("HOME", str(tmp_path))
        requests: list[bytes] = []

        with serving(answering(OK)) as proxy, serving(recording(requests)) as server:
            for name in ("http_proxy", "https_proxy", "all_proxy"):
                monkeypatch.setenv(name, proxy.uri())
                monkeypatch.setenv(name.upper(), proxy.uri())

            sender = make_sender(timeout=_SHORT)
            # Once is enough, unless the machine stands still for that long.
            for _ in range(5):
                server.connections or send_one(sender, server.uri(scheme))

        assert server.connections > 0
        assert proxy.connections == 0
        assert b"uthorization" not in b"".join(requests)

    @pytest.mark.parametrize(
        ("header", "expected"),
        [
            pytest.param("Retry-After: 120\r\n", timedelta(minutes=2), id="given"),
            pytest.param("retry-AFTER:7\r\n", timedelta(seconds=7), id="other case"),
            pytest.param("Retry-After: soon\r\n", None, id="nonsense"),
            pytest.param("Retry-After: 9\r\nRetry-After: 7\r\n", None, id="twice"),
            pytest.param("", None, id="absent"),
        ],
    )
    def test_retry_after_is_passed_on(
        self, make_sender: MakeSender, header: str, expected: timedelta | None
    ) -> None:
        """When to come back is part of the result."""
        answer = f"HTTP/1.1 503 X\r\n{header}Content-Length: 0\r\n\r\n"

        with serving(answering(answer.encode())) as server:
            result = send_one(make_sender(), server.uri())

        assert result.retry_after == expected

    def test_unknown_name(self, make_sender: MakeSender) -> None:
        """A name without an address is a value."""
        result = send_one(make_sender(), "https://rp.invalid/")

        assert result.failure is SendFailure.DNS

    def test_address_of_ipv6(self, make_sender: MakeSender) -> None:
        """A client may be at an address of IPv6."""
        with serving(answering(OK), "::1") as server:
            result = send_one(make_sender(), server.uri(host="[::1]"))

        assert result.status == 200

    @pytest.mark.parametrize(
        "uri",
        [
            pytest.param("", id="empty"),
            pytest.param("mailto:a@b.test", id="other scheme"),
            pytest.param("file:///etc/passwd", id="file"),
            pytest.param("gopher://127.0.0.1/", id="gopher"),
            pytest.param("/logout", id="relative"),
            pytest.param("https:///logout", id="no host"),
            pytest.param("https://u:p@127.0.0.1/", id="credentials"),
            pytest.param("https://127.0.0.1:0/", id="port 0"),
            pytest.param("https://127.0.0.1:99999/", id="huge port"),
            pytest.param("https://127.0.0.1/\r\nX: y", id="line end"),
            pytest.param("https://127.0.0.1/a b", id="space"),
            pytest.param("https://127.0.0.1/\x00", id="NUL"),
            pytest.param("https://*.test/", id="wildcard"),
            pytest.param("https://[::1/", id="open bracket"),
            pytest.param("https://\u2603\u200d.test/", id="no name"),
        ],
    )
    def test_unusable_uri(self, make_sender: MakeSender, uri: str) -> None:
        """What cannot be requested is a value, and nothing is raised."""
        assert send_one(make_sender(), uri).failure is SendFailure.INVALID_URI

    @pytest.mark.parametrize("answers", [True, False], ids=["answer", "no answer"])
    def test_log_shows_neither_token_nor_query(
        self,
        make_sender: MakeSender,
        caplog: pytest.LogCaptureFixture,
        *,
        answers: bool,
    ) -> None:
        """Even at DEBUG nothing confidential is in the log."""
        answer = OK if answers else b"nonsense\r\n\r\n"

        with caplog.at_level(logging.DEBUG), serving(answering(answer)) as server:
            send_one(make_sender(), server.uri())

        assert not any(
            secret in caplog.text for secret in (TOKEN, "signature", "confidential")
        )
