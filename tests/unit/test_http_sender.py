"""The sender, against real servers on loopback."""

from __future__ import annotations

import contextlib
import http.server
import logging
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from datetime import timedelta
from datetime import UTC
from pathlib import Path

import pytest
import trustme

from idp_session.adapters._exchange import Endpoint
from idp_session.adapters._exchange import resolve_name
from idp_session.adapters.address_policy import AddressPolicy
from idp_session.adapters.http import RequestsLogoutSender
from idp_session.adapters.http import retry_after
from idp_session.errors import ConfigurationError
from idp_session.models import SendFailure
from idp_session.models import SendResult

TOKEN = "header.claims.signature"
LOOPBACK = ("127.0.0.0/8", "::1/128")
POLICY = AddressPolicy(allow_http=True, allowed_networks=LOOPBACK)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

Behaviour = Callable[[socket.socket], None]


class Server:
    """Accepts connections on loopback and lets each be treated as told."""

    def __init__(self, behave: Behaviour, host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self._behave = behave
        self.connections = 0
        self.port: int = self._listener.getsockname()[1]
        self.closing = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def uri(self, scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}/logout?key=confidential"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._treat, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _treat(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self._behave(connection)

    def close(self) -> None:
        self.closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

        for thread in self._threads:
            thread.join()


@contextlib.contextmanager
def serving(behave: Behaviour, host: str = "127.0.0.1") -> Iterator[Server]:
    server = Server(behave, host)

    try:
        yield server
    finally:
        server.close()


def received(connection: socket.socket) -> bytes:
    """The whole request that a connection carries."""
    request = b""

    while b"\r\n\r\n" not in request or not request.endswith(TOKEN.encode()):
        chunk = connection.recv(65536)

        if not chunk:
            break

        request += chunk

    return request


def answering(answer: bytes) -> Behaviour:
    def behave(connection: socket.socket) -> None:
        received(connection)
        connection.sendall(answer)

    return behave


def dripping(start: bytes, drop: bytes, *, seconds: float = 0.05) -> Behaviour:
    """Sends a beginning at once and then a few bytes at a time, without end."""

    def behave(connection: socket.socket) -> None:
        received(connection)
        connection.sendall(start)

        while True:
            connection.sendall(drop)
            time.sleep(seconds)

    return behave


def silent(connection: socket.socket) -> None:
    """Reads until the other side gives up."""
    while connection.recv(65536):
        pass


def sender(
    *,
    policy: AddressPolicy = POLICY,
    timeout: float = 5,
    connect_timeout: float = 5,
    ca_file: str | None = None,
    addresses: tuple[str, ...] | None = None,
) -> RequestsLogoutSender:
    def resolve(host: str, port: int) -> Sequence[Endpoint]:
        if addresses is None:
            return resolve_name(host, port)

        return [endpoint(address, port) for address in addresses]

    return RequestsLogoutSender(
        policy=policy,
        connect_timeout=timedelta(seconds=connect_timeout),
        timeout=timedelta(seconds=timeout),
        ca_file=ca_file,
        resolve=resolve,
    )


def endpoint(address: str, port: int) -> Endpoint:
    if ":" in address:
        return socket.AF_INET6, (address, port, 0, 0)

    return socket.AF_INET, (address, port)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def over_tls(
    authority: trustme.CA, behave: Behaviour, *names: str, newest: bool = True
) -> Behaviour:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)

    if not newest:
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    def behave_over_tls(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as encrypted:
            behave(encrypted)

    return behave_over_tls


def test_request() -> None:
    """A client gets one form-encoded POST with the token and nothing else."""
    # BCL-OP-01 to BCL-OP-04, BCL-OP-32
    requests: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        requests.append(received(connection))
        connection.sendall(OK)

    with serving(behave) as server:
        result = sender().send(server.uri(), TOKEN)

    head, body = requests[0].decode().split("\r\n\r\n")
    request_line, *lines = head.split("\r\n")
    assert result.status == 200
    assert request_line == "POST /logout?key=confidential HTTP/1.1"
    assert dict(line.split(": ", 1) for line in lines) == {
        "Host": f"127.0.0.1:{server.port}",
        "Accept": "application/json, */*",
        "Accept-Encoding": "identity",
        "Connection": "close",
        "Content-Length": str(len(body)),
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": "idp-session",
    }
    assert urllib.parse.parse_qsl(body) == [("logout_token", TOKEN)]


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(200, id="ok"),
        pytest.param(204, id="no content"),
        pytest.param(302, id="redirect"),
        pytest.param(400, id="refused"),
        pytest.param(503, id="away"),
    ],
)
def test_status_is_passed_on(status: int) -> None:
    """The status is a value, whatever it is, and no redirect is followed."""
    # BCL-OP-28, BCL-OP-29, BCL-OP-31
    answer = f"HTTP/1.1 {status} X\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"

    with serving(answering(answer.encode())) as server:
        result = sender().send(server.uri(), TOKEN)

    assert (result.status, result.failure) == (status, None)
    assert server.connections == 1
    assert timedelta(0) < result.latency < timedelta(seconds=5)


