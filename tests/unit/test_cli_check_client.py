"""``flask idp-session check-client``, against real servers on loopback."""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from click.testing import Result
from joserfc import jwe
from joserfc.jwe import JWERegistry
from joserfc.jwk import RSAKey

from idp_session import Client
from idp_session.adapters.address_policy import AddressPolicy
from idp_session.adapters.http import RequestsLogoutSender
from idp_session.models import SendFailure
from idp_session.models import SendResult

from .hosts import Host
from .hosts import host_app
from .hosts import ScriptedSender
from .hosts import SHOP

LOOPBACK = {
    "IDP_SESSION_DELIVERY_ALLOW_HTTP": True,
    "IDP_SESSION_DELIVERY_ALLOWED_NETWORKS": "127.0.0.0/8",
}
TIMEOUT = timedelta(seconds=5)


class Receiver:
    """A client's server that answers everything in one way."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        receiver = self
        #: The logout tokens that came.
        self.tokens: list[str] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                received = self.rfile.read(length).decode()
                receiver.tokens += parse_qs(received)["logout_token"]
                self.send_response(status)

                for name, value in headers.items():
                    self.send_header(name, value)

                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self.server.server_port}/back"


@contextlib.contextmanager
def answering(status: int, body: bytes = b"", **headers: str) -> Iterator[Receiver]:
    receiver = Receiver(status, body, headers)
    thread = threading.Thread(target=receiver.server.serve_forever)
    thread.start()

    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join()


def host_with(uri: str | None, *, config: dict[str, Any] | None = None) -> Host:
    """A host with one client, and a sender that opens connections."""
    settings = LOOPBACK if config is None else config
    client = Client(client_id="shop", back_channel_logout_uri=uri)
    sender = RequestsLogoutSender(
        policy=AddressPolicy(
            allow_http=bool(settings),
            allowed_networks=["127.0.0.0/8"] if settings else [],
        ),
        connect_timeout=TIMEOUT,
        timeout=TIMEOUT,
    )

    return host_app(config=settings, clients=(client,), sender=sender)


def run(host: Host, *arguments: str) -> Result:
    return host.app.test_cli_runner().invoke(
        args=["idp-session", "check-client", *arguments]
    )


def read(host: Host, *arguments: str) -> tuple[int, Any]:
    result = run(host, *arguments, "--json")

    return result.exit_code, json.loads(result.stdout)


@pytest.mark.parametrize("status", [200, 204])
def test_a_client_that_takes_it(status: int) -> None:
    """Success says how the token was signed, what came back, and how long it took."""
    with answering(status) as receiver:
        code, found = read(host_with(receiver.uri), "shop")

    assert code == 0
    assert 0 < found.pop("latency") < 5
    assert found == {
        "client_id": "shop",
        "outcome": "accepted",
        "uri": receiver.uri,
        "algorithm": "RS256",
        "key_id": "rsa",
        "status": status,
        "failure": None,
        "excerpt": "",
        "problem": None,
        "explanation": "The client takes logout tokens.",
    }


def test_the_token_signs_nobody_out() -> None:
    """It is a genuine logout token, for a session and a subject that nobody has."""
    with answering(200) as receiver:
        host = host_with(receiver.uri)
        run(host, "shop")
        run(host, "shop")

    first, second = [
        host.signer.verify(token, clients=host.clients) for token in receiver.tokens
    ]
    assert first is not None
    assert second is not None
    assert first.header["typ"] == "logout+jwt"
    assert (first.claims["iss"], first.claims["aud"]) == ("https://idp.test", "shop")
    assert len(first.claims["sid"]) == 32
    assert not {first.claims[name] for name in ("sid", "sub", "jti")} & {
        second.claims[name] for name in ("sid", "sub", "jti")
    }
    assert host.state.queue.next_due_at() is None


def test_the_token_is_one_that_the_client_understands() -> None:
    """It has the type of the client's profile, and what the client asked to be told."""
    client = dataclasses.replace(
        SHOP, logout_token_profile="legacy", logout_reason_claim=True
    )
    host = host_app(clients=(client,))

    run(host, "shop")

    ((_, token),) = host.sender.sent
    signed = host.signer.verify(token, clients=host.clients)
    assert signed is not None
    assert signed.header["typ"] == "JWT"
    assert signed.claims["logout_reason"] == "admin"


