"""What an attempt means for its delivery."""

from __future__ import annotations

import logging
import random

from .._protocol import back_channel
from .._protocol.back_channel import Verdict
from ..adapters.outcomes import PendingOutcome
from ..models import Attempt
from ..models import Delivery
from ..models import DeliveryResult
from ..models import DeliveryState
from ..models import SendFailure
from ..models import SendResult
from ..options import SessionOptions
from ..ports import Clock

__all__ = ["AttemptJudge", "decided"]

_logger = logging.getLogger(__name__)

_STATES = {
    Verdict.ACCEPTED: DeliveryState.DELIVERED,
    Verdict.REFUSED: DeliveryState.REFUSED,
    Verdict.FAILED: DeliveryState.FAILED,
}

_FINAL_FAILURES = {SendFailure.ADDRESS_REFUSED, SendFailure.INVALID_URI}


class AttemptJudge:
    """Says what to write down after an attempt, or instead of one.

    :param clock: Tells the time.
    :param options: The settings.
    """

    def __init__(self, *, clock: Clock, options: SessionOptions) -> None:
        self._clock = clock
        self._options = options

    def is_too_old(self, delivery: Delivery) -> bool:
        """Whether a delivery has been tried for its whole time-to-live.

        :param delivery: As it was claimed.
        """
        # The first attempt is always made: neither a backlog nor a process that died
        # with a claim in its hands is a reason to tell nobody.
        if not delivery.was_tried:
            return False

        return (
            self._clock.now() - delivery.created_at >= self._options.delivery_lifetime
        )

    def result_of(self, attempt: Attempt) -> DeliveryResult:
        """What came of an attempt, once its outcome is there.

        :param attempt: The attempt.
        """
        try:
            outcome = attempt.outcome.result()
        except BaseException as error:
            # Somebody has interrupted whoever waits here.
            if not attempt.outcome.done():
                raise

            # The border of the host's sender. Its fault is no reason to tell nobody.
            _logger.warning("sending failed: %s", type(error).__name__)
            return self._again(attempt.delivery, SendResult(), "sender")

        if isinstance(outcome, DeliveryResult):
            return outcome

        if not _says_something(outcome):
            _logger.warning("sending failed: there is no result")
            return self._again(attempt.delivery, SendResult(), "sender")

        return self._judge(attempt.delivery, outcome)

    def final(
        self,
        state: DeliveryState,
        *,
        sent: SendResult | None = None,
        error: str | None = None,
    ) -> DeliveryResult:
        """Nothing more will be tried.

        :param state: The state that stays.
        :param sent: What came of the request, if there was one.
        :param error: What went wrong, in one word.
        """
        return DeliveryResult(
            state=state,
            at=self._clock.now(),
            status=sent.status if sent else None,
            error=error,
            latency=sent.latency if sent else None,
        )

    def expired(self, delivery: Delivery) -> DeliveryResult:
        """It was tried for its whole time-to-live.

        :param delivery: As it was claimed.
        """
        return DeliveryResult(
            state=DeliveryState.EXPIRED,
            at=self._clock.now(),
            status=delivery.last_status,
            error=delivery.last_error,
            latency=delivery.latency,
        )

    def _judge(self, delivery: Delivery, sent: SendResult) -> DeliveryResult:
        if sent.status is not None:
            verdict = back_channel.verdict_on(sent.status)
            error = None if verdict is Verdict.ACCEPTED else "status"
        else:
            final = sent.failure in _FINAL_FAILURES
            verdict = Verdict.FAILED if final else Verdict.RETRY
            error = sent.failure

        if verdict is Verdict.RETRY:
            return self._again(delivery, sent, error)

        return self.final(_STATES[verdict], sent=sent, error=error)

    def _again(
        self, delivery: Delivery, sent: SendResult, error: str | None
    ) -> DeliveryResult:
        delay = back_channel.retry_delay(
            attempts=delivery.attempts,
            first=self._options.delivery_retry_after,
            at_most=self._options.delivery_retry_at_most_after,
            jitter=random.random(),  # noqa: S311 - spreads load, guards nothing
            retry_after=sent.retry_after,
        )
        now = self._clock.now()
        due_at = min(now + delay, delivery.created_at + self._options.delivery_lifetime)

        return DeliveryResult(
            state=DeliveryState.PENDING,
            at=now,
            due_at=max(due_at, now),
            status=sent.status,
            error=error,
            latency=sent.latency,
        )


def decided(delivery: Delivery, result: DeliveryResult) -> Attempt:
    """An attempt for which nothing has to be sent.

    :param delivery: As it was claimed.
    :param result: What to write down.
    """
    outcome = PendingOutcome()
    outcome.decide(result)

    return Attempt(delivery=delivery, host=None, outcome=outcome)


def _says_something(outcome: object) -> bool:
    # A sender of the host may have forgotten to return anything.
    return isinstance(outcome, SendResult) and (
        outcome.status is not None or outcome.failure is not None
    )
