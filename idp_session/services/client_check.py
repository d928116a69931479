"""Finds out whether a client can be told of a logout, without logging anybody out."""

from __future__ import annotations

import enum
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from .._protocol import back_channel
from .._protocol.back_channel import Verdict
from ..errors import LogoutTokenError
from ..models import Client
from ..models import Delivery
from ..models import LogoutReason
from ..models import SendFailure
from ..models import SendResult
from ..options import SessionOptions
from ..ports import ClientStore
from ..ports import Clock
from ..ports import LogoutSender
from ..ports import TokenEncrypter
from ..ports import TokenSigner
from .logout_tokens import LogoutTokenService

__all__ = ["CheckOutcome", "ClientCheck", "ClientCheckService"]


class CheckOutcome(enum.StrEnum):
    """What a check has found."""

    #: The client took the logout token.
    ACCEPTED = "accepted"
    #: It answered something else.
    NOT_ACCEPTED = "not_accepted"
    #: It did not answer, or was not asked because the policy forbids it.
    NO_ANSWER = "no_answer"
    #: It has no back-channel logout URI.
    NO_URI = "no_uri"
    #: No token can be signed for it.
    NO_TOKEN = "no_token"
    #: There is no such client.
    UNKNOWN_CLIENT = "unknown_client"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientCheck:
    """What came of the check of a client."""

    #: Which client, as it was asked for.
    client_id: str
    #: What was found.
    outcome: CheckOutcome
    #: Where the token was posted.
    uri: str | None = None
    #: How the token was signed: ``alg`` of its header.
    algorithm: str | None = None
    #: With which key: ``kid`` of its header; none with a shared secret.
    key_id: str | None = None
    #: The HTTP status of the answer.
    status: int | None = None
    #: Why there was no answer.
    failure: SendFailure | None = None
    #: How long the request took.
    latency: timedelta | None = None
    #: How the body of the answer begins; only printable characters, the others
    #: escaped.
    excerpt: str = ""
    #: Why there is no token.
    problem: str | None = None


class ClientCheckService:
    """Sends clients logout tokens for sessions that do not exist.

    A client has to accept them, since the user is not signed in there any more
    (Back-Channel Logout 1.0 §2.7).

    :param clients: Knows where and how each client wants to be told.
    :param signer: Signs the tokens.
    :param encrypter: Encrypts them for clients that want it.
    :param sender: Posts them, under the policy of all logout tokens.
    :param clock: Tells the time.
    :param options: The settings.
    """

    def __init__(
        self,
        *,
        clients: ClientStore,
        signer: TokenSigner,
        encrypter: TokenEncrypter,
        sender: LogoutSender,
        clock: Clock,
        options: SessionOptions,
    ) -> None:
        self._clients = clients
        self._signer = signer
        self._sender = sender
        self._clock = clock
        self._options = options
        self._tokens = LogoutTokenService(
            signer=signer, encrypter=encrypter, clock=clock, options=options
        )

    def check(self, client_id: str) -> ClientCheck:
        """Post one logout token to a client; nothing is written down, nothing repeated.

        :param client_id: As it came.
        """
        client = self._clients.get(client_id)

        if client is None:
            return ClientCheck(client_id=client_id, outcome=CheckOutcome.UNKNOWN_CLIENT)

        uri = client.back_channel_logout_uri

        if not uri:
            return ClientCheck(client_id=client_id, outcome=CheckOutcome.NO_URI)

        try:
            signed = self._signed(client)
            token = self._tokens.encrypted(signed, client, issuer=self._options.issuer)
        except LogoutTokenError as error:
            return ClientCheck(
                client_id=client_id,
                outcome=CheckOutcome.NO_TOKEN,
                uri=uri,
                problem=str(error),
            )

        header = self._header(signed)
        sent = self._sender.submit(uri, token).result()

        return ClientCheck(
            client_id=client_id,
            outcome=_outcome(sent),
            uri=uri,
            algorithm=header.get("alg"),
            key_id=header.get("kid"),
            status=sent.status,
            failure=sent.failure,
            latency=sent.latency,
            excerpt=_printable(sent.excerpt),
        )

    def _signed(self, client: Client) -> str:
        now = self._clock.now()
        # Both are random, so that nobody is signed out, whichever the client goes by.
        owed = Delivery(
            id=0,
            session_id=secrets.token_hex(16),
            client_id=client.client_id,
            issuer=self._options.issuer,
            subject=f"check-{secrets.token_hex(16)}",
            reason=LogoutReason.ADMIN,
            created_at=now,
            due_at=now,
        )

        return self._tokens.signed_for(owed, client)

    def _header(self, signed: str) -> Mapping[str, Any]:
        token = self._signer.verify(signed, clients=self._clients)

        return token.header if token else {}


def _outcome(sent: SendResult) -> CheckOutcome:
    if sent.status is None:
        return CheckOutcome.NO_ANSWER

    if back_channel.verdict_on(sent.status) is Verdict.ACCEPTED:
        return CheckOutcome.ACCEPTED

    return CheckOutcome.NOT_ACCEPTED


def _printable(body: bytes) -> str:
    # Whoever answers may choose every byte, and a terminal takes orders.
    text = body.decode(errors="backslashreplace")

    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )
