"""The dispatcher, the service and both senders, against real servers."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from idp_session.adapters.address_policy import AddressPolicy
from idp_session.adapters.clock import SystemClock
from idp_session.adapters.curl import CurlLogoutSender
from idp_session.adapters.dispatch import ThreadDispatcher
from idp_session.adapters.http import RequestsLogoutSender
from idp_session.models import Delivery
from idp_session.models import DeliveryState
from idp_session.models import LogoutReason
from idp_session.ports import LogoutSender
from idp_session.services.background import BackgroundWork
from idp_session.services.delivery import DeliveryService
from idp_session.services.delivery_management import DeliveryManagementService
from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing.servers import answering
from idp_session.testing.servers import LocalServer
from idp_session.testing.servers import OK
from idp_session.testing.servers import serving
from idp_session.testing.servers import silent
from tests.fakes import FakeProvider
from tests.fakes import make_client
from tests.fakes import make_options
from tests.fakes import SIGNER

SOON = timedelta(seconds=30)


def curl(timeout: timedelta) -> LogoutSender:
    policy = AddressPolicy(allow_http=True, allowed_networks=["127.0.0.0/8"])

    return CurlLogoutSender(policy=policy, connect_timeout=timeout, timeout=timeout)


def requests(timeout: timedelta) -> LogoutSender:
    policy = AddressPolicy(allow_http=True, allowed_networks=["127.0.0.0/8"])

    return RequestsLogoutSender(policy=policy, connect_timeout=timeout, timeout=timeout)


@dataclass(frozen=True, kw_only=True)
class Engine:
    """What delivers, and who is told."""

    provider: FakeProvider
    delivery: DeliveryService
    dispatcher: ThreadDispatcher

    def owe(self, **uris: str) -> str:
        """A session that has ended, and clients that are to be told of it."""
        session = make_session()
        self.provider.store.create(session)

        for client_id, uri in uris.items():
            client = make_client(client_id, back_channel_logout_uri=uri)
            self.provider.clients.clients[client_id] = client
            self.provider.store.add_participant(
                make_participant(session.session_id, client_id=client_id)
            )

        self.provider.store.end(
            session.session_id,
            reason=LogoutReason.USER,
            ended_at=SystemClock().now(),
        )

        return session.session_id

    def states(self, session_id: str) -> dict[str, DeliveryState]:
        return {each.client_id: each.state for each in self.of(session_id)}

    def of(self, session_id: str) -> tuple[Delivery, ...]:
        return self.provider.queue.of_session(session_id)


@pytest.fixture(params=[requests, curl], ids=["requests", "curl"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Eight at once, and two to one host."""
    make: Callable[[timedelta], LogoutSender] = request.param
    provider = FakeProvider(
        options=make_options(delivery_in_flight=8, delivery_in_flight_per_host=2)
    )
    delivery = DeliveryService(
        queue=provider.queue,
        clients=provider.clients,
        signer=SIGNER,
        sender=make(SOON),
        clock=SystemClock(),
        options=provider.options,
        announce=provider.attempted.append,
    )
    work = BackgroundWork(
        delivery=delivery,
        deliveries=DeliveryManagementService(
            queue=provider.queue,
            clients=provider.clients,
            clock=SystemClock(),
            dispatcher=provider.dispatcher,
        ),
        sweep=provider.sweep,
        sweep_interval=timedelta(hours=1),
        retention=timedelta(days=30),
    )
    dispatcher = ThreadDispatcher(
        work=lambda: work,
        in_flight=provider.options.delivery_in_flight,
        poll_interval=timedelta(hours=1),
        logger=logging.getLogger("test"),
    )
    yield Engine(provider=provider, delivery=delivery, dispatcher=dispatcher)
    dispatcher.stop(timedelta(0))


def connected(server: LocalServer, count: int) -> bool:
    """Whether so many have come soon, and no more."""
    until = time.monotonic() + 20

    while server.connections < count and time.monotonic() < until:
        time.sleep(0.01)

    return server.connections == count


@pytest.fixture
def slow() -> Iterator[LocalServer]:
    with serving(silent) as server:
        yield server


@pytest.fixture
def quick() -> Iterator[LocalServer]:
    with serving(answering(OK)) as server:
        yield server


def test_everybody_is_told(engine: Engine, quick: LocalServer) -> None:
    """However many there are, each is told once."""
    session_id = engine.owe(**{f"client{n}": quick.uri() for n in range(40)})

    engine.dispatcher.kick()
    engine.delivery.wait_for(session_id, at_most=SOON)
    engine.dispatcher.stop(SOON)

    assert set(engine.states(session_id).values()) == {DeliveryState.DELIVERED}
    assert len(engine.provider.attempted) == quick.connections == 40


def test_a_slow_host_does_not_starve_another(
    engine: Engine, slow: LocalServer, quick: LocalServer
) -> None:
    """Many clients on a host that hangs leave room for everybody else."""  # BCL-OP-27
    stuck = engine.owe(**{f"stuck{n}": slow.uri() for n in range(30)})
    told = engine.owe(**{f"told{n}": quick.uri(host="localhost") for n in range(30)})

    began = time.monotonic()
    engine.dispatcher.kick()
    engine.delivery.wait_for(told, at_most=SOON)
    waited = time.monotonic() - began

    assert set(engine.states(told).values()) == {DeliveryState.DELIVERED}
    assert set(engine.states(stuck).values()) == {DeliveryState.PENDING}
    assert connected(slow, 2)
    assert waited < 15


def test_what_hangs_is_given_back(engine: Engine, slow: LocalServer) -> None:
    """Stopping in the middle leaves deliveries that others may have at once."""
    stuck = engine.owe(one=slow.uri(), two=slow.uri(host="127.0.0.1"))
    engine.dispatcher.kick()
    assert connected(slow, 2)

    began = time.monotonic()
    quiet = engine.dispatcher.stop(timedelta(milliseconds=100))
    waited = time.monotonic() - began

    assert not quiet
    assert waited < 15
    assert len(engine.delivery.claim(10)) == 2
    assert set(engine.states(stuck).values()) == {DeliveryState.PENDING}
    assert engine.provider.attempted == []


def test_it_goes_on_after_a_stop(engine: Engine, quick: LocalServer) -> None:
    """What was stopped may be started again."""
    first = engine.owe(shop=quick.uri())
    engine.dispatcher.kick()
    engine.delivery.wait_for(first, at_most=SOON)
    engine.dispatcher.stop(SOON)

    second = engine.owe(shop=quick.uri())
    engine.dispatcher.start()
    engine.delivery.wait_for(second, at_most=SOON)

    assert engine.states(second) == {"shop": DeliveryState.DELIVERED}


def test_a_client_that_asks_back(engine: Engine) -> None:
    """While a client answers, the provider can do whatever it is asked for."""

    def asking(connection: socket.socket) -> None:
        # Stands for a client that fetches keys, which ends another session here.
        inner = engine.owe(other="https://127.0.0.1:1/")
        engine.dispatcher.kick()
        engine.delivery.wait_for(inner, at_most=timedelta(seconds=2))
        answering(OK)(connection)

    with serving(asking) as server:
        session_id = engine.owe(shop=server.uri())
        engine.dispatcher.kick()
        engine.delivery.wait_for(session_id, at_most=SOON)

    assert engine.states(session_id) == {"shop": DeliveryState.DELIVERED}