def test_standard_server() -> None:
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
        result = sender().send(f"http://127.0.0.1:{server.server_port}", TOKEN)
        thread.join()

    assert result.status == 204
    assert bodies == [f"logout_token={TOKEN}".encode()]


def test_no_cookies() -> None:
    """A cookie that a client sets is not sent to it again."""
    requests: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        requests.append(received(connection))
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
        )

    with serving(behave) as server:
        shared = sender()
        shared.send(server.uri(), TOKEN)
        shared.send(server.uri(), TOKEN)

    assert len(requests) == 2
    assert b"ookie" not in requests[1]


def test_environment_is_ignored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither a proxy nor credentials of the environment are used."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    requests: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        requests.append(received(connection))
        connection.sendall(OK)

    with serving(behave) as server:
        result = sender().send(server.uri(), TOKEN)

    assert result.status == 200
    assert b"uthorization" not in requests[0]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("Retry-After: 120\r\n", timedelta(minutes=2), id="given"),
        pytest.param("", None, id="absent"),
    ],
)
def test_retry_after_is_passed_on(header: str, expected: timedelta | None) -> None:
    """When to come back is part of the result."""
    answer = f"HTTP/1.1 503 X\r\n{header}Content-Length: 0\r\n\r\n"

    with serving(answering(answer.encode())) as server:
        assert sender().send(server.uri(), TOKEN).retry_after == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, None, id="absent"),
        pytest.param("", None, id="empty"),
        pytest.param("0", timedelta(0), id="now"),
        pytest.param(" 7 ", timedelta(seconds=7), id="seconds"),
        pytest.param("-5", timedelta(0), id="negative"),
        pytest.param("1.5", None, id="fraction"),
        pytest.param("soon", None, id="nonsense"),
        pytest.param("\u0665", None, id="foreign digit"),
        pytest.param("9" * 5000, timedelta(days=365), id="huge"),
        pytest.param("Fri, 02 Jan 2026 03:04:35 GMT", timedelta(seconds=30), id="date"),
        pytest.param(
            "Fri, 02 Jan 2026 03:04:35 -0000", timedelta(seconds=30), id="no zone"
        ),
        pytest.param("Thu, 01 Jan 2026 00:00:00 GMT", timedelta(0), id="past date"),
        pytest.param("Fri, 99 Jan 2026 03:04:35 GMT", None, id="impossible date"),
        pytest.param("Fri, 02 Jan " + "9" * 30 + " 03:04:35 GMT", None, id="far date"),
    ],
)
def test_retry_after(value: str | None, expected: timedelta | None) -> None:
    """Seconds and dates are understood; nonsense is ignored."""
    assert retry_after(value, now=NOW) == expected


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
def test_slow_answer_is_cut_off(behave: Behaviour) -> None:
    """A server that never finishes its head is left at the deadline."""
    with serving(behave) as server:
        result = sender(timeout=0.4).send(server.uri(), TOKEN)

    assert result.failure is SendFailure.TIMEOUT
    assert timedelta(seconds=0.35) < result.latency < timedelta(seconds=1)


