"""How a client gets the provider's keys over the network, from real servers."""

from __future__ import annotations

import socket
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
import trustme

from idp_session.errors import ConfigurationError
from idp_session.relying_party import FetchedKeys
from idp_session.testing.servers import Behaviour
from idp_session.testing.servers import dripping
from idp_session.testing.servers import over_tls
from idp_session.testing.servers import serving

from .logout_tokens_by_hand import RSA
from .test_fetched_keys import document

ANSWER = document(RSA)
PATIENCE = timedelta(seconds=10)


def answer(
    body: bytes = ANSWER, *, status: str = "200 OK", length: int | None = None
) -> bytes:
    said = len(body) if length is None else length
    head = f"HTTP/1.1 {status}\r\nContent-Length: {said}\r\nLocation: /keys\r\n\r\n"

    return head.encode() + body


def replying(reply: bytes, seen: list[bytes] | None = None) -> Behaviour:
    """Reads the head of a request, and answers."""

    def behave(connection: socket.socket) -> None:
        request = b""

        while b"\r\n\r\n" not in request:
            chunk = connection.recv(65536)

            if not chunk:
                return

            request += chunk

        if seen is not None:
            seen.append(request)

        connection.sendall(reply)

    return behave


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)

    return str(path)


def tls(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)

    return context


def keys(port: int, **options: object) -> FetchedKeys:
    """The keys of a plain server; without a failure of its own nothing times out."""
    address = f"http://127.0.0.1:{port}/keys?v=1"
    given: dict[str, object] = {"allow_http": True, "timeout": PATIENCE}

    return FetchedKeys(address, **(given | options))  # type: ignore[arg-type]


def test_over_tls(authority: trustme.CA, ca_file: str) -> None:
    """The keys are fetched from an address whose certificate is trusted."""
    seen: list[bytes] = []
    behave = over_tls(tls(authority, "localhost"), replying(answer(), seen))

    with serving(behave) as server:
        fetched = FetchedKeys(
            f"https://localhost:{server.port}/keys?v=1", ca_file=ca_file
        )()

    assert [key.kid for key in fetched.keys] == ["rsa"]
    assert seen[0].startswith(b"GET /keys?v=1 HTTP/1.1\r\n")


@pytest.mark.parametrize("fault", ["authority", "name"])
def test_a_certificate_that_proves_nothing(
    authority: trustme.CA, ca_file: str, fault: str
) -> None:
    """Somebody else's keys are not fetched, and not asked for either."""
    seen: list[bytes] = []
    issuer = trustme.CA() if fault == "authority" else authority
    name = "elsewhere.test" if fault == "name" else "localhost"
    behave = over_tls(tls(issuer, name), replying(answer(), seen))

    with serving(behave) as server, pytest.raises(ConnectionError) as caught:
        FetchedKeys(f"https://localhost:{server.port}/keys", ca_file=ca_file)()

    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    assert seen == []


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(answer(status="302 Found"), id="redirect"),
        pytest.param(answer(status="404 Not Found"), id="not found"),
        pytest.param(answer(status="503 Service Unavailable"), id="down"),
        pytest.param(answer(ANSWER + b" " * 262_144), id="too long"),
        pytest.param(answer(length=len(ANSWER) + 1), id="cut short"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", id="another protocol"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_is_no_answer(reply: bytes) -> None:
    """Anything but a whole document with status 200 is a failure of the provider."""
    with serving(replying(reply)) as server:
        fetched = keys(server.port)

        with pytest.raises(ConnectionError):
            fetched()

        assert server.connections == 1


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n", b"A: b\r\n", id="head"),
        pytest.param(answer(b"{", length=200_000), b" ", id="body"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", b" ", id="without a length"),
        pytest.param(b"", b"", id="silent"),
    ],
)
def test_an_endless_answer(start: bytes, drop: bytes) -> None:
    """A server that never comes to an end is left."""

    def behave(connection: socket.socket) -> None:
        replying(start)(connection)
        dripping(b"", drop)(connection)

    with serving(behave) as server, pytest.raises(ConnectionError):
        keys(server.port, timeout=timedelta(seconds=0.5))()


def test_nobody_there() -> None:
    """Where nobody listens the keys cannot be fetched."""
    with serving(replying(answer())) as server:
        port = server.port

    with pytest.raises(ConnectionError):
        keys(port)()


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("", id="empty"),
        pytest.param("/keys", id="a path"),
        pytest.param("http://idp.test/keys", id="plain http"),
        pytest.param("ftp://idp.test/keys", id="another scheme"),
        pytest.param("file:///etc/passwd", id="a file"),
        pytest.param("https://user:password@idp.test/keys", id="credentials"),
        pytest.param("https://idp.test/keys#a", id="fragment"),
        pytest.param("https://idp.test/a b", id="space"),
        pytest.param("https://idp.test/\r\nX: y", id="line ends"),
        pytest.param("https://idp.test:99999/", id="port"),
        pytest.param("https://[idp.test/", id="bracket"),
        pytest.param("https://idp.test/schlüssel", id="not ASCII"),
    ],
)
def test_addresses_that_are_refused(address: str) -> None:
    """What is not an https URL is refused at the start."""
    with pytest.raises(ConfigurationError, match="jwks_uri"):
        FetchedKeys(address)


def test_a_file_of_authorities_that_is_none(tmp_path: Path) -> None:
    """A file that holds no certificate is refused at the start."""
    with pytest.raises(ConfigurationError, match="ca_file"):
        FetchedKeys("https://idp.test/keys", ca_file=str(tmp_path / "none.pem"))
