"""Tokens that are signed beside each other, while others are claimed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from collections.abc import Mapping
from concurrent.futures import Future
from datetime import datetime
from datetime import UTC
from typing import Any
from typing import NoReturn

import pytest

from idp_session.adapters.outcomes import PendingOutcome
from idp_session.models import Attempt
from idp_session.models import Client
from idp_session.models import DeliveryResult
from idp_session.models import DeliveryState
from idp_session.models import SendResult
from idp_session.models import SignedToken
from idp_session.ports import ClientStore

from ..fakes import FakeProvider
from ..fakes import make_client
from ..fakes import SIGNER
from .delivery_host import owe

START = datetime(2026, 1, 2, tzinfo=UTC)
SOON = 30.0
OK = SendResult(status=200)


class SlowSigner:
    """Signs when it is told to, as a key in a module of hardware does."""

    algorithms = SIGNER.algorithms

    def __init__(self) -> None:
        self.signing = threading.Event()
        self.asked = threading.Semaphore(0)

    def sign(
        self, claims: Mapping[str, Any], *, client: Client, token_type: str
    ) -> str:
        self.asked.release()
        self.signing.wait(SOON)

        return SIGNER.sign(claims, client=client, token_type=token_type)

    def verify(self, token: object, *, clients: ClientStore) -> SignedToken | None:
        return SIGNER.verify(token, clients=clients)


class FailingSigner(SlowSigner):
    """Has lost its key."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def sign(
        self, claims: Mapping[str, Any], *, client: Client, token_type: str
    ) -> str:
        raise self.error


@pytest.fixture
def signer() -> Iterator[SlowSigner]:
    signer = SlowSigner()
    yield signer
    signer.signing.set()


def owe_to_nine(provider: FakeProvider) -> None:
    clients = [make_client(f"client-{number}") for number in range(9)]
    provider.clients.clients.update({each.client_id: each for each in clients})
    owe(provider, *(each.client_id for each in clients))


def begun(provider: FakeProvider) -> list[Attempt]:
    attempts = map(provider.delivery.begin, provider.delivery.claim(10))

    return [attempt for attempt in attempts if attempt is not None]


def test_a_slow_signature_holds_up_nobody(signer: SlowSigner) -> None:
    """Others are begun, and signed, while one token is being signed."""
    provider = FakeProvider(signer=signer)
    owe(provider, "shop", "mail")

    attempts = begun(provider)
    at_once = [signer.asked.acquire(timeout=SOON) for _ in attempts]
    done_before = [attempt.outcome.done() for attempt in attempts]
    signer.signing.set()

    assert at_once == [True, True]
    assert done_before == [False, False]
    assert [attempt.outcome.result(SOON) for attempt in attempts] == [OK, OK]


def test_what_was_given_up_is_not_signed(signer: SlowSigner) -> None:
    """A delivery that is given back before its turn is left to others."""
    provider = FakeProvider(signer=signer)
    owe_to_nine(provider)
    attempts = begun(provider)
    given_up = [attempt.outcome.cancel() for attempt in attempts[-2:]]

    signer.signing.set()

    assert given_up == [True, True]
    assert [attempt.outcome.result(SOON) for attempt in attempts[:-2]] == [OK] * 7
    assert len(provider.sender.sent) == 7


def test_stopping_gives_up_what_is_not_signed(signer: SlowSigner) -> None:
    """Nobody waits for ever for a token that will not be signed any more."""
    provider = FakeProvider(signer=signer)
    owe_to_nine(provider)
    attempts = begun(provider)

    provider.delivery.stop()

    assert attempts[-1].outcome.cancelled()


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(LookupError("the key is gone, with a secret"), id="error"),
        pytest.param(asyncio.CancelledError(), id="cancelled"),
        pytest.param(SystemExit(), id="exit"),
    ],
)
def test_a_signer_that_fails_is_asked_again(
    caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    """A fault of the host's signer is no reason to tell nobody."""
    provider = FakeProvider(signer=FailingSigner(error))
    owe(provider)
    (attempt,) = begun(provider)

    (after,) = provider.delivery.settle([attempt])

    assert after.state is DeliveryState.PENDING
    assert f"sending failed: {type(error).__name__}" in caplog.messages


def test_an_outcome_is_what_becomes_of_its_request() -> None:
    """Once there is a request, it says what came of it."""
    outcome, request = PendingOutcome(), Future[SendResult]()
    outcome.follow(request)
    request.set_result(OK)

    assert outcome.result(0) == OK


def test_an_outcome_is_cancelled_as_its_request_is() -> None:
    """A request that is on its way cannot be given up, and another one can."""
    first, under_way = PendingOutcome(), Future[SendResult]()
    second, waiting = PendingOutcome(), Future[SendResult]()
    first.follow(under_way)
    second.follow(waiting)
    under_way.set_running_or_notify_cancel()

    assert (first.cancel(), second.cancel()) == (False, True)
    assert (first.cancelled(), second.cancelled(), waiting.cancelled()) == (
        False,
        True,
        True,
    )


def test_a_request_that_comes_too_late_is_given_up() -> None:
    """What was cancelled while its token was being signed is not sent."""
    outcome, request = PendingOutcome(), Future[SendResult]()
    outcome.cancel()

    outcome.follow(request)

    assert request.cancelled()


def test_a_request_that_fails() -> None:
    """A fault of the sender is the outcome's."""
    outcome, request = PendingOutcome(), Future[SendResult]()
    outcome.follow(request)
    request.set_exception(LookupError("gone"))

    with pytest.raises(LookupError):
        outcome.result(0)


@pytest.mark.parametrize("is_requested", [True, False])
def test_an_outcome_is_not_waited_for_any_longer(*, is_requested: bool) -> None:
    """Neither for a request, nor for what comes of it."""
    outcome = PendingOutcome()

    if is_requested:
        outcome.follow(Future())

    with pytest.raises(TimeoutError):
        outcome.result(0)


@pytest.mark.parametrize("is_requested", [True, False])
def test_whoever_asked_hears_once_of_an_outcome(*, is_requested: bool) -> None:
    """Whether there was a request by then or not."""
    outcome, request = PendingOutcome(), Future[SendResult]()
    heard: list[bool] = []

    if is_requested:
        outcome.follow(request)

    outcome.add_done_callback(lambda _: heard.append(outcome.done()))

    if not is_requested:
        outcome.follow(request)

    request.set_result(OK)

    assert heard == [True]


@pytest.mark.parametrize("is_decided", [True, False])
def test_what_was_cancelled_stays_cancelled(*, is_decided: bool) -> None:
    """Whatever is found out about it afterwards."""
    outcome = PendingOutcome()
    outcome.cancel()

    if is_decided:
        outcome.decide(DeliveryResult(state=DeliveryState.FAILED, at=START))
    else:
        outcome.fail(LookupError("gone"))

    assert outcome.cancelled()


class InterruptedOutcome(PendingOutcome):
    """Whoever waits for it is told to give up."""

    def result(self, timeout: float | None = None) -> NoReturn:
        raise KeyboardInterrupt


def test_who_waits_can_be_interrupted() -> None:
    """What is not the sender's fault is not taken for one."""
    provider = FakeProvider()
    owe(provider)
    (delivery,) = provider.delivery.claim(1)
    attempt = Attempt(delivery=delivery, host=None, outcome=InterruptedOutcome())

    with pytest.raises(KeyboardInterrupt):
        provider.delivery.settle([attempt])