def test_flood_of_continues_is_cut_off() -> None:
    """A server that talks without end and never comes to its point is left."""
    flood = dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, seconds=0)

    with serving(flood) as server:
        result = sender().send(server.uri(), TOKEN)

    assert result.failure is SendFailure.CONNECTION
    assert result.latency < timedelta(seconds=2)


def dripping_handshake(connection: socket.socket) -> None:
    """Begins a TLS record and sends its content one byte at a time."""
    connection.sendall(b"\x16\x03\x03\x40\x00")

    while True:
        connection.sendall(b"\x02")
        time.sleep(0.05)


@pytest.mark.parametrize("behave", [silent, dripping_handshake])
def test_slow_handshake_is_cut_off(behave: Behaviour) -> None:
    """A handshake that never ends is left at the deadline."""
    with serving(behave) as server:
        result = sender(timeout=0.4).send(server.uri("https"), TOKEN)

    assert result.failure is SendFailure.TIMEOUT
    assert result.latency < timedelta(seconds=1)


def test_slow_answer_over_tls_is_cut_off(authority: trustme.CA, ca_file: str) -> None:
    """The deadline holds for what is encrypted, too."""
    drip = over_tls(authority, dripping(b"HTTP/1.1 200 OK\r\n", b"A"), "127.0.0.1")

    with serving(drip) as server:
        result = sender(timeout=0.6, ca_file=ca_file).send(server.uri("https"), TOKEN)

    assert result.failure is SendFailure.TIMEOUT
    assert result.latency < timedelta(seconds=1.2)


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", id="length"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", id="chunked"
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", id="until the end"),
    ],
)
@pytest.mark.parametrize("timeout", [0.4, 30])
def test_slow_body_does_not_matter(start: bytes, timeout: float) -> None:
    """Once the head is there the answer counts; the body is waited for briefly."""
    with serving(dripping(start, b"1\r\nx\r\n")) as server:
        result = sender(timeout=timeout).send(server.uri(), TOKEN)

    assert result.status == 200
    assert result.latency < timedelta(seconds=2)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"", id="until the end"),
        pytest.param(b"Content-Length: 999999999999\r\n", id="length"),
        pytest.param(b"Transfer-Encoding: chunked\r\n", id="chunk"),
    ],
)
@pytest.mark.parametrize("first", [b"", b"-1\r\n", b"fffffffff\r\n"])
def test_endless_body_is_cut_off(head: bytes, first: bytes) -> None:
    """Of a body without end only the beginning is read."""
    sent = 0

    def behave(connection: socket.socket) -> None:
        nonlocal sent
        received(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + first)

        while True:
            sent += connection.send(b"x" * 65536)

    with serving(behave) as server:
        result = sender().send(server.uri(), TOKEN)

    assert result.status == 200
    assert sent < 20_000_000


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(lambda _: None, id="hangs up"),
        pytest.param(answering(b""), id="no answer"),
        pytest.param(answering(b"SSH-2.0-x\r\n\r\n"), id="not HTTP"),
        pytest.param(
            answering(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000), id="long header"
        ),
        pytest.param(
            answering(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200), id="many headers"
        ),
        pytest.param(
            answering(b"HTTP/1.1 200 OK\r\n" + (b"X: " + b"y" * 9000 + b"\r\n") * 50),
            id="long head",
        ),
        pytest.param(answering(b"HTTP/1.1 2x0 OK\r\n\r\n"), id="no status"),
    ],
)
def test_unusable_answer(behave: Behaviour) -> None:
    """What is no answer is a failed connection, not an error."""
    with serving(behave) as server:
        result = sender().send(server.uri(), TOKEN)

    assert result.failure is SendFailure.CONNECTION


