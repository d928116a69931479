"""What every sender of logout tokens must do with TLS."""

from __future__ import annotations

import datetime
import socket
import ssl
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import pytest
import trustme

from ..models import SendFailure
from ..ports import LogoutSender
from .servers import answering
from .servers import Behaviour
from .servers import dripping
from .servers import OK
from .servers import over_tls
from .servers import recording
from .servers import serving
from .servers import silent
from .servers import TOKEN

__all__ = ["LogoutSenderTlsContract", "MakeSender"]

_SOON = 20.0
_SHORT = timedelta(seconds=0.6)
_LONG = timedelta(seconds=8)


class MakeSender(Protocol):
    """Makes the sender that is tested."""

    def __call__(
        self,
        *,
        timeout: timedelta = timedelta(seconds=5),
        connect_timeout: timedelta = timedelta(seconds=5),
        ca_file: str | None = None,
    ) -> LogoutSender:
        """A sender that may use plain http and reach every loopback address.

        :param timeout: For everything.
        :param connect_timeout: For the lookup of the name and for connecting.
        :param ca_file: Certificates that are trusted besides the usual ones.
        """


def _context(authority: trustme.CA, *names: str, **given: object) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **given).configure_cert(context)  # type: ignore[arg-type]  # passed on as it came

    return context


def _half_a_record(connection: socket.socket) -> None:
    """Begins a TLS record whose content never comes."""
    connection.sendall(b"\x16\x03\x03\x40\x00")
    silent(connection)


class LogoutSenderTlsContract:
    """The promises of a sender that concern certificates, as tests."""

    @pytest.fixture
    def authority(self) -> trustme.CA:
        """Who issues the certificates of the servers."""
        return trustme.CA()

    @pytest.fixture
    def ca_file(self, authority: trustme.CA, tmp_path: Path) -> str:
        """The certificate of the authority, as a file."""
        path = tmp_path / "ca.pem"
        authority.cert_pem.write_to_path(str(path))

        return str(path)

    @pytest.mark.parametrize("newest", [True, False], ids=["TLS 1.3", "TLS 1.2"])
    def test_tls(
        self,
        make_sender: MakeSender,
        authority: trustme.CA,
        ca_file: str,
        *,
        newest: bool,
    ) -> None:
        """A certificate of the given authority is trusted, over TLS 1.3 if possible."""
        # BCL-OP-17
        versions: list[str | None] = []
        context = _context(authority, "127.0.0.1")

        if not newest:
            context.maximum_version = ssl.TLSVersion.TLSv1_2

        def behave(connection: socket.socket) -> None:
            assert isinstance(connection, ssl.SSLSocket)
            versions.append(connection.version())
            answering(OK)(connection)

        with serving(over_tls(context, behave)) as server:
            sender = make_sender(ca_file=ca_file)
            result = sender.submit(server.uri("https"), TOKEN).result(_SOON)
            sender.stop()

        assert result.status == 200
        assert versions == ["TLSv1.3" if newest else "TLSv1.2"]

    @pytest.mark.parametrize("host", ["localhost", "[::1]"])
    def test_certificate_of_the_host(
        self, make_sender: MakeSender, authority: trustme.CA, ca_file: str, host: str
    ) -> None:
        """The certificate is checked against what the URI names."""
        name = host.strip("[]")
        behave = over_tls(_context(authority, name), answering(OK))
        address = name if ":" in name else "127.0.0.1"

        with serving(behave, address) as server:
            sender = make_sender(ca_file=ca_file)
            result = sender.submit(server.uri("https", host), TOKEN).result(_SOON)
            sender.stop()

        assert result.status == 200

    @pytest.mark.parametrize(
        "fault",
        [
            pytest.param("name", id="other name"),
            pytest.param("time", id="expired"),
            pytest.param("authority", id="unknown authority"),
            pytest.param("file", id="usual authorities only"),
        ],
    )
    def test_unacceptable_certificate(
        self, make_sender: MakeSender, authority: trustme.CA, ca_file: str, fault: str
    ) -> None:
        """Whoever cannot prove who it is gets nothing."""
        yesterday = datetime.datetime.now(datetime.UTC) - timedelta(days=1)
        requests: list[bytes] = []
        context = _context(
            trustme.CA() if fault == "authority" else authority,
            "other.test" if fault == "name" else "127.0.0.1",
            **({"not_after": yesterday} if fault == "time" else {}),
        )

        with serving(over_tls(context, recording(requests))) as server:
            sender = make_sender(ca_file=None if fault == "file" else ca_file)
            result = sender.submit(server.uri("https"), TOKEN).result(_SOON)
            sender.stop()

        assert result.failure is SendFailure.TLS
        assert requests in ([], [b""])

    def test_old_tls(
        self, make_sender: MakeSender, authority: trustme.CA, ca_file: str
    ) -> None:
        """Nothing older than TLS 1.2 is spoken."""
        context = _context(authority, "127.0.0.1")
        context.set_ciphers("ALL:@SECLEVEL=0")

        with warnings.catch_warnings():
            # Python warns of what is to be refused here.
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1

        with serving(over_tls(context, answering(OK))) as server:
            sender = make_sender(ca_file=ca_file)
            result = sender.submit(server.uri("https"), TOKEN).result(_SOON)
            sender.stop()

        assert result.failure is SendFailure.TLS

    def test_no_tls_where_it_should_be(self, make_sender: MakeSender) -> None:
        """A server that speaks plain http on https is no client."""
        plain = b"HTTP/1.1 400 Bad Request\r\n\r\n"

        with serving(lambda connection: connection.sendall(plain)) as server:
            sender = make_sender()
            result = sender.submit(server.uri("https"), TOKEN).result(_SOON)
            sender.stop()

        assert result.failure in {SendFailure.TLS, SendFailure.CONNECTION}

    @pytest.mark.parametrize(
        "behave",
        [
            pytest.param(silent, id="silence"),
            pytest.param(_half_a_record, id="half a record"),
        ],
    )
    def test_slow_handshake_is_cut_off(
        self, make_sender: MakeSender, behave: Behaviour
    ) -> None:
        """A handshake that never ends is left at the deadline."""
        with serving(behave) as server:
            sender = make_sender(timeout=_SHORT)
            result = sender.submit(server.uri("https"), TOKEN).result(_SOON)
            sender.stop()

        assert result.failure is SendFailure.TIMEOUT
        assert result.latency < _LONG

    def test_slow_answer_over_tls_is_cut_off(
        self, make_sender: MakeSender, authority: trustme.CA, ca_file: str
    ) -> None:
        """The deadline holds for what is encrypted, too."""
        drip = dripping(b"HTTP/1.1 200 OK\r\n", b"A")

        with serving(over_tls(_context(authority, "127.0.0.1"), drip)) as server:
            sender = make_sender(timeout=_SHORT, ca_file=ca_file)
            result = sender.submit(server.uri("https"), TOKEN).result(_SOON)
            sender.stop()

        assert result.failure is SendFailure.TIMEOUT
        assert result.latency < _LONG
