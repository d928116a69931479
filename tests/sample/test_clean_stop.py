"""What a process that is asked to end does with what it has on its way."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.ports import free_port

from .clients import RecordingClient
from .clients import write_clients
from .person import Person
from .processes import Running
from .processes import wait_until

pytestmark = pytest.mark.process

#: Workers look once a second, and the machine may be busy.
AT_ONCE = 60
#: Whoever waits for a lease here, or for a client that hangs, waits too long.
PATIENT = (
    "--set",
    "IDP_SESSION_DELIVERY_LEASE=300",
    "--set",
    "IDP_SESSION_DELIVERY_TIMEOUT=120",
    "--set",
    "IDP_SESSION_BACK_CHANNEL_WAIT=0",
)


@pytest.fixture(params=["curl", "requests"])
def arguments(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    shop: RecordingClient,
    hanging: RecordingClient,
) -> tuple[str, ...]:
    """What each process is started with."""
    clients = write_clients(tmp_path / "all.json", shop, hanging)
    sender = f"IDP_SESSION_DELIVERY_SENDER={request.param}"

    return (*PATIENT, "--set", sender, "--clients", str(clients))


@pytest.mark.parametrize("stopped", ["worker", "idp"])
def test_nothing_waits_for_a_lease(
    run: Callable[..., Running],
    arguments: tuple[str, ...],
    shop: RecordingClient,
    hanging: RecordingClient,
    stopped: str,
) -> None:
    """After SIGTERM what is answered counts, and another worker has the rest at once."""
    shop.hangs = True
    in_process = f"IDP_SESSION_DELIVERY_IN_PROCESS={str(stopped == 'idp').lower()}"
    provider = run("idp", "--port", str(free_port()), *arguments, "--set", in_process)
    person = Person(provider.wait_until_ready()[7:-1])
    person.sign_in(shop)
    person.sign_in(hanging)
    first = provider if stopped == "idp" else run("worker", *arguments)
    first.wait_until_ready()
    person.confirm_sign_out()
    wait_until(lambda: len(shop.tokens) == len(hanging.tokens) == 1)
    run("worker", *arguments).wait_until_ready()
    other = Person(person.issuer)
    other.sign_in(shop, "bob")
    # A server that would rather end waits for the end of it.
    stream = other.http.get(
        f"{person.issuer}/account/session-events", stream=True, timeout=20
    )
    assert stream.status_code == 200

    first.process.terminate()
    _wait_until_it_stops(stream if stopped == "idp" else None)
    shop.released.set()
    first.process.wait(AT_ONCE)

    wait_until(lambda: len(hanging.tokens) == 2, AT_ONCE)
    time.sleep(1)
    assert len(shop.tokens) == 1
    stream.close()


def _wait_until_it_stops(stream: requests.Response | None) -> None:
    """Return when it has been told to; from then on answers have a second."""
    if stream is None:
        time.sleep(0.3)
    else:
        # It ends the stream before it waits for answers.
        assert b"ended" not in stream.content