def test_a_client_that_wants_encryption() -> None:
    """It gets what it will get at a logout, and is told how that was signed."""
    key = RSAKey.generate_key(2048)
    client = dataclasses.replace(
        SHOP,
        id_token_encrypted_response_alg="RSA-OAEP-256",
        jwks={"keys": [key.as_dict(private=False)]},
    )
    host = host_app(clients=(client,))

    code, found = read(host, "shop")

    ((_, token),) = host.sender.sent
    registry = JWERegistry(
        algorithms=["RSA-OAEP-256", "A128CBC-HS256"], strict_check_header=False
    )
    signed = jwe.decrypt_compact(token, key, registry=registry).plaintext
    assert signed is not None
    assert host.signer.verify(signed.decode(), clients=host.clients) is not None
    assert (code, found["algorithm"], found["key_id"]) == (0, "RS256", "rsa")


def test_encryption_without_a_key() -> None:
    """Nothing is sent unencrypted to a client that wants encryption."""
    client = dataclasses.replace(SHOP, id_token_encrypted_response_alg="RSA-OAEP")
    host = host_app(clients=(client,))

    code, found = read(host, "shop")

    assert (code, found["outcome"]) == (1, "no_token")
    assert "no key for RSA-OAEP" in found["explanation"]
    assert host.sender.sent == []


def test_a_name_that_gives_orders_to_the_terminal() -> None:
    """What somebody has registered is escaped wherever it is shown."""
    name = "shop\x9b2J\x07"
    client = dataclasses.replace(
        SHOP, client_id=name, id_token_encrypted_response_alg="RSA-OAEP"
    )
    host = host_app(clients=(client,))

    result = run(host, name)

    assert result.exit_code == 1
    assert not {"\x9b", "\x07"} & set(result.output)


def test_a_client_that_refuses() -> None:
    """The body is shown as far as it is short and printable, and nothing else of it."""
    body = b'{"error": "invalid_request"}\x1b[2J\r\n\xff' + b"x" * 2000

    with answering(400, body) as receiver:
        host = host_with(receiver.uri)
        code, found = read(host, "shop")
        text = run(host, "shop")

    assert (code, text.exit_code) == (3, 3)
    assert (found["outcome"], found["status"]) == ("not_accepted", 400)
    assert found["excerpt"].startswith(
        '{"error": "invalid_request"}\\x1b[2J\\r\\n\\xffxxx'
    )
    assert 950 < found["excerpt"].count("x") < 1024
    assert "\x1b" not in text.stdout
    assert "refuses logout tokens" in text.stdout
    assert "issuer, audience or key" in text.stdout


@pytest.mark.parametrize(
    ("status", "words"),
    [
        pytest.param(302, "never followed", id="redirect"),
        pytest.param(401, "must not ask for a login", id="login"),
        pytest.param(403, "exempt the endpoint", id="forgery protection"),
        pytest.param(404, "nothing at this address", id="not found"),
        pytest.param(405, "must take POST", id="method"),
        pytest.param(418, "refuses logout tokens", id="something else"),
        pytest.param(503, "would be tried again", id="unavailable"),
    ],
)
def test_other_answers(status: int, words: str) -> None:
    """Each answer is explained by what it means for a logout."""
    with answering(status, Location="https://shop.test/") as receiver:
        code, found = read(host_with(receiver.uri), "shop")

    assert (code, found["outcome"]) == (3, "not_accepted")
    assert words in found["explanation"]
    assert len(receiver.tokens) == 1


def test_nobody_listens() -> None:
    """A connection that is refused is not an answer."""
    with answering(200) as receiver:
        uri = receiver.uri

    code, found = read(host_with(uri), "shop")

    assert (code, found["outcome"], found["failure"]) == (4, "no_answer", "connection")
    assert "connection was refused" in found["explanation"]


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        pytest.param(
            "https://10.1.2.3/back",
            "not public: 10.1.2.3. If it is meant to be reached, name it in "
            "IDP_SESSION_DELIVERY_ALLOWED_HOSTS, or its network in "
            "IDP_SESSION_DELIVERY_ALLOWED_NETWORKS",
            id="inner network",
        ),
        pytest.param("https://[::1]/back", "not public: ::1", id="loopback"),
        pytest.param(
            "http://shop.test/back", "IDP_SESSION_DELIVERY_ALLOW_HTTP", id="http"
        ),
        pytest.param(
            "https://shop.test:25/back",
            "Port 25 is refused. Register an address with another one, or name it in "
            "IDP_SESSION_DELIVERY_ALLOWED_PORTS",
            id="port",
        ),
    ],
)
def test_what_the_policy_forbids(uri: str, words: str) -> None:
    """The explanation names the address and the option that would permit it."""
    code, found = read(host_with(uri, config={}), "shop")

    assert (code, found["failure"]) == (4, "address_refused")
    assert words in found["explanation"]


