"""What comes of requests, for senders that make futures and for one that makes none."""

from __future__ import annotations

from concurrent.futures import CancelledError
from concurrent.futures import Future
from datetime import timedelta
from typing import Any

import pytest

from idp_session.adapters.address_policy import AddressPolicy
from idp_session.adapters.curl import CurlLogoutSender
from idp_session.adapters.outcomes import future_of
from idp_session.adapters.outcomes import PendingOutcome
from idp_session.adapters.outcomes import post
from idp_session.models import DeliveryState
from idp_session.models import SendFailure
from idp_session.models import SendResult

from ..fakes import FakeProvider
from ..fakes import FakeSender
from .delivery_host import owe

OK = SendResult(status=200)
URI = "https://shop.test/logout"


class WrappedSender(CurlLogoutSender):
    """A host's own, which looks at each request first."""

    def submit(self, uri: str, logout_token: str) -> Future[SendResult]:
        future: Future[SendResult] = Future()
        future.set_result(SendResult(status=299))

        return future


class ForgetfulSender(FakeSender):
    """A host's own, which has forgotten to return anything."""

    def submit(self, uri: str, logout_token: str) -> Any:
        """Posts nothing."""


def sender_of(kind: type[CurlLogoutSender]) -> CurlLogoutSender:
    """One that refuses everybody, for no port is allowed but one."""
    return kind(
        policy=AddressPolicy(allow_http=False, allowed_ports=[1]),
        connect_timeout=timedelta(seconds=1),
        timeout=timedelta(seconds=1),
    )


def test_no_future_is_made_for_a_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender by libcurl decides the outcome of a delivery itself."""
    sender, outcome = sender_of(CurlLogoutSender), PendingOutcome()
    monkeypatch.setattr("idp_session.adapters.curl.sender.future_of", None)

    post(sender, URI, "token", outcome=outcome)

    assert outcome.result(0) == SendResult(failure=SendFailure.ADDRESS_REFUSED)


def test_a_submit_that_was_overridden_is_called() -> None:
    """Whoever changes what it means to submit is not passed over."""
    outcome = PendingOutcome()

    post(sender_of(WrappedSender), URI, "token", outcome=outcome)

    assert outcome.result(0) == SendResult(status=299)


def test_a_submit_that_was_replaced_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is whoever does so for one sender only, as tests of hosts do."""
    sender, outcome = sender_of(CurlLogoutSender), PendingOutcome()
    request: Future[SendResult] = Future()
    monkeypatch.setattr(sender, "submit", lambda *_: request)

    post(sender, URI, "token", outcome=outcome)
    request.set_result(OK)

    assert outcome.result(0) == OK


def test_a_sender_that_returns_no_future(caplog: pytest.LogCaptureFixture) -> None:
    """Its delivery is tried again, and the log says whose fault it is."""
    provider = FakeProvider(sender=ForgetfulSender())
    owe(provider)
    (delivery,) = provider.delivery.claim(1)
    attempt = provider.delivery.begin(delivery)
    assert attempt is not None

    (after,) = provider.delivery.settle([attempt])

    assert (after.state, after.last_error) == (DeliveryState.PENDING, "sender")
    assert "submit() of ForgetfulSender returned no future" in caplog.messages


def test_a_future_says_what_an_outcome_says() -> None:
    """Whoever has the future learns of the result."""
    outcome = PendingOutcome()
    future = future_of(outcome)

    outcome.decide(OK)

    assert future.result(0) == OK


def test_a_future_fails_as_an_outcome_does() -> None:
    """Whoever has the future learns of the error."""
    outcome = PendingOutcome()
    future = future_of(outcome)

    outcome.fail(LookupError("gone"))

    with pytest.raises(LookupError):
        future.result(0)


def test_a_cancelled_future_gives_the_outcome_up() -> None:
    """Nobody waits for it any more, and the sender may know."""
    outcome = PendingOutcome()

    future_of(outcome).cancel()

    assert outcome.cancelled()


def test_a_future_is_cancelled_with_its_outcome() -> None:
    """Whoever has the future waits no longer."""
    outcome = PendingOutcome()
    future = future_of(outcome)

    outcome.cancel()

    assert future.cancelled()


def test_an_outcome_that_was_given_up_has_no_result() -> None:
    """As with a future that was cancelled."""
    outcome = PendingOutcome()
    outcome.cancel()

    with pytest.raises(CancelledError):
        outcome.result(0)


def test_what_was_decided_cannot_be_cancelled() -> None:
    """It is too late then."""
    outcome = PendingOutcome()
    outcome.decide(OK)

    assert not outcome.cancel()
    assert outcome.result(0) == OK


@pytest.mark.parametrize("is_decided", [True, False])
def test_a_callback_that_fails_disturbs_nobody(
    *, is_decided: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The other callbacks are called, and the sender's thread goes on."""
    outcome = PendingOutcome()
    heard: list[object] = []

    if is_decided:
        outcome.decide(OK)

    outcome.add_done_callback(_fail)
    outcome.add_done_callback(heard.append)
    outcome.decide(OK)

    assert heard == [outcome]
    assert "a callback of an outcome has failed" in caplog.messages


def _fail(_: object) -> None:
    raise LookupError
