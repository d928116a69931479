"""Sends what the outbox owes, and writes down what came of it."""

from __future__ import annotations

import logging
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from .._protocol import back_channel
from .._protocol.back_channel import Verdict
from ..errors import LogoutTokenError
from ..models import Client
from ..models import Delivery
from ..models import DeliveryResult
from ..models import DeliveryState
from ..models import FairShare
from ..models import SendFailure
from ..models import SendResult
from ..options import SessionOptions
from ..ports import ClientStore
from ..ports import Clock
from ..ports import DeliveryQueue
from ..ports import LogoutSender
from ..ports import TokenSigner

__all__ = ["DeliveryService"]

_logger = logging.getLogger(__name__)

# How often a waiting response looks for what other processes have delivered.
_LOOK_EVERY = 0.05

# However many clients do not answer, it takes so many of them to stop the sending.
_CLIENTS = 4

_STATES = {
    Verdict.ACCEPTED: DeliveryState.DELIVERED,
    Verdict.REFUSED: DeliveryState.REFUSED,
    Verdict.FAILED: DeliveryState.FAILED,
}

_FINAL_FAILURES = {SendFailure.ADDRESS_REFUSED, SendFailure.INVALID_URI}


class DeliveryService:
    """Back-channel logout from the outbox (Back-Channel Logout 1.0 §2.5).

    :param queue: The outbox.
    :param clients: Knows where and how each client wants to be told, now.
    :param signer: Signs the tokens, one for each attempt.
    :param sender: Posts them.
    :param clock: Tells the time.
    :param options: The settings.
    :param announce: Called with each delivery after each attempt; must not raise.
    """

    def __init__(
        self,
        *,
        queue: DeliveryQueue,
        clients: ClientStore,
        signer: TokenSigner,
        sender: LogoutSender,
        clock: Clock,
        options: SessionOptions,
        announce: Callable[[Delivery], None],
    ) -> None:
        self._queue = queue
        self._clients = clients
        self._signer = signer
        self._sender = sender
        self._clock = clock
        self._options = options
        self._announce = announce
        self._settled = threading.Condition()
        self._under_way: Counter[str] = Counter()

    def claim(self, limit: int) -> tuple[Delivery, ...]:
        """Take deliveries that are due; each must then go to :meth:`deliver`.

        :param limit: How many at the most.
        """
        with self._settled:
            under_way = Counter(self._under_way)

        return self._queue.claim(
            now=self._clock.now(),
            lease=self._options.delivery_lease,
            limit=limit,
            share=FairShare(
                per_client=max(1, self._options.delivery_threads // _CLIENTS),
                under_way=under_way,
            ),
        )

    def deliver(self, delivery: Delivery) -> Delivery:
        """Try a claimed delivery once.

        :param delivery: As it was claimed.
        :returns: The delivery after the attempt.
        """
        result = self._counted_attempt(delivery)
        after = result.applied_to(delivery)

        if self._queue.settle(delivery, result):
            self._log(after)
            self._announce(after)
        else:
            _logger.warning(
                "the lease of delivery %d to %r ran out during its attempt",
                delivery.id,
                delivery.client_id,
            )

        with self._settled:
            self._settled.notify_all()

        return after

    def run_once(self, *, limit: int = 50) -> int:
        """Claim and deliver in this thread.

        :param limit: How many at the most.
        :returns: How many were tried.
        """
        claimed = self.claim(limit)

        for delivery in claimed:
            self.deliver(delivery)

        return len(claimed)

    def wait_for(self, session_id: str, *, at_most: timedelta) -> tuple[Delivery, ...]:
        """The deliveries of an ended session, once each was tried or time is up.

        :param session_id: The ended session.
        :param at_most: The bound, which holds whatever the clients do.
        """
        until = time.monotonic() + at_most.total_seconds()

        while True:
            deliveries = self._queue.of_session(session_id)
            left = until - time.monotonic()

            if left <= 0 or all(map(_was_tried, deliveries)):
                return deliveries

            with self._settled:
                self._settled.wait(min(left, _LOOK_EVERY))

    def _counted_attempt(self, delivery: Delivery) -> DeliveryResult:
        with self._settled:
            self._under_way[delivery.client_id] += 1

        try:
            return self._attempt(delivery)
        finally:
            with self._settled:
                self._under_way[delivery.client_id] -= 1
                # Without this it would grow with every client there ever was.
                self._under_way += Counter()

    def _attempt(self, delivery: Delivery) -> DeliveryResult:
        if self._is_too_old(delivery):
            return self._expired(delivery)

        client = self._clients.get(delivery.client_id)

        if client is None or client.back_channel_logout_uri is None:
            return self._final(DeliveryState.SKIPPED)

        try:
            token = self._token(delivery, client)
        except LogoutTokenError as error:
            _logger.error("client %r: %s", client.client_id, error)  # noqa: TRY400
            return self._final(DeliveryState.FAILED, error="no_token")

        return self._judge(
            delivery, self._sender.send(client.back_channel_logout_uri, token)
        )

    def _token(self, delivery: Delivery, client: Client) -> str:
        claims = back_channel.logout_token_claims(
            iss=delivery.issuer,
            aud=delivery.client_id,
            iat=int(self._clock.now().timestamp()),
            lifetime=int(self._options.logout_token_lifetime.total_seconds()),
            jti=secrets.token_urlsafe(16),
            sub=delivery.subject,
            sid=delivery.session_id,
        )

        return self._signer.sign(
            claims, client=client, token_type=back_channel.TOKEN_TYPE
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

        return self._final(_STATES[verdict], sent=sent, error=error)

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

    def _final(
        self,
        state: DeliveryState,
        *,
        sent: SendResult | None = None,
        error: str | None = None,
    ) -> DeliveryResult:
        return DeliveryResult(
            state=state,
            at=self._clock.now(),
            status=sent.status if sent else None,
            error=error,
            latency=sent.latency if sent else None,
        )

    def _expired(self, delivery: Delivery) -> DeliveryResult:
        return DeliveryResult(
            state=DeliveryState.EXPIRED,
            at=self._clock.now(),
            status=delivery.last_status,
            error=delivery.last_error,
            latency=delivery.latency,
        )

    def _is_too_old(self, delivery: Delivery) -> bool:
        age = self._clock.now() - delivery.created_at

        # The first attempt is always made: neither a backlog nor a process that died
        # with a claim in its hands is a reason to tell nobody.
        return _was_tried(delivery) and age >= self._options.delivery_lifetime

    @staticmethod
    def _log(delivery: Delivery) -> None:
        if delivery.state in {DeliveryState.DELIVERED, DeliveryState.SKIPPED}:
            level = logging.DEBUG
        elif delivery.state is DeliveryState.PENDING:
            level = logging.INFO
        else:
            level = logging.WARNING

        _logger.log(
            level,
            "delivery %d to %r: %s (attempt %d, status %s, error %s)",
            delivery.id,
            delivery.client_id,
            delivery.state,
            delivery.attempts,
            delivery.last_status,
            delivery.last_error,
        )


def _was_tried(delivery: Delivery) -> bool:
    return (
        delivery.state is not DeliveryState.PENDING
        or delivery.last_status is not None
        or delivery.last_error is not None
    )
