"""Sends what the outbox owes, and writes down what came of it."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import timedelta
from types import MappingProxyType

from ..adapters.forks import forget_after_fork
from ..adapters.outcomes import PendingOutcome
from ..adapters.outcomes import post
from ..adapters.threads import DaemonThreads
from ..errors import LogoutTokenError
from ..models import Attempt
from ..models import Client
from ..models import Delivery
from ..models import DeliveryResult
from ..models import DeliveryState
from ..models import FairShare
from ..options import SessionOptions
from ..ports import ClientStore
from ..ports import Clock
from ..ports import DeliveryQueue
from ..ports import LogoutSender
from ..ports import TokenEncrypter
from ..ports import TokenSigner
from .attempts import AttemptJudge
from .attempts import decided
from .known_hosts import KnownHosts
from .logout_tokens import LogoutTokenService

__all__ = ["DeliveryService"]

_logger = logging.getLogger(__name__)

# How often a waiting response looks for what other processes have delivered.
_LOOK_EVERY = 0.05

# So many tokens are signed at once.
_SIGNING_THREADS = min(4, max(2, os.cpu_count() or 1))


class DeliveryService:
    """Back-channel logout from the outbox (Back-Channel Logout 1.0 §2.5).

    :param queue: The outbox.
    :param clients: Knows where and how each client wants to be told, now.
    :param signer: Signs the tokens, one for each attempt.
    :param sender: Posts them.
    :param encrypter: Encrypts them for the clients that want it.
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
        encrypter: TokenEncrypter | None = None,
    ) -> None:
        self._queue = queue
        self._clients = clients
        self._tokens = LogoutTokenService(
            signer=signer, encrypter=encrypter, clock=clock, options=options
        )
        self._judge = AttemptJudge(clock=clock, options=options)
        self._sender = sender
        self._clock = clock
        self._options = options
        self._announce = announce
        # The processor is free for others while it signs: OpenSSL needs no interpreter.
        self._signing = DaemonThreads[_Job](
            name="idp_session-signing", at_most=_SIGNING_THREADS
        )
        self.after_fork()
        forget_after_fork(self)

    def claim(
        self, limit: int, *, under_way: Mapping[str, int] = MappingProxyType({})
    ) -> tuple[Delivery, ...]:
        """Take deliveries that are due; each must then go to :meth:`begin`.

        :param limit: How many at the most.
        :param under_way: How many this process has on their way already, by host.
        """
        return self._queue.claim(
            now=self._clock.now(),
            lease=self._options.delivery_lease,
            limit=limit,
            share=FairShare(
                per_host=self._options.deliveries_per_host,
                under_way=under_way,
                hosts=self._hosts.known(),
            ),
        )

    def begin(
        self, delivery: Delivery, *, under_way: Mapping[str, int] = MappingProxyType({})
    ) -> Attempt | None:
        """Have a token signed for a claimed delivery, and handed to the sender.

        :param delivery: As it was claimed.
        :param under_way: How many this process has on their way already, by host.
        :returns: To be settled once its outcome is there; ``None`` if the host, of
            which the claim did not know, has its share already. The delivery has
            to be given back then.
        """
        if self._judge.is_too_old(delivery):
            return decided(delivery, self._judge.expired(delivery))

        client = self._clients.get(delivery.client_id)

        if client is None or client.back_channel_logout_uri is None:
            self._hosts.forget(delivery.client_id)
            return decided(delivery, self._judge.final(DeliveryState.SKIPPED))

        if not self._tokens.is_wanted(delivery, client):
            return decided(
                delivery, self._judge.final(DeliveryState.SKIPPED, error="reason")
            )

        uri = client.back_channel_logout_uri
        host = self._hosts.learn(delivery.client_id, uri)

        if under_way.get(host, 0) >= self._options.deliveries_per_host:
            return None

        job = _Job(self._send, delivery, client, uri)
        self._signing.run(job)

        return Attempt(delivery=delivery, host=host, outcome=job.outcome)

    def settle(self, attempts: Sequence[Attempt]) -> tuple[Delivery, ...]:
        """Write down what came of attempts whose outcome is there.

        :param attempts: Each of them once.
        :returns: The deliveries after the attempts.
        """
        results = [(each.delivery, self._judge.result_of(each)) for each in attempts]
        settled = self._queue.settle_all(results)
        after = tuple(result.applied_to(delivery) for delivery, result in results)

        with self._settled:
            self._settled.notify_all()

        for delivery, is_settled in zip(after, settled, strict=True):
            self._tell(delivery, is_settled=is_settled)

        return after

    def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """Let others have deliveries at once of which nothing has come yet.

        :param deliveries: As they were claimed.
        """
        now = self._clock.now()
        self._queue.settle_all(
            [(each, DeliveryResult.given_back(each, at=now)) for each in deliveries]
        )

    def deliver(self, delivery: Delivery) -> Delivery:
        """Try a claimed delivery once, and wait for what comes of it.

        :param delivery: As it was claimed.
        :returns: The delivery after the attempt.
        """
        attempt = self.begin(delivery)

        if attempt is None:
            raise RuntimeError("a delivery that is alone cannot be one too many")

        return self.settle([attempt])[0]

    def run_once(self, *, limit: int = 50) -> int:
        """Claim and deliver, one after the other.

        :param limit: How many at the most.
        :returns: How many were tried.
        """
        claimed = self.claim(limit)

        for delivery in claimed:
            self.deliver(delivery)

        return len(claimed)

    def stop(self) -> None:
        """Let go of the sender's threads and connections, until the next attempt."""
        for job in self._signing.stop():
            job.outcome.cancel()

        self._sender.stop()

    def after_fork(self) -> None:
        """Begin anew with what may be locked."""
        self._settled = threading.Condition()
        self._hosts = KnownHosts()

    def wait_for(
        self, session_id: str, *, at_most: timedelta, client_id: str | None = None
    ) -> tuple[Delivery, ...]:
        """The deliveries of an ended session, once each was tried or time is up.

        :param session_id: The ended session, or one that a client has left.
        :param at_most: The bound, which holds whatever the clients do.
        :param client_id: Only those to this client.
        """
        until = time.monotonic() + at_most.total_seconds()

        while (left := until - time.monotonic()) > 0 and self._queue.has_untried(
            session_id, client_id=client_id
        ):
            with self._settled:
                self._settled.wait(min(left, _LOOK_EVERY))

        return tuple(
            each
            for each in self._queue.of_session(session_id)
            if client_id in {None, each.client_id}
        )

    def _send(self, job: _Job) -> None:
        try:
            token = self._tokens.token_for(job.delivery, job.client)
            post(self._sender, job.uri, token, outcome=job.outcome)
        except LogoutTokenError as error:
            _logger.error("client %r: %s", job.client.client_id, error)  # noqa: TRY400
            result = self._judge.final(DeliveryState.FAILED, error="no_token")
            job.outcome.decide(result)

    def _tell(self, after: Delivery, *, is_settled: bool) -> None:
        if is_settled:
            self._log(after)
            self._announce(after)
        else:
            _logger.warning(
                "the lease of delivery %d to %r ran out during its attempt",
                after.id,
                after.client_id,
            )

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


class _Job:
    """A delivery whose token is to be signed."""

    __slots__ = ("_send", "client", "delivery", "outcome", "uri")

    def __init__(
        self,
        send: Callable[[_Job], None],
        delivery: Delivery,
        client: Client,
        uri: str,
    ) -> None:
        self.outcome = PendingOutcome()
        self.delivery = delivery
        self.client = client
        self.uri = uri
        self._send = send

    def __call__(self) -> None:
        if self.outcome.cancelled():
            return

        try:
            self._send(self)
        except BaseException as error:
            # The border of a thread: whoever settles hears of it.
            self.outcome.fail(error)
