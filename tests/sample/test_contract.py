"""The sample starts, says and ends as its contract says."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import trustme

from tests.ports import free_port

from .clients import RecordingClient
from .person import Person
from .processes import Running
from .processes import wait_until

pytestmark = pytest.mark.process

Run = Callable[..., Running]


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_ready_line_names_the_issuer(run: Run) -> None:
    """When it accepts connections it prints the issuer on a line of its own."""
    port = free_port()

    line = run("idp", "--port", str(port)).wait_until_ready()

    assert line == f"ready: http://localhost:{port}\n"
    discovery = f"http://localhost:{port}/.well-known/openid-configuration"
    assert requests.get(discovery, timeout=60).json()["issuer"] == line[7:-1]


@contextlib.contextmanager
def _connected(issuer: str) -> Iterator[None]:
    port = urlsplit(issuer).port
    assert port is not None

    with socket.create_connection(("127.0.0.1", port)):
        yield


@contextlib.contextmanager
def _watching(issuer: str) -> Iterator[None]:
    person = Person(issuer)
    form = {"username": "alice", "password": "alice"}
    person.http.post(f"{issuer}/login", data=form, timeout=60)
    events = f"{issuer}/account/session-events"

    with person.http.get(events, stream=True, timeout=60) as stream:
        assert stream.status_code == 200
        yield


@pytest.mark.parametrize(
    ("command", "meanwhile"),
    [
        pytest.param("idp", _connected, id="open connection"),
        pytest.param("idp", _watching, id="event stream"),
        pytest.param("worker", contextlib.nullcontext, id="worker"),
    ],
)
def test_sigterm_ends_it_within_five_seconds(
    run: Run, command: str, meanwhile: Callable[[str], AbstractContextManager[None]]
) -> None:
    """A polite stop takes less than five seconds, whoever is connected."""
    options = ("--port", str(free_port()), "--processes", "2")

    def seconds() -> float:
        running = run(command, *(options if command == "idp" else ()))
        ready = running.wait_until_ready()

        with meanwhile(ready[7:-1]):
            taken = running.terminate()

        running.close()
        assert "Traceback" not in running.text

        return taken

    # A machine may stand still meanwhile, but not each time.
    assert any(seconds() < 5 for _ in range(3))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["--set", "IDP_SESSION_NONSENSE=1"], "NONSENSE", id="unknown"),
        pytest.param(["--set", "nonsense"], "IDP_SESSION_NAME=VALUE", id="no name"),
        pytest.param(
            ["--set", "IDP_SESSION_IDLE_TIMEOUT=soon"], "duration", id="bad value"
        ),
        pytest.param(["--clients", "missing.json"], "missing.json", id="no file"),
        pytest.param(["--tls-cert", "missing.pem"], "--tls-key", id="half of TLS"),
        pytest.param(["--port", "many"], "between 1 and 65535", id="bad port"),
        pytest.param(["--issuer", "ftp://x"], "ISSUER", id="bad issuer"),
        pytest.param(["--database", "nonsense"], "--database", id="bad database"),
        pytest.param(
            ["--database", "postgresql+psycopg://u:hidden@127.0.0.1:1/x"],
            "cannot use the database",
            id="no database",
        ),
        pytest.param(["--data", "/dev/null/x"], "--data", id="bad folder"),
        pytest.param(["--ca-file", "missing.pem"], "missing.pem", id="no CA"),
        pytest.param(["--colour", "red"], "--colour", id="unknown option"),
    ],
)
def test_bad_start_is_one_line_and_exit_code_2(
    run: Run, arguments: list[str], words: str
) -> None:
    """Whoever starts it wrongly reads one line that says what is wrong."""
    provider = run("idp", "--port", str(free_port()), *arguments)

    assert provider.process.wait(60) == 2
    provider.close()
    assert len(provider.lines) == 1
    assert words in provider.text
    assert "hidden" not in provider.text


def test_taken_port_is_one_line_and_exit_code_2(run: Run, taken_port: int) -> None:
    """A port that somebody else uses is named, without a traceback."""
    provider = run("idp", "--port", str(taken_port))

    assert provider.process.wait(60) == 2
    provider.close()
    assert provider.lines == [
        f"sample_idp: cannot listen on 127.0.0.1 port {taken_port}: it is taken; "
        "choose another one with --host and --port\n"
    ]


def test_https_with_own_certificate(run: Run, tmp_path: Path) -> None:
    """With a certificate it serves https and the cookies carry the host prefix."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.cert_chain_pems[0].write_to_path(cert)
    certificate.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    port = free_port()
    tls = ("--tls-cert", str(cert), "--tls-key", str(key))
    run("idp", "--port", str(port), *tls).wait_until_ready()

    answer = requests.post(
        f"https://localhost:{port}/login",
        data={"username": "alice", "password": "alice"},
        allow_redirects=False,
        verify=str(tmp_path / "ca.pem"),
        timeout=60,
    )

    cookies = answer.raw.headers.getlist("Set-Cookie")
    assert cookies[0].startswith("__Host-idp_session=")
    assert "Secure; HttpOnly; Path=/; SameSite=None" in cookies[0]
    assert "Secure; Path=/; SameSite=None" in cookies[1]


def test_no_secret_in_any_log_line(
    run: Run,
    provider_arguments: tuple[str, ...],
    shop: RecordingClient,
    mail: RecordingClient,
) -> None:
    """No handle, token, hint, code or password gets into what the provider says."""
    provider = run(*provider_arguments)
    person = Person(provider.wait_until_ready()[7:-1])
    tokens = person.sign_in(shop)
    person.sign_in(mail)
    handle = person.http.cookies["idp_session"]
    person.http.get(f"{person.issuer}/account/?secret={handle}", timeout=60)
    person.sign_out(shop, tokens["id_token"])

    provider.terminate()
    # What it has said last is read a little later.
    provider.close()

    said = provider.text
    assert '"GET /connect/endsession" 303' in said
    secrets = [handle, *tokens.values(), *shop.tokens, *mail.tokens]
    assert [text for text in map(str, secrets) if len(text) > 20 and text in said] == []
    assert "?" not in said


@pytest.mark.spec("BCL-OP-31")
def test_package_default_comes_back_with_one_setting(
    run: Run,
    provider_arguments: tuple[str, ...],
    shop: RecordingClient,
) -> None:
    """Without allowed networks no logout token is sent to loopback."""
    provider = run(
        *provider_arguments, "--set", "IDP_SESSION_DELIVERY_ALLOWED_NETWORKS="
    )
    person = Person(provider.wait_until_ready()[7:-1])
    tokens = person.sign_in(shop)

    person.sign_out(shop, tokens["id_token"])

    wait_until(lambda: "address_refused" in provider.text)
    assert shop.tokens == []
