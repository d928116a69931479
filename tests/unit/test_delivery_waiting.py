"""Deliveries: a response waits for them, and not for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from collections.abc import Sequence
from contextlib import contextmanager
from datetime import timedelta

import pytest

from idp_session.models import DeliveryState
from idp_session.models import SendFailure
from idp_session.models import SendResult
from tests.fakes import FakeProvider

from .delivery_host import owe
from .delivery_host import provider_with

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
NONE_TO_WAIT = timedelta(0)


@contextmanager
def hanging(provider: FakeProvider) -> Iterator[threading.Thread]:
    """Somebody delivers in the background, and the clients do not answer."""
    provider.sender.answering.clear()
    thread = threading.Thread(target=provider.delivery.run_once)
    thread.start()

    try:
        yield thread
    finally:
        provider.sender.answering.set()
        thread.join()


@pytest.mark.parametrize(
    "client_ids",
    [
        pytest.param([], id="unknown session"),
        pytest.param(["shop", "mail"], id="all tried"),
    ],
)
def test_nothing_to_wait_for(client_ids: Sequence[str]) -> None:
    """Where nothing is open the response goes out at once."""
    provider = provider_with(500)
    session_id = owe(provider, *client_ids) if client_ids else "unknown"
    provider.delivery.run_once()

    began = time.monotonic()
    deliveries = provider.delivery.wait_for(session_id, at_most=HOUR)

    assert time.monotonic() - began < 5
    assert [each.client_id for each in deliveries] == client_ids


# BCL-OP-27
def test_a_response_waits_until_each_was_tried() -> None:
    """As soon as every client has had its turn, the user goes on."""
    provider = provider_with(500)
    session_id = owe(provider, "shop", "mail")

    with hanging(provider):
        threading.Timer(0.1, provider.sender.answering.set).start()
        deliveries = provider.delivery.wait_for(session_id, at_most=HOUR)

    assert [each.state for each in deliveries] == [
        DeliveryState.PENDING,
        DeliveryState.DELIVERED,
    ]
    assert deliveries[0].last_status == 500


def test_a_failure_without_answer_counts_as_tried() -> None:
    """A client that cannot be reached holds nobody up until its next turn."""
    provider = provider_with(SendResult(failure=SendFailure.CONNECTION))
    session_id = owe(provider)
    provider.delivery.run_once()

    (delivery,) = provider.delivery.wait_for(session_id, at_most=HOUR)

    assert (delivery.state, delivery.last_status) == (DeliveryState.PENDING, None)


@pytest.mark.parametrize(
    ("bound", "most"),
    [
        pytest.param(timedelta(milliseconds=200), 8.0, id="some time"),
        pytest.param(NONE_TO_WAIT, 8.0, id="no time"),
        pytest.param(-SECOND, 8.0, id="negative"),
    ],
)
def test_a_response_waits_no_longer_than_its_bound(
    bound: timedelta, most: float
) -> None:
    """A client that hangs costs the user the bound and not more."""
    provider = provider_with()
    session_id = owe(provider)

    with hanging(provider):
        began = time.monotonic()
        (delivery,) = provider.delivery.wait_for(session_id, at_most=bound)
        waited = time.monotonic() - began

    assert bound.total_seconds() <= waited < most
    assert delivery.state is DeliveryState.PENDING


def test_what_another_process_delivers_is_seen() -> None:
    """A response that waits also notices what was not delivered in its process."""
    provider = provider_with()
    other = FakeProvider(queue=provider.queue)
    session_id = owe(provider)
    timer = threading.Timer(0.1, other.delivery.run_once)
    timer.start()

    (delivery,) = provider.delivery.wait_for(session_id, at_most=HOUR)
    timer.join()

    assert delivery.state is DeliveryState.DELIVERED
