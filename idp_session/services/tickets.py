"""Tickets to bytes that say nothing, and back."""

from __future__ import annotations

import json
from datetime import datetime
from datetime import timedelta
from functools import lru_cache
from typing import Any

from ..models import AuthenticationProperties
from ..models import Lifetime
from ..models import Principal
from ..models import ServerSideSession
from ..models import Ticket
from ..models.making import maker_of
from ..ports import TicketProtector

__all__ = ["OpenedTicket", "TicketSealer"]

_PURPOSE = "ticket"
_MICROSECOND = timedelta(microseconds=1)
_decoder = json.JSONDecoder()
_encoder = json.JSONEncoder(separators=(",", ":"))

#: Of so many records it is known what they seal: it is opened again when the ticket or
#: anything that it is bound to is another.
_MOST_KNOWN = 1024

_principal_of = maker_of(Principal)


class TicketSealer:
    """Seals tickets for one record each: a ticket moved to another row opens nowhere.

    :param protector: Who encrypts.
    """

    def __init__(self, protector: TicketProtector) -> None:
        self._protector = protector
        self._plaintext = lru_cache(maxsize=_MOST_KNOWN)(self._opened)

    def seal(self, ticket: Ticket, *, record: ServerSideSession) -> ServerSideSession:
        """The record with the ticket in it, which opens only there.

        It is bound to the record's key, session id, subject and time of
        authentication: who can write to the database cannot put another subject,
        or a handle of their own, before somebody's ticket.

        :param ticket: Its ``claims`` and ``items`` must be JSON values.
        :param record: The record, whose own ticket is replaced.
        :raises TypeError: If a claim or an item is not a JSON value.
        """
        plaintext = _encoder.encode(_to_json(ticket)).encode()
        context = _context(
            record.key,
            record.session_id,
            record.subject_id,
            record.authenticated_at,
        )
        sealed = self._protector.seal(plaintext, purpose=_PURPOSE, context=context)

        return record.with_ticket(sealed)

    def open(self, session: ServerSideSession) -> OpenedTicket | None:
        """The ticket of a record, ``None`` if no key of this provider opens it.

        :param session: The record as it is kept; an anonymous one has no ticket.
        """
        if session.subject_id is None:
            return None

        plaintext = self._plaintext(
            session.ticket,
            session.key,
            session.session_id,
            session.subject_id,
            session.authenticated_at,
        )

        if plaintext is None:
            return None

        return OpenedTicket(plaintext, session, subject_id=session.subject_id)

    def _opened(self, ticket: bytes, *bound_to: Any) -> bytes | None:
        return self._protector.open(
            ticket, purpose=_PURPOSE, context=_context(*bound_to)
        )


class OpenedTicket:
    """A :class:`.Ticket` that is decoded once, and only as far as somebody asks.

    :param plaintext: What was sealed.
    :param session: The record that it was sealed for.
    :param subject_id: Whose session it is.
    """

    __slots__ = ("_plaintext", "_principal", "_session", "_subject_id", "_values")

    def __init__(
        self, plaintext: bytes, session: ServerSideSession, *, subject_id: str
    ) -> None:
        self._plaintext = plaintext
        self._session = session
        self._subject_id = subject_id
        self._values: dict[str, Any] | None = None
        self._principal: Principal | None = None

    @property
    def principal(self) -> Principal:
        """Who is signed in."""
        if self._principal is None:
            self._principal = _principal(
                self._decoded(), self._session, subject_id=self._subject_id
            )

        return self._principal

    @property
    def properties(self) -> AuthenticationProperties:
        """What belongs to this sign-in."""
        return _properties(self._decoded(), self._session)

    def _decoded(self) -> dict[str, Any]:
        if self._values is None:
            self._values, _ = _decoder.raw_decode(self._plaintext.decode())

        return self._values


def _context(
    key: str, session_id: str, subject_id: str | None, authenticated_at: datetime
) -> str:
    subject_id, at = subject_id or "", authenticated_at.isoformat()

    # With the lengths in front no two records are written alike.
    return (
        f"{len(key)},{len(session_id)},{len(subject_id)},{len(at)}:"
        f"{key}{session_id}{subject_id}{at}"
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


def _principal(
    data: dict[str, Any], session: ServerSideSession, *, subject_id: str
) -> Principal:
    return _principal_of(
        subject_id,
        session.display_name,
        session.authenticated_at,
        data["idp"],
        tuple(data["amr"]),
        data["acr"],
        data["claims"],
        _factors(data.get("factors")),
    )


def _factors(instants: dict[str, str] | None) -> dict[str, datetime]:
    if not instants:
        return {}

    return {method: datetime.fromisoformat(at) for method, at in instants.items()}


def _properties(
    data: dict[str, Any], session: ServerSideSession
) -> AuthenticationProperties:
    return AuthenticationProperties(
        items=data["items"],
        persistent=data["persistent"],
        lifetime=_lifetime(data.get("lifetime")),
        issued_at=session.created_at,
        expires_at=session.expires_at,
        session_id=session.session_id,
    )