def test_the_explanation_is_no_refusal(caplog: pytest.LogCaptureFixture) -> None:
    """The log has the one refusal that there was, with the host that it was for."""
    run(host_with("https://127.0.0.1/back", config={}), "shop")

    (refusal,) = caplog.messages
    assert "for '127.0.0.1' is refused" in refusal


def test_a_host_that_may_be_inside() -> None:
    """An address that is permitted for the host is not named as one that is not."""
    sender = ScriptedSender()
    client = Client(client_id="shop", back_channel_logout_uri="https://localhost/back")
    config = {"IDP_SESSION_DELIVERY_ALLOWED_HOSTS": "localhost"}
    host = host_app(config=config, clients=(client,), sender=sender)
    sender.answers["https://localhost/back"] = SendResult(
        failure=SendFailure.ADDRESS_REFUSED
    )

    _, found = read(host, "shop")

    assert found["explanation"] == "The sender refuses the address of the client."


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (SendFailure.DNS, "host name has no address"),
        (SendFailure.TLS, "IDP_SESSION_DELIVERY_CA_FILE"),
        (SendFailure.TIMEOUT, "IDP_SESSION_DELIVERY_TIMEOUT"),
        (SendFailure.INVALID_URI, "not one that can be requested"),
        (SendFailure.ADDRESS_REFUSED, "The sender refuses"),
    ],
)
def test_every_failure_is_explained(failure: SendFailure, words: str) -> None:
    """A sender of the host's own is asked too, and what it says is put in words."""
    sender = ScriptedSender()
    host = host_app(sender=sender)
    sender.answers["https://shop.test/back"] = SendResult(failure=failure)

    code, found = read(host, "shop")

    assert (code, found["failure"]) == (4, failure)
    assert words in found["explanation"]


def test_a_shared_secret_that_is_missing() -> None:
    """Without a key for the client's algorithm nothing is sent, and the reason said."""
    client = Client(
        client_id="shop",
        back_channel_logout_uri="https://shop.test/back",
        id_token_signed_response_alg="HS256",
    )
    host = host_app(clients=(client,))

    code, found = read(host, "shop")

    assert (code, found["outcome"]) == (1, "no_token")
    assert "no key for HS256" in found["explanation"]
    assert host.sender.sent == []


def test_a_shared_secret() -> None:
    """A token by a shared secret has no key id, and the secret is not shown."""
    client = Client(
        client_id="shop",
        secret="a secret of at least thirty-two octets",
        back_channel_logout_uri="https://shop.test/back",
        id_token_signed_response_alg="HS256",
    )
    host = host_app(clients=(client,))

    result = run(host, "shop", "--json")

    found = json.loads(result.stdout)
    assert (found["algorithm"], found["key_id"]) == ("HS256", None)
    assert "thirty-two" not in result.output


@pytest.mark.parametrize(
    ("client_id", "outcome", "words"),
    [
        pytest.param("news", "no_uri", "no back-channel logout URI", id="no URI"),
        pytest.param("nobody", "unknown_client", "no such client", id="unknown"),
    ],
)
def test_a_client_that_cannot_be_asked(
    client_id: str, outcome: str, words: str
) -> None:
    """The reason is said, and nothing is sent."""
    host = host_app()

    code, found = read(host, client_id)

    assert (code, found["outcome"], found["client_id"]) == (1, outcome, client_id)
    assert words in found["explanation"]
    assert host.sender.sent == []


def test_for_people() -> None:
    """What is known, a line each, and then what it means."""
    with answering(204) as receiver:
        lines = run(host_with(receiver.uri), "shop").stdout.splitlines()

    assert lines[:-3] == [
        "client     shop",
        f"address    {receiver.uri}",
        "signed by  RS256",
        "key        rsa",
        "outcome    accepted",
        "status     204",
    ]
    assert lines[-3].startswith("took       0.")
    assert lines[-1] == "The client takes logout tokens."


def test_wrong_usage() -> None:
    """Without a client nothing is checked."""
    assert run(host_app()).exit_code == 2
