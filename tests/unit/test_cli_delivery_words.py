"""What people read of a delivery."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest

from idp_session import Delivery
from idp_session import DeliveryState
from idp_session import LogoutReason
from idp_session.flask.cli.delivery_words import what_happened
from idp_session.models import SendFailure
from idp_session.testing import START

DELIVERY = Delivery(
    id=7,
    session_id="1234",
    client_id="shop",
    issuer="https://idp.test",
    subject="alice",
    reason=LogoutReason.USER,
    created_at=START,
    due_at=START + timedelta(seconds=20),
)
AGAIN = (
    "Once the client has been repaired, 'flask idp-session deliveries retry 7' has "
    "it tried again."
)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        pytest.param(
            {},
            "Nobody has tried it yet; it is due since 2026-01-01 12:00:20Z.",
            id="untried",
        ),
        pytest.param(
            {"attempts": 2},
            "Attempt 2 is on its way; if whoever sends it has died, another takes "
            "over at 2026-01-01 12:00:20Z.",
            id="under way",
        ),
        pytest.param(
            {"attempts": 2, "last_status": 503, "last_error": "status"},
            "It is tried again at 2026-01-01 12:00:20Z, because at the last attempt "
            "the client answered 503.",
            id="to be repeated",
        ),
        pytest.param(
            {"state": DeliveryState.DELIVERED, "attempts": 2, "last_status": 204},
            "The client has confirmed, at attempt 2.",
            id="delivered",
        ),
        pytest.param(
            {"state": DeliveryState.REFUSED, "attempts": 1, "last_status": 400},
            f"It was given up at attempt 1, because the client answered 400. {AGAIN}",
            id="refused",
        ),
        pytest.param(
            {"state": DeliveryState.FAILED, "attempts": 1, "last_error": "no_token"},
            "It was given up at attempt 1, because no token could be signed for the "
            f"client. {AGAIN}",
            id="failed",
        ),
        pytest.param(
            {"state": DeliveryState.EXPIRED, "attempts": 9, "last_error": "timeout"},
            "It was given up after 8 attempts, the last time because there was no "
            f"answer in time. {AGAIN}",
            id="expired",
        ),
        pytest.param(
            {"state": DeliveryState.SKIPPED, "attempts": 1, "last_error": "reason"},
            "The client does not want to hear of sessions that end for this reason, so "
            "it was not told.",
            id="not wanted",
        ),
        pytest.param(
            {"attempts": 1, "last_error": "sender"},
            "It is tried again at 2026-01-01 12:00:20Z, because at the last attempt "
            "the provider's own sender failed; its log says how.",
            id="sender",
        ),
        pytest.param(
            {"state": DeliveryState.SKIPPED, "attempts": 1},
            "The client had no back-channel logout URI, or was registered no more, so "
            "there was nobody to tell.",
            id="skipped",
        ),
    ],
)
def test_every_state_is_explained(members: dict[str, Any], words: str) -> None:
    """The words say how far it is, why, and what comes next."""
    assert what_happened(dataclasses.replace(DELIVERY, **members)) == words


@pytest.mark.parametrize("failure", SendFailure)
def test_every_failure_is_explained(failure: SendFailure) -> None:
    """No failure is shown as the word for it."""
    failed = dataclasses.replace(
        DELIVERY, state=DeliveryState.FAILED, last_error=failure.value
    )

    assert f"because {failure}." not in what_happened(failed)