def test_nobody_listens() -> None:
    """A refused connection is a value."""
    with serving(answering(OK)) as server:
        uri = server.uri()

    assert sender().send(uri, TOKEN).failure is SendFailure.CONNECTION


@pytest.mark.parametrize(
    ("uri", "failure"),
    [
        pytest.param("mailto:a@b.test", SendFailure.INVALID_URI, id="scheme"),
        pytest.param("https://u@127.0.0.1/", SendFailure.INVALID_URI, id="user"),
        pytest.param("https://*.test/", SendFailure.INVALID_URI, id="wildcard"),
        pytest.param("https://\u2603\u200d.test/", SendFailure.INVALID_URI, id="IDNA"),
        pytest.param("https://rp.invalid/", SendFailure.DNS, id="unknown name"),
        pytest.param(
            f"https://{'a' * 70}.test/", SendFailure.DNS, id="impossible name"
        ),
        pytest.param("https://10.0.0.1/", SendFailure.ADDRESS_REFUSED, id="private"),
        pytest.param(
            "https://169.254.169.254/", SendFailure.ADDRESS_REFUSED, id="metadata"
        ),
        pytest.param(
            "https://0x0a000001/", SendFailure.ADDRESS_REFUSED, id="private in hex"
        ),
        pytest.param(
            "https://[fd00:ec2::254]/", SendFailure.ADDRESS_REFUSED, id="metadata 6"
        ),
        pytest.param(
            "https://[::ffff:10.0.0.1]/", SendFailure.ADDRESS_REFUSED, id="mapped"
        ),
    ],
)
def test_where_nothing_is_sent(uri: str, failure: SendFailure) -> None:
    """A URI or address that must not be requested is a value of its own."""
    assert sender().send(uri, TOKEN).failure is failure  # BCL-OP-31


def test_plain_http_is_refused() -> None:
    """Plain http needs the host's consent."""
    policy = AddressPolicy(allow_http=False, allowed_networks=LOOPBACK)

    with serving(answering(OK)) as server:
        result = sender(policy=policy).send(server.uri(), TOKEN)

    assert result.failure is SendFailure.ADDRESS_REFUSED
    assert server.connections == 0


def test_name_of_a_refused_address() -> None:
    """A harmless name with an inner address is refused before connecting."""
    policy = AddressPolicy(allow_http=True, allowed_networks=())

    with serving(answering(OK)) as server:
        result = sender(policy=policy, addresses=("127.0.0.1",)).send(
            server.uri(host="rp.test"), TOKEN
        )

    assert result.failure is SendFailure.ADDRESS_REFUSED
    assert server.connections == 0


def test_name_is_looked_up_once() -> None:
    """A name that changes its address between check and use gains nothing."""
    answers = iter(["127.0.0.1", "10.0.0.1", "10.0.0.1"])

    with serving(answering(OK)) as server:
        result = RequestsLogoutSender(
            policy=POLICY,
            timeout=timedelta(seconds=5),
            connect_timeout=timedelta(seconds=5),
            resolve=lambda _, port: [endpoint(next(answers), port)],
        ).send(server.uri(host="rebinding.test"), TOKEN)

    assert result.status == 200
    assert next(answers) == "10.0.0.1"


def test_connected_address_is_checked_again() -> None:
    """What counts is where the connection really went."""

    class OnlyBeforehand(AddressPolicy):
        checks = 0

        def permits(self, address: str) -> bool:
            self.checks += 1
            return self.checks == 1

    policy = OnlyBeforehand(allow_http=True, allowed_networks=())

    with serving(silent) as server:
        result = sender(policy=policy).send(server.uri(), TOKEN)

    assert result.failure is SendFailure.ADDRESS_REFUSED


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param(("127.0.0.2", "127.0.0.1"), id="refused connection first"),
        pytest.param(("10.0.0.1", "127.0.0.1"), id="refused address first"),
        pytest.param(("::1", "127.0.0.1"), id="IPv6 first"),
        pytest.param(("127.0.0.1", "127.0.0.2"), id="good one first"),
    ],
)
def test_every_permitted_address_is_tried(addresses: tuple[str, ...]) -> None:
    """An address that does not work does not keep us from the next."""
    with serving(answering(OK)) as server:
        result = sender(addresses=addresses).send(server.uri(host="rp.test"), TOKEN)

    assert result.status == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_literal_address(authority: trustme.CA, ca_file: str, host: str) -> None:
    """An address in place of a name works, and its certificate is checked."""
    with serving(over_tls(authority, answering(OK), host), host) as server:
        literal = f"[{host}]" if ":" in host else host
        result = sender(ca_file=ca_file).send(server.uri("https", literal), TOKEN)

    assert result.status == 200


