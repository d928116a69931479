"""The sample provider as it is started, and bytes that nobody should send."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..ports import free_port
from ..sample.clients import RecordingClient
from ..sample.clients import write_clients
from ..sample.processes import Running
from ..sample.processes import start
from ..sample.processes import wait_until
from .exploring import Explore
from .exploring import in_both_profiles
from .hostile import SECRET
from .promises import Promises
from .raw import raw_requests
from .sockets import exchange

pytestmark = pytest.mark.process

_TEN_MEGABYTES = 10 * 1024 * 1024
# Each line of the log begins with the time.
_LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ [\w.]+ [^\x00-\x1f\x7f]*"
)


class Server:
    """A provider with gunicorn in front, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        shop = RecordingClient("shop", port=9)
        file = write_clients(folder / "clients.json", shop)
        self.port = free_port()
        self.process: Running = start(
            *["sample_idp", "idp", "--port", str(self.port), "--clients", str(file)],
            "--open-registration",
            cwd=folder,
        )
        self.process.wait_until_ready()
        self.host = f"localhost:{self.port}".encode()
        self.promises = Promises(
            origin=f"http://localhost:{self.port}",
            registered=shop.metadata["redirect_uris"],
            hardened=False,
        )
        self._asked = 0

    def check(self, sent: bytes) -> None:
        """Send bytes, and see that no promise is broken."""
        answer = exchange(self.port, sent)

        # RFC 9112 §6.1: what knows a transfer coding not is told so by 501.
        if answer is not None and not (
            answer.status == 501 and b"Transfer-Encoding" in sent
        ):
            self.promises.check(answer)

    def check_log(self) -> None:
        """See that it goes on serving, and what it has logged so far."""
        self._asked += 1
        last = f"/the-last-{self._asked}"
        answer = exchange(self.port, _get(last.encode(), self.host))
        assert answer is not None
        assert answer.status == 404
        wait_until(lambda: any(last in line for line in self.process.lines), 60)
        lines = [line for line in self.process.lines if not line.startswith("ready: ")]
        assert SECRET not in self.process.text

        for line in lines:
            assert _LINE.fullmatch(line.removesuffix("\n")), repr(line)
            assert not re.search(r"Traceback| (ERROR|CRITICAL) ", line), line


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    it = Server(tmp_path_factory.mktemp("served"))
    yield it
    it.process.close()


@in_both_profiles(examples=250)
def test_bytes(server: Server, explore: Explore) -> None:
    """Whatever bytes come, they are answered well or not at all, and it goes on."""
    explore(server.check, raw_requests(host=server.host))

    server.check_log()


@pytest.mark.parametrize("host", [b"localhost:1", b"127.0.0.1", b"localhost"])
def test_ports(server: Server, host: bytes) -> None:
    """A redirect leads to the port of the issuer, whatever the request says."""
    answer = exchange(server.port, _get(b"/account", host))

    assert answer is not None
    server.promises.check(answer)
    assert answer.status == 308


@pytest.mark.parametrize(
    "path",
    [
        b"/login",
        b"/connect/authorize",
        b"/connect/token",
        b"/connect/userinfo",
        b"/connect/revocation",
        b"/connect/introspection",
        b"/connect/register",
        b"/connect/endsession",
        b"/account/sessions/end-others",
    ],
)
@pytest.mark.parametrize(
    "content_type",
    [
        b"application/x-www-form-urlencoded",
        b"application/json",
        b"multipart/form-data; boundary=b",
    ],
)
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
def test_ten_megabytes(
    server: Server, path: bytes, content_type: bytes, *, chunked: bool
) -> None:
    """A body of ten megabytes is refused or not looked at, and it goes on."""
    head = b"POST %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Type: %s\r\n"
    body = b"a" * _TEN_MEGABYTES
    framed = (
        b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"
        if chunked
        else b"Content-Length: %d\r\n\r\n%s"
    )

    server.check(head % (path, server.host, content_type) + framed % (len(body), body))
    server.check_log()


def _get(path: bytes, host: bytes) -> bytes:
    return b"GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (path, host)
