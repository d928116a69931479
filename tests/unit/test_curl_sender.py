"""The sender that is made of libcurl, against real servers on loopback."""

from __future__ import annotations

import contextlib
import gc
import socket
import ssl
import struct
import subprocess
import sys
import textwrap
import threading
import weakref
from datetime import timedelta
from pathlib import Path

import pytest
import trustme

from idp_session.adapters.address_policy import AddressPolicy
from idp_session.adapters.curl import CurlLogoutSender
from idp_session.errors import ConfigurationError
from idp_session.models import SendFailure
from idp_session.testing import LogoutSenderContract
from idp_session.testing.logout_sender_tls import MakeSender
from idp_session.testing.servers import answering
from idp_session.testing.servers import OK
from idp_session.testing.servers import received
from idp_session.testing.servers import serving
from idp_session.testing.servers import silent
from idp_session.testing.servers import TOKEN

from ..benchmarks.fan_out.processes import receivers
from ..benchmarks.fan_out.providers import uris_of
from ..freeing import is_freed
from ..freeing import without_collector

LOOPBACK = ("127.0.0.0/8", "::1/128")
SOON = 30.0


def make(
    *,
    timeout: timedelta = timedelta(seconds=5),
    connect_timeout: timedelta = timedelta(seconds=5),
    ca_file: str | None = None,
    policy: AddressPolicy | None = None,
    resolve: tuple[str, ...] = (),
    connections: int | None = None,
) -> CurlLogoutSender:
    return CurlLogoutSender(
        policy=policy or AddressPolicy(allow_http=True, allowed_networks=LOOPBACK),
        connect_timeout=connect_timeout,
        timeout=timeout,
        ca_file=ca_file,
        resolve=resolve,
        connections=connections,
    )


_NO_LINGERING = struct.pack("ii", 1, 0)


class TestCurlLogoutSender(LogoutSenderContract):
    """It keeps the promises of every sender."""

    @pytest.fixture
    def make_sender(self) -> MakeSender:
        return make


def staying(connection: socket.socket) -> None:
    """Answers one request after the other."""
    while received(connection):
        connection.sendall(OK)


def test_connections_are_used_again() -> None:
    """One client is connected to once, however often it is told."""
    sender = make()

    with serving(staying) as server:
        statuses = [
            sender.submit(server.uri(), TOKEN).result(SOON).status for _ in range(5)
        ]
        sender.stop()

    assert statuses == [200] * 5
    assert server.connections == 1


@pytest.mark.process
def test_kept_connections_make_room() -> None:
    """Whoever is told for the first time gets the place of one that is only kept."""
    with receivers() as clients:
        sender = make(connections=4)
        clients.begin(expected=40)
        futures = [
            sender.submit(uri, TOKEN) for uri in uris_of(40, clients.port).values()
        ]
        statuses = {each.result(SOON).status for each in futures}
        seen = clients.wait(SOON)
        sender.stop()

    assert statuses == {200}
    # The end of a connection may be seen after the beginning of the next one.
    assert seen.most_sockets <= 2 * 4


@pytest.mark.parametrize("is_back", [True, False])
def test_kept_connections_that_are_over(is_back: bool) -> None:
    """Who has closed all kept connections is told on a new one, and on one only."""
    kept = 8
    sender = make()
    all_at_once = threading.Barrier(kept)

    def behave(connection: socket.socket) -> None:
        if server.connections <= kept:
            received(connection)
            all_at_once.wait(SOON)
            connection.sendall(OK)
        elif is_back:
            staying(connection)
            return

        # The next request comes to a connection that is over.
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)

    with serving(behave) as server:
        futures = [sender.submit(server.uri(), TOKEN) for _ in range(kept)]
        before = {each.result(SOON).status for each in futures}
        last = sender.submit(server.uri(), TOKEN).result(SOON)
        sender.stop()

    assert before == {200}
    assert last.status == (200 if is_back else None)
    assert server.connections == kept + 1


def test_an_old_connection_is_judged_again() -> None:
    """What was permitted when it was opened must be so when it is used."""

    class Changing(AddressPolicy):
        is_open = True

        def permits(self, address: str, *, host: str | None = None) -> bool:
            return self.is_open

    policy = Changing(allow_http=True)
    requests = 0

    def counting(connection: socket.socket) -> None:
        nonlocal requests
        while received(connection):
            requests += 1
            connection.sendall(OK)

    sender = make(policy=policy)

    with serving(counting) as server:
        first = sender.submit(server.uri(), TOKEN).result(SOON)
        policy.is_open = False
        second = sender.submit(server.uri(), TOKEN).result(SOON)
        sender.stop()

    assert (first.status, second.failure) == (200, SendFailure.ADDRESS_REFUSED)
    assert requests == 1


