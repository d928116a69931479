"""Tickets to bytes that say nothing, and back."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from datetime import timedelta
from typing import Any

from ..models import AuthenticationProperties
from ..models import Lifetime
from ..models import Principal
from ..models import ServerSideSession
from ..models import Ticket
from ..ports import TicketProtector

__all__ = ["TicketSealer"]

_PURPOSE = "ticket"
_MICROSECOND = timedelta(microseconds=1)


class TicketSealer:
    """Seals tickets for one record each: a ticket moved to another row opens nowhere.

    :param protector: Who encrypts.
    """

    def __init__(self, protector: TicketProtector) -> None:
        self._protector = protector

    def seal(self, ticket: Ticket, *, record: ServerSideSession) -> ServerSideSession:
        """The record with the ticket in it, which opens only there.

        It is bound to the record's key, session id, subject and time of
        authentication: who can write to the database cannot put another subject,
        or a handle of their own, before somebody's ticket.

        :param ticket: Its ``claims`` and ``items`` must be JSON values.
        :param record: The record, whose own ticket is replaced.
        :raises TypeError: If a claim or an item is not a JSON value.
        """
        plaintext = json.dumps(_to_json(ticket), separators=(",", ":")).encode()
        sealed = self._protector.seal(
            plaintext, purpose=_PURPOSE, context=_context(record)
        )

        return dataclasses.replace(record, ticket=sealed)

    def open(self, session: ServerSideSession) -> Ticket | None:
        """The ticket of a record, ``None`` if no key of this provider opens it.

        :param session: The record as it is kept; an anonymous one has no ticket.
        """
        if session.subject_id is None:
            return None

        plaintext = self._protector.open(
            session.ticket, purpose=_PURPOSE, context=_context(session)
        )

        if plaintext is None:
            return None

        return _from_json(json.loads(plaintext), session, subject_id=session.subject_id)


def _context(record: ServerSideSession) -> str:
    return json.dumps(
        (
            record.key,
            record.session_id,
            record.subject_id,
            record.authenticated_at.isoformat(),
        )
    )


def _to_json(ticket: Ticket) -> dict[str, Any]:
    principal = ticket.principal

    return {
        "idp": principal.identity_provider,
        "amr": principal.amr,
        "acr": principal.acr,
        "claims": dict(principal.claims),
        "factors": {method: at.isoformat() for method, at in principal.factors.items()},
        "items": dict(ticket.properties.items),
        "persistent": ticket.properties.persistent,
        "lifetime": _durations(ticket.properties.lifetime),
    }


def _durations(lifetime: Lifetime | None) -> list[int] | None:
    if lifetime is None:
        return None

    return [each // _MICROSECOND for each in (lifetime.idle, lifetime.absolute)]


def _lifetime(durations: list[int] | None) -> Lifetime | None:
    if durations is None:
        return None

    idle, absolute = (each * _MICROSECOND for each in durations)

    return Lifetime(idle=idle, absolute=absolute)


def _from_json(
    data: dict[str, Any], session: ServerSideSession, *, subject_id: str
) -> Ticket:
    principal = Principal(
        subject_id=subject_id,
        display_name=session.display_name,
        authenticated_at=session.authenticated_at,
        identity_provider=data["idp"],
        amr=tuple(data["amr"]),
        acr=data["acr"],
        claims=data["claims"],
        factors={
            method: datetime.fromisoformat(at)
            for method, at in data.get("factors", {}).items()
        },
    )
    properties = AuthenticationProperties(
        items=data["items"],
        persistent=data["persistent"],
        lifetime=_lifetime(data.get("lifetime")),
        issued_at=session.created_at,
        expires_at=session.expires_at,
        session_id=session.session_id,
    )

    return Ticket(principal=principal, properties=properties)
