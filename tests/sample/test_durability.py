"""What a process owed when it was killed is paid by its successor."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.ports import free_port

from .clients import claims_of
from .clients import RecordingClient
from .clients import write_clients
from .person import Person
from .processes import Running
from .processes import wait_until

pytestmark = pytest.mark.process

Run = Callable[..., Running]

#: In seconds; somebody who signs in on a busy machine is not idle.
IDLE = 6
#: A client that hangs is given up after so many seconds, and nobody waits for half of them.
HANGS_FOR = 60


def test_killed_provider_tells_the_client_that_was_down(
    run: Run,
    provider_arguments: tuple[str, ...],
    shop: RecordingClient,
    mail: RecordingClient,
) -> None:
    """After kill -9 and a restart only who was not told before is told."""
    # The response comes when each was tried, and what was heard is written down.
    provider = run(*provider_arguments, "--set", "IDP_SESSION_BACK_CHANNEL_WAIT=15")
    person = Person(provider.wait_until_ready()[7:-1])
    tokens = person.sign_in(shop)
    person.sign_in(mail)
    mail.stop()
    answer = person.sign_out(shop, tokens["id_token"])
    provider.kill()
    assert answer.headers["Location"] == f"{shop.url}/bye?state=bye"
    assert len(shop.tokens) == 1

    mail.start()
    run(*provider_arguments).wait_until_ready()
    wait_until(lambda: len(mail.tokens) == 1)

    time.sleep(2)
    assert len(shop.tokens) == 1
    assert len(mail.tokens) == 1
    sid = claims_of(tokens["id_token"])["sid"]
    assert claims_of(mail.tokens[0])["sid"] == sid


def test_killed_in_the_middle_of_a_delivery(
    run: Run,
    provider_arguments: tuple[str, ...],
    shop: RecordingClient,
) -> None:
    """A delivery that a killed process held is taken over when its lease is over."""
    provider = run(*provider_arguments, "--set", "IDP_SESSION_BACK_CHANNEL_WAIT=0")
    person = Person(provider.wait_until_ready()[7:-1])
    tokens = person.sign_in(shop)
    shop.status = 503
    person.sign_out(shop, tokens["id_token"])
    wait_until(lambda: len(shop.tokens) == 1)
    provider.kill()
    shop.status = 200

    run(*provider_arguments).wait_until_ready()
    wait_until(lambda: len(shop.tokens) == 2)

    first, second = map(claims_of, shop.tokens)
    assert first["jti"] != second["jti"]


def test_dedicated_worker_delivers(
    run: Run,
    provider_arguments: tuple[str, ...],
    shop: RecordingClient,
) -> None:
    """A provider that does not deliver itself leaves it to the worker."""
    quiet = ("--set", "IDP_SESSION_DELIVERY_IN_PROCESS=false")
    provider = run(*provider_arguments, *quiet)
    person = Person(provider.wait_until_ready()[7:-1])
    tokens = person.sign_in(shop)
    person.sign_out(shop, tokens["id_token"])
    assert shop.tokens == []

    worker = run("worker")
    worker.wait_until_ready()
    wait_until(lambda: len(shop.tokens) == 1)

    worker.terminate()


def test_expired_session_tells_its_clients(
    run: Run,
    provider_arguments: tuple[str, ...],
    shop: RecordingClient,
) -> None:
    """A session that nobody uses any more ends without any request, and is told."""
    provider = run(*provider_arguments, *("--set", f"IDP_SESSION_IDLE_TIMEOUT={IDLE}"))
    person = Person(provider.wait_until_ready()[7:-1])
    person.sign_in(shop)

    wait_until(lambda: len(shop.tokens) == 1)

    answer = person.authorize(shop, prompt="none")
    assert "error=login_required" in answer.headers["Location"]


def test_hanging_clients_delay_nobody_else(
    run: Run,
    tmp_path: Path,
    shop: RecordingClient,
    mail: RecordingClient,
    hanging: RecordingClient,
) -> None:
    """Thirty logouts to a client that hangs do not delay another user's logout."""
    clients = write_clients(tmp_path / "all.json", shop, mail, hanging)
    provider = run(
        *("idp", "--port", str(free_port()), "--clients", str(clients)),
        *("--set", f"IDP_SESSION_DELIVERY_TIMEOUT={HANGS_FOR}"),
        *("--set", f"IDP_SESSION_DELIVERY_LEASE={2 * HANGS_FOR}"),
    )
    issuer = provider.wait_until_ready()[7:-1]
    crowd = [Person(issuer) for _ in range(30)]
    for person in crowd:
        person.sign_in(hanging)
    bob = Person(issuer)
    tokens = bob.sign_in(shop, "bob")
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(lambda person: person.confirm_sign_out(), crowd))
    assert {answer.status_code for answer in answers} == {303}

    began = time.monotonic()
    bob.sign_out(shop, tokens["id_token"])

    wait_until(lambda: len(shop.tokens) == 1)
    assert time.monotonic() - began < HANGS_FOR / 2


def test_four_processes_tell_each_client_once(
    run: Run,
    provider_arguments: tuple[str, ...],
    shop: RecordingClient,
    mail: RecordingClient,
) -> None:
    """However many processes serve, each client hears of each logout once."""
    provider = run(*provider_arguments, "--processes", "4")
    issuer = provider.wait_until_ready()[7:-1]
    people = [Person(issuer) for _ in range(10)]
    tokens = [person.sign_in(shop) for person in people]
    for person in people:
        person.sign_in(mail)

    for person, given in zip(people, tokens, strict=True):
        person.sign_out(shop, given["id_token"])

    wait_until(lambda: len(shop.tokens) == len(mail.tokens) == 10)
    sids = sorted(claims_of(token)["sid"] for token in mail.tokens)
    assert sids == sorted(claims_of(given["id_token"])["sid"] for given in tokens)
