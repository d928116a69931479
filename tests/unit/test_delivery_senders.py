"""Faults of the sender, which a host may have written."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from idp_session.models import Attempt
from idp_session.models import Delivery
from idp_session.models import DeliveryState
from idp_session.models import SendResult
from idp_session.testing import START

from ..fakes import FakeProvider
from .delivery_host import owe


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


def claimed(provider: FakeProvider, *client_ids: str) -> tuple[Delivery, ...]:
    """Deliveries that are about to be sent."""
    owe(provider, *client_ids)

    return provider.delivery.claim(10)


def attempted(delivery: Delivery, result: Any) -> Attempt:
    """An attempt of which the sender says this."""
    outcome: Future[SendResult] = Future()
    outcome.set_result(result)

    return Attempt(delivery=delivery, host=delivery.client_id, outcome=outcome)


def test_a_fault_of_the_sender_is_tried_again(
    provider: FakeProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """A sender of the host that fails is no reason to tell nobody."""
    (delivery,) = claimed(provider)
    outcome: Future[SendResult] = Future()
    outcome.set_exception(LookupError("with a secret"))

    (after,) = provider.delivery.settle(
        [Attempt(delivery=delivery, host="shop.test", outcome=outcome)]
    )

    assert (after.state, after.last_error) == (DeliveryState.PENDING, "sender")
    assert after.due_at > START
    assert "sending failed: LookupError" in caplog.messages


def test_a_cancelled_request_is_tried_again(provider: FakeProvider) -> None:
    """A request that the sender has given up is owed still."""
    (delivery,) = claimed(provider)
    outcome: Future[SendResult] = Future()
    outcome.cancel()

    (after,) = provider.delivery.settle(
        [Attempt(delivery=delivery, host="shop.test", outcome=outcome)]
    )

    assert (after.state, after.last_error) == (DeliveryState.PENDING, "sender")


@pytest.mark.parametrize(
    "nothing",
    [
        pytest.param(None, id="nothing returned"),
        pytest.param(SendResult(), id="neither status nor failure"),
        pytest.param(200, id="not a result"),
    ],
)
def test_a_sender_that_says_nothing_spoils_no_other_result(
    provider: FakeProvider, nothing: object
) -> None:
    """What others have answered is written down; the one is tried again, and counts."""
    shop, mail = claimed(provider, "shop", "mail")

    after = provider.delivery.settle(
        [attempted(shop, nothing), attempted(mail, SendResult(status=200))]
    )

    assert [each.state for each in after] == [
        DeliveryState.PENDING,
        DeliveryState.DELIVERED,
    ]
    assert (after[0].last_error, after[0].was_tried) == ("sender", True)
