"""The sender, against real servers on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from datetime import UTC
from pathlib import Path

import pytest

from idp_session.adapters._answers import retry_after
from idp_session.adapters._exchange import Endpoint
from idp_session.adapters._exchange import resolve_name
from idp_session.adapters.address_policy import AddressPolicy
from idp_session.adapters.http import RequestsLogoutSender
from idp_session.errors import ConfigurationError
from idp_session.models import SendFailure
from idp_session.testing import LogoutSenderContract
from idp_session.testing.logout_sender_tls import MakeSender
from idp_session.testing.servers import answering
from idp_session.testing.servers import Behaviour
from idp_session.testing.servers import full_backlog
from idp_session.testing.servers import OK
from idp_session.testing.servers import serving
from idp_session.testing.servers import silent
from idp_session.testing.servers import TOKEN

LOOPBACK = ("127.0.0.0/8", "::1/128")
POLICY = AddressPolicy(allow_http=True, allowed_networks=LOOPBACK)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


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


class TestRequestsLogoutSender(LogoutSenderContract):
    """It keeps the promises of every sender."""

    @pytest.fixture
    def make_sender(self) -> MakeSender:
        return _make


def _make(
    *,
    timeout: timedelta = timedelta(seconds=5),
    connect_timeout: timedelta = timedelta(seconds=5),
    ca_file: str | None = None,
) -> RequestsLogoutSender:
    return RequestsLogoutSender(
        policy=POLICY,
        timeout=timeout,
        connect_timeout=connect_timeout,
        ca_file=ca_file,
    )


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

        def permits(self, address: str, *, host: str | None = None) -> bool:
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


@pytest.mark.parametrize(
    ("uri", "asked"),
    [
        pytest.param("https://rp.test/", ("rp.test", 443), id="https"),
        pytest.param("http://rp.test/", ("rp.test", 80), id="http"),
        pytest.param("https://[2606:4700::1]/", ("2606:4700::1", 443), id="IPv6"),
        pytest.param("https://RP.test./", ("rp.test.", 443), id="final dot"),
        pytest.param(
            "https://b\u00fccher.test:8443/", ("xn--bcher-kva.test", 8443), id="IDNA"
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


def test_hanging_address_leaves_time_for_the_next() -> None:
    """Time for connecting is shared, so that the second address has its turn."""
    with serving(answering(OK)) as server, full_backlog("127.0.0.2", server.port):
        by_turns = sender(addresses=("127.0.0.2", "127.0.0.1"), connect_timeout=0.6)
        # A machine that stands still may miss so short a time, but not each time.
        results = (by_turns.send(server.uri(host="rp.test"), TOKEN) for _ in range(5))
        result = next(each for each in results if each.status)

    assert result.status == 200
    assert result.latency > timedelta(seconds=0.25)


def test_hanging_lookup_is_cut_off() -> None:
    """A name server that does not answer holds up nothing but a spare thread."""
    over = threading.Event()

    def resolve(_: str, port: int) -> list[Endpoint]:
        over.wait()
        return [endpoint("127.0.0.1", port)]

    hanging = RequestsLogoutSender(
        policy=POLICY,
        timeout=timedelta(seconds=30),
        connect_timeout=timedelta(seconds=0.3),
        resolve=resolve,
    )
    result = hanging.send("https://rp.test/", TOKEN)
    over.set()

    assert result.failure is SendFailure.TIMEOUT
    assert result.latency < timedelta(seconds=10)


def test_a_hanging_lookup_holds_up_no_other() -> None:
    """A name is looked up while lookups of others still hang."""
    over = threading.Event()

    def resolve(host: str, port: int) -> list[Endpoint]:
        if host == "hangs.test":
            over.wait()

        return [endpoint("127.0.0.1", port)]

    with serving(answering(OK)) as server:
        both = RequestsLogoutSender(
            policy=POLICY,
            timeout=timedelta(seconds=60),
            connect_timeout=timedelta(seconds=60),
            resolve=resolve,
        )
        hanging = [both.submit("https://hangs.test/", TOKEN) for _ in range(3)]
        result = both.send(server.uri(host="rp.test"), TOKEN)
        is_over = any(each.done() for each in hanging)
        over.set()

    assert (result.status, is_over) == (200, False)


def test_slow_lookup_leaves_no_time_to_connect() -> None:
    """What the lookup has used up is not there for connecting."""
    policy_asked = threading.Event()

    class Slow(AddressPolicy):
        def permits(self, address: str, *, host: str | None = None) -> bool:
            policy_asked.wait(0.3)
            return super().permits(address, host=host)

    policy = Slow(allow_http=True, allowed_networks=LOOPBACK)

    with serving(silent) as server:
        result = sender(policy=policy, connect_timeout=0.2).send(server.uri(), TOKEN)

    assert result.failure is SendFailure.TIMEOUT
    assert server.connections == 0


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