def test_connected_address_is_checked_again() -> None:
    """What counts is where the connection really went."""

    class OnlyBeforehand(AddressPolicy):
        checks = 0

        def permits(self, address: str, *, host: str | None = None) -> bool:
            self.checks += 1
            return self.checks == 1

    sender = make(policy=OnlyBeforehand(allow_http=True))

    with serving(silent) as server:
        result = sender.submit(server.uri(), TOKEN).result(SOON)
        sender.stop()

    assert result.failure is SendFailure.ADDRESS_REFUSED


def test_nothing_of_a_request_is_left() -> None:
    """Its memory is free without anybody looking for garbage."""
    sender = make()

    with serving(staying) as server, without_collector():
        future = sender.submit(server.uri(), TOKEN)
        future.result(SOON)
        gone = weakref.ref(future)
        del future

        assert is_freed(gone, SOON)

    sender.stop()


def test_one_thread_for_all() -> None:
    """However many requests there are, there is one thread."""
    sender = make()
    with serving(silent) as server:
        before = curl_threads()
        for _ in range(300):
            sender.submit(server.uri(), TOKEN)
        (ours,) = curl_threads() - before
        sender.stop()

    assert not ours.is_alive()


def test_nothing_runs_unasked() -> None:
    """Making a sender starts no thread."""
    before = set(threading.enumerate())
    make()

    assert set(threading.enumerate()) <= before


def test_stopping_closes_everything() -> None:
    """After a stop neither sockets nor threads are left."""
    sender = make()
    others = curl_threads()

    with serving(staying) as server:
        sender.submit(server.uri(), TOKEN).result(SOON)
        before = open_sockets()
        sender.stop()
        gc.collect()

        assert open_sockets() < before

    assert curl_threads() <= others


def curl_threads() -> set[threading.Thread]:
    """Those of this process; senders of other tests may have theirs."""
    return {each for each in threading.enumerate() if "curl" in each.name}


def open_sockets() -> int:
    count = 0

    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            count += each.readlink().name.startswith("socket:")

    return count


def test_authorities_are_kept_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a file in memory is not to be had, certificates are verified as well."""
    authority = trustme.CA()
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    monkeypatch.delattr("os.memfd_create")
    with contextlib.ExitStack() as stack:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(tls)

        def behave(connection: socket.socket) -> None:
            with tls.wrap_socket(connection, server_side=True) as encrypted:
                answering(OK)(encrypted)

        server = stack.enter_context(serving(behave))
        good, bad = make(ca_file=str(path)), make()
        results = [
            each.submit(server.uri("https"), TOKEN).result(SOON) for each in (good, bad)
        ]
        good.stop()
        bad.stop()

    assert [each.status for each in results] == [200, None]


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
        make(ca_file=str(path))


def test_an_address_that_libcurl_does_not_take() -> None:
    """It is refused, and what is under way to others goes on."""
    sender = make()

    with serving(answering(OK)) as server:
        first = sender.submit(server.uri(), TOKEN)
        endless = sender.submit(server.uri() + "x" * 9_000_000, TOKEN)
        last = sender.submit(server.uri(), TOKEN)
        results = [each.result(SOON) for each in (first, endless, last)]
        sender.stop()

    assert [each.status for each in results] == [200, None, 200]
    assert results[1].failure is SendFailure.INVALID_URI


def test_a_failure_of_the_thread(caplog: pytest.LogCaptureFixture) -> None:
    """Should the thread fail, nobody waits for ever, and the next one starts anew."""
    sender = make()

    with serving(answering(OK)) as server:
        sender.submit(server.uri(), TOKEN).result(SOON)
        assert sender._loop is not None
        # Stands for whatever nobody has thought of.
        sender._loop._multi.close()
        lost = sender.submit(server.uri(), TOKEN)
        with contextlib.suppress(BaseException):
            lost.result(SOON)
        again = sender.submit(server.uri(), TOKEN).result(SOON)
        sender.stop()

    assert lost.done()
    assert again.status == 200
    assert "the thread that sends logout tokens has failed" in caplog.text


@pytest.mark.process
@pytest.mark.parametrize("situation", ["idle", "busy"])
def test_end_of_the_process_is_not_delayed(situation: str) -> None:
    """Whatever is under way, the process ends when its main thread does, and quietly."""
    answers = answering(OK) if situation == "idle" else silent
    program = """
        import sys, time
        from datetime import timedelta
        from idp_session.adapters.address_policy import AddressPolicy
        from idp_session.adapters.curl import CurlLogoutSender

        sender = CurlLogoutSender(
            policy=AddressPolicy(allow_http=True, allowed_networks=["127.0.0.0/8"]),
            connect_timeout=timedelta(hours=1), timeout=timedelta(hours=1),
        )
        for _ in range(20):
            sender.submit(sys.argv[1], "token")
        time.sleep(0.3)
        print("end")
    """

    with serving(answers) as server:
        finished = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program), server.uri()],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "end\n", "")
