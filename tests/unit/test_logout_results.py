"""What came of a logout."""

from __future__ import annotations

import dataclasses

import pytest

from idp_session import Delivery
from idp_session import DeliveryState
from idp_session import LogoutOutcome
from idp_session import LogoutReason
from idp_session import LogoutResult
from idp_session.testing import START

DELIVERY = Delivery(
    id=1,
    session_id="1234",
    client_id="shop",
    issuer="https://idp.test",
    subject="alice",
    reason=LogoutReason.USER,
    created_at=START,
    due_at=START,
)


def result_of(*states: DeliveryState) -> LogoutResult:
    deliveries = [
        dataclasses.replace(DELIVERY, id=number, client_id=f"shop{number}", state=state)
        for number, state in enumerate(states, 1)
    ]

    return LogoutResult.of("1234", deliveries, label=str.upper)


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (DeliveryState.PENDING, LogoutOutcome.PENDING),
        (DeliveryState.DELIVERED, LogoutOutcome.CONFIRMED),
        (DeliveryState.REFUSED, LogoutOutcome.REFUSED),
        (DeliveryState.FAILED, LogoutOutcome.FAILED),
        (DeliveryState.EXPIRED, LogoutOutcome.FAILED),
        (DeliveryState.SKIPPED, LogoutOutcome.SKIPPED),
    ],
)
def test_each_state_has_an_outcome(
    state: DeliveryState, outcome: LogoutOutcome
) -> None:
    """Only what is pending is not complete."""
    result = result_of(DeliveryState.DELIVERED, state)

    assert result.clients[1].outcome is outcome
    assert result.is_complete is (state is not DeliveryState.PENDING)


def test_totals() -> None:
    """Every outcome is counted, also those that nobody has."""
    result = result_of(
        DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.PENDING
    )

    assert result.totals == {
        LogoutOutcome.CONFIRMED: 0,
        LogoutOutcome.PENDING: 1,
        LogoutOutcome.REFUSED: 0,
        LogoutOutcome.FAILED: 2,
        LogoutOutcome.SKIPPED: 0,
    }


def test_clients_have_their_labels() -> None:
    """An entry says what to call the client."""
    assert result_of(DeliveryState.PENDING).clients[0].label == "SHOP1"


def test_a_client_that_left_and_came_back_is_one() -> None:
    """What came of the last delivery counts."""
    states = (DeliveryState.FAILED, DeliveryState.DELIVERED)
    deliveries = [
        dataclasses.replace(DELIVERY, id=number, state=state)
        for number, state in enumerate(states, 1)
    ]

    result = LogoutResult.of("1234", deliveries, label=str.upper)

    assert [each.outcome for each in result.clients] == [LogoutOutcome.CONFIRMED]
