"""Reads RP-initiated logout requests, and remembers them across a page."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from typing import Any

from .._protocol import rp_initiated
from .._protocol.rp_initiated import Hint
from .._protocol.rp_initiated import LogoutParameters
from .._protocol.rp_initiated import LogoutRequest
from ..ports import ClientStore
from ..ports import Clock
from ..ports import TicketProtector
from ..ports import TokenSigner

__all__ = ["LogoutRequestService"]

_PURPOSE = "logout-request"
_MEMBERS = frozenset(
    {
        "until",
        "client_id",
        "hint",
        "redirect_uri",
        "hint_given",
        "address_given",
        "ui_locales",
    }
)


class LogoutRequestService:
    """Validates logout requests (RP-Initiated Logout 1.0 §2 to §4).

    :param issuer: The provider's issuer identifier.
    :param clients: Knows the relying parties.
    :param signer: Knows which tokens are the provider's own.
    :param protector: Seals a request that has to wait for the user's answer.
    :param clock: Tells the time.
    :param page_lifetime: How long the user may take to answer.
    """

    def __init__(
        self,
        *,
        issuer: str,
        clients: ClientStore,
        signer: TokenSigner,
        protector: TicketProtector,
        clock: Clock,
        page_lifetime: timedelta,
    ) -> None:
        self._issuer = issuer
        self._clients = clients
        self._signer = signer
        self._protector = protector
        self._clock = clock
        self._page_lifetime = page_lifetime

    def validate(self, parameters: LogoutParameters) -> LogoutRequest:
        """What a request may be used for; what fails a check is not in it.

        :param parameters: The parameters as they came.
        """
        return rp_initiated.validate(
            parameters, hint=self._hint(parameters), find_client=self._clients.get
        )

    def seal(self, request: LogoutRequest, *, session_key: str) -> str:
        """A validated request as a form value that only one session can send back.

        :param request: The request.
        :param session_key: The key of the session that is asked; an attacker's
            form has none, which is what stops cross-site request forgery.
        """
        data = {
            "until": (self._clock.now() + self._page_lifetime).timestamp(),
            "client_id": request.client.client_id if request.client else None,
            "hint": dataclasses.asdict(request.hint) if request.hint else None,
            "redirect_uri": request.redirect_uri,
            "hint_given": request.hint_given,
            "address_given": request.address_given,
            "ui_locales": request.ui_locales,
        }
        sealed = self._protector.seal(
            json.dumps(data).encode(), purpose=_PURPOSE, context=session_key
        )

        return sealed.hex()

    def open(self, text: str, *, session_key: str) -> LogoutRequest | None:
        """The request that was sealed, ``None`` if it is forged, foreign or too old.

        :param text: The form value as it came.
        :param session_key: The key of the session that it comes from.
        """
        try:
            sealed = bytes.fromhex(text)
        except ValueError:
            return None

        plaintext = self._protector.open(sealed, purpose=_PURPOSE, context=session_key)

        return None if plaintext is None else self._from_json(json.loads(plaintext))

    def _hint(self, parameters: LogoutParameters) -> Hint | None:
        if not parameters.id_token_hint:
            return None

        return rp_initiated.hint_from(
            self._signer.verify(parameters.id_token_hint, clients=self._clients),
            iss=self._issuer,
            now=int(self._clock.now().timestamp()),
            client_id=parameters.client_id,
        )

    def _from_json(self, data: dict[str, Any]) -> LogoutRequest | None:
        # While a new version is rolled out, the other one may have sealed it.
        if data.keys() != _MEMBERS or not _is_hint(data["hint"]):
            return None

        if data["until"] < self._clock.now().timestamp():
            return None

        client = self._clients.get(data["client_id"]) if data["client_id"] else None
        hint = Hint(**data["hint"]) if data["hint"] else None

        # A client that was removed meanwhile has no registered URI any more.
        return LogoutRequest(
            client=client,
            hint=hint,
            redirect_uri=data["redirect_uri"] if client else None,
            hint_given=data["hint_given"],
            address_given=data["address_given"],
            ui_locales=tuple(data["ui_locales"]),
        )


def _is_hint(data: dict[str, Any] | None) -> bool:
    return data is None or data.keys() == Hint.__dataclass_fields__.keys()
