"""No logout token, and no request in our name, reaches an inner address."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import timedelta

import pytest

from idp_session.adapters._exchange import Endpoint
from idp_session.adapters._exchange import resolve_name
from idp_session.adapters.address_policy import AddressPolicy
from idp_session.adapters.curl import CurlLogoutSender
from idp_session.adapters.http import RequestsLogoutSender
from idp_session.models import DeliveryState
from idp_session.models import LogoutReason
from idp_session.models import SendFailure
from idp_session.models import SendResult
from idp_session.ports import LogoutSender
from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing.servers import answering
from idp_session.testing.servers import LocalServer
from idp_session.testing.servers import OK
from idp_session.testing.servers import serving
from idp_session.testing.servers import TOKEN
from tests.fakes import FakeProvider
from tests.fakes import make_client

SOON = 30.0
STRICT = AddressPolicy(allow_http=True)

#: Makes a sender; names may be given addresses.
Make = Callable[..., LogoutSender]


def by_requests(
    policy: AddressPolicy = STRICT, *, addresses: dict[str, Sequence[str]] | None = None
) -> RequestsLogoutSender:
    known = addresses or {}

    def resolve(host: str, port: int) -> Sequence[Endpoint]:
        if host in known:
            return [
                (
                    socket.AF_INET6 if ":" in each else socket.AF_INET,
                    (each, port, 0, 0) if ":" in each else (each, port),
                )
                for each in known[host]
            ]

        return resolve_name(host, port)

    return RequestsLogoutSender(
        policy=policy,
        connect_timeout=timedelta(seconds=10),
        timeout=timedelta(seconds=15),
        resolve=resolve,
    )


class _Resolved(CurlLogoutSender):
    """libcurl wants to know the port for which a name has an address."""

    def __init__(
        self, policy: AddressPolicy, addresses: dict[str, Sequence[str]], port: int
    ) -> None:
        super().__init__(
            policy=policy,
            connect_timeout=timedelta(seconds=10),
            timeout=timedelta(seconds=15),
            resolve=[
                f"{host}:{port}:"
                + ",".join(f"[{each}]" if ":" in each else each for each in found)
                for host, found in addresses.items()
            ],
        )


class _ByCurl:
    """A sender of libcurl for each port that is asked for."""

    def __init__(
        self, policy: AddressPolicy, addresses: dict[str, Sequence[str]]
    ) -> None:
        self._policy = policy
        self._addresses = addresses
        self._senders: list[_Resolved] = []

    def submit(self, uri: str, logout_token: str) -> Future[SendResult]:
        port = int(uri.split("/")[2].rpartition(":")[2]) if self._addresses else 443
        sender = _Resolved(self._policy, self._addresses, port)
        self._senders.append(sender)

        return sender.submit(uri, logout_token)

    def stop(self) -> None:
        for each in self._senders:
            each.stop()


def by_curl(
    policy: AddressPolicy = STRICT, *, addresses: dict[str, Sequence[str]] | None = None
) -> _ByCurl:
    return _ByCurl(policy, addresses or {})


@pytest.fixture(params=[by_requests, by_curl], ids=["requests", "curl"])
def make(request: pytest.FixtureRequest) -> Make:
    """Makes a sender of one of the two kinds."""
    given: Make = request.param

    return given


@pytest.fixture
def canary() -> Iterator[LocalServer]:
    """A server on loopback that nobody should ever reach."""
    with serving(answering(OK)) as server:
        yield server


@pytest.fixture
def canary_6() -> Iterator[LocalServer]:
    """The same, by IPv6."""
    with serving(answering(OK), "::1") as server:
        yield server


def send(sender: LogoutSender, uri: str) -> SendResult:
    try:
        return sender.submit(uri, TOKEN).result(SOON)
    finally:
        sender.stop()


SPECIAL = [
    # IANA IPv4 special-purpose address registry
    pytest.param("0.0.0.0", id="unspecified"),  # noqa: S104
    pytest.param("0.1.2.3", id="this network"),
    pytest.param("10.255.255.254", id="private 10"),
    pytest.param("100.64.0.1", id="shared"),
    pytest.param("127.0.0.1", id="loopback"),
    pytest.param("127.1.2.3", id="far loopback"),
    pytest.param("169.254.169.254", id="metadata"),
    pytest.param("169.254.170.2", id="metadata of containers"),
    pytest.param("172.31.255.254", id="private 172"),
    pytest.param("192.0.0.1", id="protocol assignments"),
    pytest.param("192.0.0.170", id="NAT64 discovery"),
    pytest.param("192.0.0.192", id="metadata, another cloud"),
    pytest.param("192.0.2.1", id="documentation 1"),
    pytest.param("192.88.99.2", id="6to4 relay"),
    pytest.param("192.168.0.1", id="private 192"),
    pytest.param("198.18.0.1", id="benchmarks"),
    pytest.param("198.51.100.1", id="documentation 2"),
    pytest.param("203.0.113.1", id="documentation 3"),
    pytest.param("224.0.0.1", id="multicast"),
    pytest.param("240.0.0.1", id="reserved"),
    pytest.param("255.255.255.255", id="broadcast"),
    # IANA IPv6 special-purpose address registry
    pytest.param("::", id="unspecified 6"),
    pytest.param("::1", id="loopback 6"),
    pytest.param("::7f00:1", id="compatible"),
    pytest.param("::ffff:127.0.0.1", id="mapped loopback"),
    pytest.param("::ffff:169.254.169.254", id="mapped metadata"),
    pytest.param("::ffff:0:127.0.0.1", id="translated, SIIT"),
    pytest.param("64:ff9b::127.0.0.1", id="NAT64 loopback"),
    pytest.param("64:ff9b::a9fe:a9fe", id="NAT64 metadata"),
    pytest.param("64:ff9b:1::8.8.8.8", id="NAT64, local use"),
    pytest.param("100::1", id="discard"),
    pytest.param("100:0:0:1::1", id="dummy prefix"),
    pytest.param("2001::1", id="Teredo"),
    pytest.param("2001:1::1", id="port control"),
    pytest.param("2001:2::1", id="benchmarks 6"),
    pytest.param("2001:20::1", id="ORCHID"),
    pytest.param("2001:30::1", id="drone identities"),
    pytest.param("2001:db8::1", id="documentation 6"),
    pytest.param("2002:7f00:1::", id="6to4 loopback"),
    pytest.param("2002:a9fe:a9fe::", id="6to4 metadata"),
    pytest.param("3fff::1", id="documentation 6, new"),
    pytest.param("5f00::1", id="segment routing"),
    pytest.param("fc00::1", id="unique local"),
    pytest.param("fd00:ec2::254", id="metadata 6"),
    pytest.param("fe80::1", id="link-local 6"),
    pytest.param("fec0::1", id="site-local"),
    pytest.param("ff02::1", id="multicast 6"),
]


def literal(address: str) -> str:
    return f"[{address}]" if ":" in address else address


@pytest.mark.parametrize("address", SPECIAL)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_special_address(make: Make, scheme: str, address: str) -> None:
    """An address that is not public is refused, written as it is."""
    result = send(make(), f"{scheme}://{literal(address)}:8443/back")

    assert result.failure is SendFailure.ADDRESS_REFUSED


@pytest.mark.parametrize("address", SPECIAL)
def test_name_of_a_special_address(make: Make, address: str) -> None:
    """A harmless name does not help."""
    sender = make(addresses={"rp.test": [address]})

    result = send(sender, "https://rp.test:8443/back")

    assert result.failure is SendFailure.ADDRESS_REFUSED


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("127.0.0.1", id="plain"),
        pytest.param("localhost", id="name"),
        pytest.param("LOCALHOST", id="name in capitals"),
        pytest.param("localhost.", id="name with dot"),
        pytest.param("127.0.0.1.", id="trailing dot"),
        pytest.param("2130706433", id="decimal"),
        pytest.param("0x7f000001", id="hexadecimal"),
        pytest.param("0X7F000001", id="hexadecimal, capitals"),
        pytest.param("017700000001", id="octal"),
        pytest.param("127.1", id="short"),
        pytest.param("127.0.1", id="three parts"),
        pytest.param("0x7f.1", id="mixed"),
        pytest.param("0177.0.0.01", id="octal parts"),
        pytest.param("0", id="zero"),
        pytest.param("0.0.0.0", id="unspecified"),  # noqa: S104
        pytest.param("%31%32%37.0.0.1", id="percent-encoded"),
        pytest.param("127%2e0%2e0%2e1", id="percent-encoded dots"),
        pytest.param("\uff11\uff12\uff17.\uff10.\uff10.\uff11", id="full width"),
        pytest.param("127\u30020\u30020\u30021", id="ideographic dots"),
        pytest.param(
            "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3", id="circled"
        ),
        pytest.param("[::ffff:127.0.0.1]", id="mapped"),
        pytest.param("[::ffff:7f00:1]", id="mapped, hexadecimal"),
        pytest.param("[0:0:0:0:0:ffff:127.0.0.1]", id="mapped, long"),
        pytest.param("[::127.0.0.1]", id="compatible"),
        pytest.param("[127.0.0.1]", id="brackets"),
        pytest.param("example.com@127.0.0.1", id="user"),
        pytest.param("example.com:443@127.0.0.1", id="user and port"),
        pytest.param("example.com%40127.0.0.1", id="encoded at"),
        pytest.param("example.com\\@127.0.0.1", id="backslash"),
        pytest.param("127.0.0.1\t", id="tab"),
        pytest.param("127.0.0.1#@example.com", id="fragment"),
    ],
)
def test_spelling_of_loopback(make: Make, canary: LocalServer, host: str) -> None:
    """However this machine is written, it is not reached."""
    result = send(make(), f"http://{host}:{canary.port}/back")

    assert result.failure in {
        SendFailure.ADDRESS_REFUSED,
        SendFailure.INVALID_URI,
        SendFailure.DNS,
    }
    assert canary.connections == 0


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("[::1]", id="plain"),
        pytest.param("[0:0:0:0:0:0:0:1]", id="long"),
        pytest.param("[0000::0001]", id="zeros"),
        pytest.param("[::1%25lo]", id="zone"),
        pytest.param("[::1%lo]", id="zone, not encoded"),
        pytest.param("[::1%251]", id="zone by number"),
        pytest.param("localhost", id="name"),
        pytest.param("ip6-localhost", id="other name"),
    ],
)
def test_spelling_of_loopback_6(make: Make, canary_6: LocalServer, host: str) -> None:
    """Nor is it by IPv6."""
    result = send(make(), f"http://{host}:{canary_6.port}/back")

    assert result.failure in {
        SendFailure.ADDRESS_REFUSED,
        SendFailure.INVALID_URI,
        SendFailure.DNS,
    }
    assert canary_6.connections == 0


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param(["10.0.0.1", "127.0.0.1"], id="inner first"),
        pytest.param(["::1", "127.0.0.1"], id="both inner"),
    ],
)
def test_name_with_inner_addresses_only(
    make: Make, canary: LocalServer, addresses: list[str]
) -> None:
    """Several bad addresses are no better than one."""
    sender = make(addresses={"rp.test": addresses})

    result = send(sender, canary.uri(host="rp.test"))

    assert result.failure is SendFailure.ADDRESS_REFUSED
    assert canary.connections == 0


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param(["127.0.0.1", "127.0.0.2"], id="bad one first"),
        pytest.param(["127.0.0.2", "127.0.0.1"], id="good one first"),
    ],
)
def test_name_with_a_good_and_a_bad_address(
    make: Make, canary: LocalServer, addresses: list[str]
) -> None:
    """The bad address is passed over, even if the good one does not answer."""
    policy = AddressPolicy(allow_http=True, allowed_networks=["127.0.0.2/32"])
    sender = make(policy, addresses={"rp.test": addresses})

    result = send(sender, canary.uri(host="rp.test"))

    assert result.failure is SendFailure.CONNECTION
    assert canary.connections == 0


def test_name_that_answers_differently(canary: LocalServer) -> None:
    """A name that changes between check and use gains nothing, by threads."""
    answers = iter(["8.8.8.8", "127.0.0.1"])
    sender = RequestsLogoutSender(
        policy=STRICT,
        connect_timeout=timedelta(seconds=0.2),
        timeout=timedelta(seconds=0.3),
        resolve=lambda _, port: [(socket.AF_INET, (next(answers), port))],
    )

    first = send(sender, canary.uri(host="rp.test"))
    second = send(sender, canary.uri(host="rp.test"))

    assert first.failure in {SendFailure.TIMEOUT, SendFailure.CONNECTION}
    assert second.failure is SendFailure.ADDRESS_REFUSED
    assert canary.connections == 0


def test_name_that_moves_inside(canary: LocalServer) -> None:
    """A name that changes between check and use gains nothing, by libcurl."""
    good, moved = (
        _Resolved(
            AddressPolicy(allow_http=True, allowed_networks=["127.0.0.2/32"]),
            {"rp.test": [address]},
            canary.port,
        )
        for address in ("127.0.0.2", "127.0.0.1")
    )

    first = send(good, canary.uri(host="rp.test"))
    second = send(moved, canary.uri(host="rp.test"))

    assert first.failure is SendFailure.CONNECTION
    assert second.failure is SendFailure.ADDRESS_REFUSED
    assert canary.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_inside(make: Make, canary: LocalServer, status: int) -> None:
    """A client that may be reached does not lead us to one that may not."""
    policy = AddressPolicy(allow_http=True, allowed_networks=["127.0.0.2/32"])
    answer = (
        f"HTTP/1.1 {status} X\r\nLocation: {canary.uri()}\r\nContent-Length: 0\r\n\r\n"
    )

    with serving(answering(answer.encode()), "127.0.0.2") as server:
        result = send(make(policy), server.uri(host="127.0.0.2"))

    assert result.status == status
    assert (server.connections, canary.connections) == (1, 0)


@pytest.mark.parametrize(
    ("pattern", "host", "reached"),
    [
        pytest.param("crm.intranet.test", "crm.intranet.test", True, id="exact"),
        pytest.param("CRM.Intranet.test.", "crm.intranet.TEST", True, id="capitals"),
        pytest.param("crm.intranet.test", "crm.intranet.test.", True, id="final dot"),
        pytest.param("*.intranet.test", "crm.intranet.test", True, id="below"),
        pytest.param("*.intranet.test", "a.b.intranet.test", True, id="far below"),
        pytest.param("*.intranet.test", "intranet.test", False, id="the domain"),
        pytest.param("*.intranet.test", "evilintranet.test", False, id="other name"),
        pytest.param("intranet.test", "crm.intranet.test", False, id="not below"),
        pytest.param("crm.intranet.test", "mail.intranet.test", False, id="sibling"),
    ],
)
def test_allowed_hosts(
    make: Make, canary: LocalServer, pattern: str, host: str, *, reached: bool
) -> None:
    """A host that the operator has named may be inside, and no other."""
    policy = AddressPolicy(allow_http=True, allowed_hosts=[pattern])
    sender = make(policy, addresses={host: ["127.0.0.1"], host.lower(): ["127.0.0.1"]})

    result = send(sender, canary.uri(host=host))

    assert (result.status == 200) is reached
    assert canary.connections == reached


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("169.254.169.254", id="metadata"),
        pytest.param("fd00:ec2::254", id="metadata 6"),
        pytest.param("100.100.100.200", id="metadata, shared range"),
        pytest.param("168.63.129.16", id="cloud services"),
        pytest.param("0.0.0.0", id="unspecified"),  # noqa: S104
        pytest.param("fe80::1", id="link-local 6"),
        pytest.param("224.0.0.1", id="multicast"),
    ],
)
def test_allowed_host_at_a_dangerous_address(make: Make, address: str) -> None:
    """A name is no way to what only a network can open."""
    policy = AddressPolicy(allow_http=True, allowed_hosts=["*.intranet.test"])
    sender = make(policy, addresses={"crm.intranet.test": [address]})

    result = send(sender, "https://crm.intranet.test:8443/back")

    assert result.failure is SendFailure.ADDRESS_REFUSED


@pytest.mark.parametrize("port", [1, 22, 25, 80, 1023])
def test_well_known_port(make: Make, port: int) -> None:
    """Services that speak something else are not made to listen to us."""
    policy = AddressPolicy(allow_http=False, allowed_networks=["127.0.0.0/8"])

    result = send(make(policy), f"https://127.0.0.1:{port}/")

    assert result.failure is SendFailure.ADDRESS_REFUSED


def test_ports_of_the_operator(make: Make, canary: LocalServer) -> None:
    """Where ports are named, those are all."""
    policy = AddressPolicy(
        allow_http=True, allowed_networks=["127.0.0.0/8"], allowed_ports=[443, 8443]
    )

    result = send(make(policy), canary.uri())

    assert result.failure is SendFailure.ADDRESS_REFUSED
    assert canary.connections == 0


def test_reason_is_logged(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """An operator sees what was refused and why, but no confidential address."""
    send(make(), "https://10.1.2.3:8443/back?key=confidential")

    (message, *_) = caplog.messages
    assert "'10.1.2.3' is refused: 10.1.2.3 is neither public nor allowed" in message
    assert {each.levelno for each in caplog.records} == {logging.WARNING}
    assert "confidential" not in caplog.text


def test_refusal_is_final(make: Make, canary: LocalServer) -> None:
    """A delivery to an inner address is given up at once, and says so."""
    provider = FakeProvider()
    provider.delivery._sender = make()
    provider.clients.clients["shop"] = make_client(back_channel_logout_uri=canary.uri())
    session = make_session()
    provider.store.create(session)
    provider.store.add_participant(
        make_participant(session.session_id, client_id="shop")
    )
    provider.store.end(
        session.session_id, reason=LogoutReason.USER, ended_at=provider.clock.now()
    )

    provider.delivery.run_once()
    provider.delivery.stop()

    (delivery,) = provider.queue.of_session(session.session_id)
    assert (delivery.state, delivery.last_error) == (
        DeliveryState.FAILED,
        "address_refused",
    )
    assert canary.connections == 0
