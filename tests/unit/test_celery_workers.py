"""Workers of Celery deliver what is owed, with real brokers in between."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from idp_session import DeliveryState

from ..brokers import Broker
from ..brokers import BROKERS
from ..brokers import scratch_broker
from ..forks import FORKS_ARE_MEANT
from ..sample.processes import wait_until
from .celery_host import CLIENTS
from .celery_site import celery_site
from .celery_site import Site
from .proxies import Proxy

pytestmark = pytest.mark.process

Make = Callable[..., Site]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes a provider with a broker, and ends all that belongs to it."""
    with ExitStack() as stack:

        def make(name: str, *, database: str = "sqlite") -> Site:
            broker = stack.enter_context(scratch_broker(name))

            return stack.enter_context(
                celery_site(broker, database=database, folder=tmp_path)
            )

        yield make


@pytest.mark.parametrize("broker", BROKERS)
def test_a_worker_tells_the_clients_at_once(make: Make, broker: str) -> None:
    """A sign-out in the provider's process reaches every client through a worker."""
    site = make(broker)
    browser = site.signed_in()
    site.worker()

    site.sign_out(browser)
    wait_until(site.all_delivered)

    assert site.receiver.told == dict.fromkeys(CLIENTS, 1)


def test_what_a_killed_worker_had_taken_is_delivered_by_its_successor(
    make: Make,
) -> None:
    """A kill -9 in the middle of a task loses nothing, and no attempt is made twice."""
    site = make("rabbitmq")
    site.receiver.hanging.add("shop")
    browser = site.signed_in()
    worker = site.worker()
    site.sign_out(browser)
    # All, or else one might have been claimed and not been begun.
    wait_until(lambda: site.receiver.total == len(CLIENTS))

    worker.kill()
    # It was not acknowledged, so the broker has it again.
    wait_until(lambda: site.broker.waiting() == 1)
    site.receiver.go_on.set()
    site.worker_with_beat()
    wait_until(site.all_delivered)

    assert site.receiver.told == {
        each.client_id: each.attempts for each in site.deliveries()
    }
    assert site.receiver.told["shop"] == 2
    assert len(set(site.receiver.tokens)) == site.receiver.total


@pytest.mark.parametrize("broker", BROKERS)
@pytest.mark.parametrize("failure", [Proxy.cut, Proxy.silence], ids=["cut", "silent"])
def test_a_broker_that_is_away_keeps_nobody_waiting(
    make: Make, broker: str, failure: Callable[[Proxy], None]
) -> None:
    """The response does not wait for a broker; the message is sent when it is back."""
    site = make(broker)
    browser = site.signed_in()
    failure(site.proxy)

    seconds = site.sign_out_by_page(browser)
    wait_until(lambda: site.proxy.failures > 0)
    before = site.broker.waiting()
    site.proxy.mend()
    wait_until(lambda: site.broker.waiting() > 0)

    # IDP_SESSION_BACK_CHANNEL_WAIT, and what the pages take; Celery gives up to connect
    # after 4 seconds, and then tries again.
    assert 0.5 <= seconds < 4
    assert before == 0
    assert {each.state for each in site.deliveries()} == {DeliveryState.PENDING}


@pytest.mark.parametrize("broker", BROKERS)
def test_a_worker_goes_on_when_its_broker_is_back(make: Make, broker: str) -> None:
    """After the network has failed worker and beat find each other again by themselves."""
    site = make(broker)
    browser = site.signed_in()
    site.worker_with_beat(proxied=True)
    site.proxy.cut()
    site.sign_out(browser)
    time.sleep(0.5)
    told_before = site.receiver.total

    site.proxy.mend()
    wait_until(site.all_delivered)

    assert told_before == 0


@pytest.mark.parametrize("broker", BROKERS)
def test_a_lost_message_costs_a_delay_only(make: Make, broker: str) -> None:
    """When the broker has lost the message, beat has the deliveries sent."""
    site = make(broker)
    site.sign_out(site.signed_in())
    wait_until(lambda: site.broker.waiting() == 1)
    lost = site.broker.purge()

    site.worker_with_beat()
    wait_until(site.all_delivered)

    assert lost == 1
    assert site.receiver.told == dict.fromkeys(CLIENTS, 1)


def test_two_workers_share_the_work(make: Make) -> None:
    """Each delivery is sent once, whichever of the workers takes it."""
    site = make("rabbitmq", database="postgres")
    browsers = [site.signed_in(f"user{number}") for number in range(10)]
    workers = [site.worker(), site.worker()]
    site.receiver.slowness = 0.1

    for browser in browsers:
        site.sign_out(browser)
    wait_until(lambda: site.all_delivered(10 * len(CLIENTS)))

    assert site.receiver.told == dict.fromkeys(CLIENTS, 10)
    wait_until(lambda: all(": delivered" in worker.text for worker in workers))


def run(broker: Broker, program: str) -> str:
    """What a process prints that can tell workers through this broker."""
    preamble = f"""
        import os, sys, threading, time
        from datetime import timedelta
        from celery import Celery
        from idp_session.integrations.celery import CeleryDispatcher

        celery = Celery("provider", broker={broker.url!r})
        celery.conf.task_default_queue = {broker.queue!r}
        celery.conf.broker_transport_options = {{"global_keyprefix": {broker.queue!r}}}
        dispatcher = CeleryDispatcher(celery)
    """
    finished = subprocess.run(
        [
            *(sys.executable, "-W", FORKS_ARE_MEANT),
            *("-c", textwrap.dedent(preamble) + textwrap.dedent(program)),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert finished.stderr == ""
    return finished.stdout


@pytest.mark.parametrize("name", BROKERS)
def test_a_child_process_tells_workers_itself(name: str) -> None:
    """A fork in the middle of whatever the parent is sending does the child no harm."""
    with scratch_broker(name) as broker:
        output = run(
            broker,
            """
            def kick_on():
                while True:
                    dispatcher.kick()
                    time.sleep(0.01)

            threading.Thread(target=kick_on, daemon=True).start()
            children = []

            for _ in range(12):
                child = os.fork()

                if child == 0:
                    dispatcher.kick()
                    os._exit(0 if dispatcher.close(timedelta(seconds=40)) else 1)

                children.append(child)
                time.sleep(0.01)

            print([os.waitpid(child, 0)[1] for child in children])
            """,
        )

    assert output == f"{[0] * 12}\n"


@pytest.mark.parametrize("name", BROKERS)
def test_a_process_that_ends_has_told_workers(name: str) -> None:
    """A command that ends a session and is over at once need not wait for beat."""
    with scratch_broker(name) as broker:
        run(broker, "dispatcher.kick()")

        assert broker.waiting() == 1
