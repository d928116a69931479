"""Deliveries: no host is told more at once than it may be."""

from __future__ import annotations

from tests.fakes import FakeProvider
from tests.fakes import FakeSender
from tests.fakes import make_client
from tests.fakes import make_options

from .delivery_host import owe


def shared_host(*client_ids: str) -> FakeProvider:
    """A provider whose clients are all on one host, of which one at a time is told."""
    provider = FakeProvider(
        options=make_options(delivery_in_flight_per_host=1),
        sender=FakeSender(),
    )
    clients = {
        each: make_client(each, back_channel_logout_uri=f"https://Host.test./{each}")
        for each in client_ids
    }
    provider.clients.clients.update(clients)

    return provider


def test_clients_of_one_host_share_its_limit() -> None:
    """What the provider has learned of a host counts at the next claim."""
    provider = shared_host("red", "blue")
    owe(provider, "red", "blue", "shop")
    provider.delivery.run_once()
    owe(provider, "red", "blue", "shop")

    claimed = provider.delivery.claim(10)

    assert [each.client_id for each in claimed] == ["red", "shop"]


def test_what_is_under_way_counts() -> None:
    """A host that has its share gets nothing, whichever client it is for."""
    provider = shared_host("red", "blue")
    owe(provider, "red", "blue", "shop")
    provider.delivery.run_once()
    owe(provider, "red", "blue", "shop")

    claimed = provider.delivery.claim(10, under_way={"host.test": 1})

    assert [each.client_id for each in claimed] == ["shop"]


def test_one_too_many_is_noticed_before_it_is_sent() -> None:
    """A client that has just moved to a busy host is not sent to it."""
    provider = shared_host("red", "blue")
    owe(provider, "red", "blue")
    red, blue = provider.delivery.claim(10)
    attempt = provider.delivery.begin(red)
    assert attempt is not None

    refused = provider.delivery.begin(blue, under_way={str(attempt.host): 1})
    provider.delivery.give_back([blue])
    provider.delivery.settle([attempt])

    assert refused is None
    assert [uri for uri, _ in provider.sender.sent] == ["https://Host.test./red"]
    assert [each.client_id for each in provider.delivery.claim(10)] == ["blue"]


def test_whoever_is_not_told_is_no_burden() -> None:
    """Clients without an address pass, however crowded it is elsewhere."""
    provider = shared_host()
    for _ in range(2):
        owe(provider, "gone", "gone too")
        provider.delivery.run_once()
    owe(provider, "gone", "gone too")
    owe(provider, "gone", "gone too")

    assert len(provider.delivery.claim(10)) == 4