@pytest.mark.parametrize(
    ("uri", "asked"),
    [
        pytest.param("https://rp.test/", ("rp.test", 443), id="https"),
        pytest.param("http://rp.test/", ("rp.test", 80), id="http"),
        pytest.param("https://[2606:4700::1]/", ("2606:4700::1", 443), id="IPv6"),
        pytest.param("https://RP.test./", ("rp.test.", 443), id="final dot"),
        pytest.param(
            "https://b\u00fccher.test:1/", ("xn--bcher-kva.test", 1), id="IDNA"
        ),
    ],
)
def test_what_is_looked_up(uri: str, asked: tuple[str, int]) -> None:
    """The name is looked up as it was registered, with the port of its scheme."""
    lookups: list[tuple[str, int]] = []

    def resolve(host: str, port: int) -> list[Endpoint]:
        lookups.append((host, port))
        return []

    RequestsLogoutSender(
        policy=POLICY,
        timeout=timedelta(seconds=5),
        connect_timeout=timedelta(seconds=5),
        resolve=resolve,
    ).send(uri, TOKEN)

    assert lookups == [asked]


@contextlib.contextmanager
def _full_backlog(host: str, port: int) -> Iterator[None]:
    """An address where connecting hangs, because nobody accepts."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(0)

        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex((host, port))

        yield


def test_hanging_address_leaves_time_for_the_next() -> None:
    """Time for connecting is shared, so that the second address has its turn."""
    with serving(answering(OK)) as server, _full_backlog("127.0.0.2", server.port):
        result = sender(addresses=("127.0.0.2", "127.0.0.1"), connect_timeout=0.6).send(
            server.uri(host="rp.test"), TOKEN
        )

    assert result.status == 200
    assert result.latency > timedelta(seconds=0.25)


def test_connecting_is_cut_off() -> None:
    """Connecting has a limit of its own."""
    with serving(answering(OK)) as server, _full_backlog("127.0.0.2", server.port):
        result = sender(addresses=("127.0.0.2",), connect_timeout=0.3).send(
            server.uri(host="rp.test"), TOKEN
        )

    assert result.failure is SendFailure.TIMEOUT
    assert result.latency < timedelta(seconds=1)


def test_hanging_lookup_is_cut_off() -> None:
    """A name server that does not answer holds up nothing but a spare thread."""
    over = threading.Event()

    def resolve(_: str, port: int) -> list[Endpoint]:
        over.wait()
        return [endpoint("127.0.0.1", port)]

    hanging = RequestsLogoutSender(
        policy=POLICY,
        timeout=timedelta(seconds=5),
        connect_timeout=timedelta(seconds=0.3),
        resolve=resolve,
    )
    result = hanging.send("https://rp.test/", TOKEN)
    over.set()

    assert result.failure is SendFailure.TIMEOUT
    assert result.latency < timedelta(seconds=1)


def test_slow_lookup_leaves_no_time_to_connect() -> None:
    """What the lookup has used up is not there for connecting."""
    policy_asked = threading.Event()

    class Slow(AddressPolicy):
        def permits(self, address: str) -> bool:
            policy_asked.wait(0.3)
            return super().permits(address)

    policy = Slow(allow_http=True, allowed_networks=LOOPBACK)

    with serving(silent) as server:
        result = sender(policy=policy, connect_timeout=0.2).send(server.uri(), TOKEN)

    assert result.failure is SendFailure.TIMEOUT
    assert server.connections == 0


@pytest.mark.parametrize("newest", [True, False], ids=["TLS 1.3", "TLS 1.2"])
def test_tls(authority: trustme.CA, ca_file: str, *, newest: bool) -> None:
    """A certificate of the given authority is trusted, over TLS 1.3 if possible."""
    # BCL-OP-17
    versions: list[str | None] = []

    def behave(connection: socket.socket) -> None:
        assert isinstance(connection, ssl.SSLSocket)
        versions.append(connection.version())
        answering(OK)(connection)

    secure = over_tls(authority, behave, "127.0.0.1", newest=newest)

    with serving(secure) as server:
        result = sender(ca_file=ca_file).send(server.uri("https"), TOKEN)

    assert result.status == 200
    assert versions == ["TLSv1.3" if newest else "TLSv1.2"]


def test_tls_by_name(authority: trustme.CA, ca_file: str) -> None:
    """The certificate is checked against the name, not the address."""
    with serving(over_tls(authority, answering(OK), "rp.test")) as server:
        result = sender(ca_file=ca_file, addresses=("127.0.0.1",)).send(
            server.uri("https", "rp.test"), TOKEN
        )

    assert result.status == 200


def test_other_name(authority: trustme.CA, ca_file: str) -> None:
    """A certificate for another name is not accepted, and nothing is sent."""
    requests: list[bytes] = []
    secure = over_tls(
        authority, lambda conn: requests.append(received(conn)), "other.test"
    )

    with serving(secure) as server:
        result = sender(ca_file=ca_file).send(server.uri("https"), TOKEN)

    assert result.failure is SendFailure.TLS
    assert requests in ([], [b""])


def test_untrusted_certificate(authority: trustme.CA) -> None:
    """Without the file, the usual authorities are all that is trusted."""
    with serving(over_tls(authority, answering(OK), "127.0.0.1")) as server:
        result = sender().send(server.uri("https"), TOKEN)

    assert result.failure is SendFailure.TLS


def test_no_tls_where_it_should_be() -> None:
    """A server that speaks plain http on https is a TLS failure."""
    plain = b"HTTP/1.1 400 Bad Request\r\n\r\n"

    with serving(lambda connection: connection.sendall(plain)) as server:
        result = sender().send(server.uri("https"), TOKEN)

    assert result.failure in {SendFailure.TLS, SendFailure.CONNECTION}


@pytest.mark.parametrize(
    "content",
    [pytest.param(None, id="missing"), pytest.param("no certificate", id="nonsense")],
)
def test_unusable_ca_file(tmp_path: Path, content: str | None) -> None:
    """A file that cannot be used stops the app and names the setting."""
    path = tmp_path / "ca.pem"

    if content is not None:
        path.write_text(content)

    with pytest.raises(ConfigurationError, match="DELIVERY_CA_FILE"):
        sender(ca_file=str(path))


@pytest.mark.parametrize("answers", [True, False], ids=["answer", "no answer"])
def test_log_shows_neither_token_nor_query(
    caplog: pytest.LogCaptureFixture, *, answers: bool
) -> None:
    """Even at DEBUG nothing confidential is in the log."""
    answer = OK if answers else b"nonsense\r\n\r\n"

    with caplog.at_level(logging.DEBUG), serving(answering(answer)) as server:
        sender().send(server.uri(), TOKEN)

    assert "127.0.0.1" in caplog.text
    assert TOKEN not in caplog.text
    assert "signature" not in caplog.text
    assert "confidential" not in caplog.text


def test_shared_by_threads(authority: trustme.CA, ca_file: str) -> None:
    """Many threads send at once by one sender."""
    with serving(over_tls(authority, answering(OK), "127.0.0.1")) as server:
        shared = sender(ca_file=ca_file)

        def send(_: int) -> SendResult:
            return shared.send(server.uri("https"), TOKEN)

        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(send, range(40)))

    assert {result.status for result in results} == {200}
    assert server.connections == 40
