"""The contents of a cookie to bytes, and back."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Iterator
from datetime import datetime
from datetime import timedelta
from datetime import UTC
from typing import Any

from ...adapters.crypto import handle_key
from ...models import Participant
from ...models import ServerSideSession
from .contents import CarriedSession
from .contents import CookieContents

__all__ = ["decoded", "encoded"]

_logger = logging.getLogger(__name__)

_VERSION = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TEXTS = ("session_id", "subject_id", "display_name", "ip_address", "user_agent")
_INSTANTS = (
    "created_at",
    "authenticated_at",
    "renewed_at",
    "expires_at",
    "absolute_expires_at",
)
_UNREADABLE = (
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)


def encoded(contents: CookieContents) -> bytes:
    """Compact JSON; not compressed, since its length would then tell of secrets.

    :param contents: Its ticket and data are texts.
    """
    session = contents.session
    record = session.record
    value = {
        "v": _VERSION,
        "h": contents.handle,
        "k": contents.kept_until and _number(contents.kept_until),
        "r": [getattr(record, name) for name in _TEXTS],
        "i": [_number(getattr(record, name)) for name in _INSTANTS],
        "t": record.ticket.decode(),
        "p": _listed(session),
        "d": {name: text.decode() for name, text in session.data.items()},
        "a": dict(session.attributes),
    }

    return json.dumps(value, separators=(",", ":")).encode()


def decoded(text: bytes) -> CookieContents | None:
    """What was encoded, without the list of clients if that is corrupt.

    :param text: What a cookie held.
    :returns: ``None`` if the rest is corrupt, or of another version.
    """
    try:
        value = json.loads(text)

        return _contents(value) if value["v"] == _VERSION else None
    except _UNREADABLE as error:
        _logger.warning("a session cookie is corrupt: %s", type(error).__name__)

    return None


def _contents(value: dict[str, Any]) -> CookieContents:
    record = _record(value)
    participants = _participants(value.get("p"), record)
    session = CarriedSession(
        record=record,
        participants=participants or (),
        data={name: text.encode() for name, text in value["d"].items()},
        attributes=dict(value["a"]),
    )

    return CookieContents(
        handle=value["h"],
        kept_until=None if value["k"] is None else _instant(value["k"]),
        session=session,
        damaged=participants is None,
    )


def _record(value: dict[str, Any]) -> ServerSideSession:
    members: dict[str, Any] = {
        **dict(zip(_TEXTS, value["r"], strict=True)),
        **dict(zip(_INSTANTS, map(_instant, value["i"]), strict=True)),
    }

    return ServerSideSession(
        key=handle_key(value["h"]), ticket=value["t"].encode(), **members
    )


def _listed(session: CarriedSession) -> list[list[Any]]:
    subject_id = session.record.subject_id
    issuers = [each.issuer for each in session.participants]

    # What is the same as before, or as in the record, is not said again.
    return [
        [
            each.client_id,
            _number(each.joined_at),
            None if each.subject == subject_id else each.subject,
            None if each.issuer == before else each.issuer,
        ]
        for each, before in zip(session.participants, [None, *issuers], strict=False)
    ]


def _participants(
    listed: Any, record: ServerSideSession
) -> tuple[Participant, ...] | None:
    try:
        return tuple(_each_participant(listed, record))
    except _UNREADABLE as error:
        _logger.warning(
            "the client list of session %s is corrupt and was cleared: %s",
            record.session_id,
            type(error).__name__,
        )

    return None


def _each_participant(listed: Any, record: ServerSideSession) -> Iterator[Participant]:
    issuers = itertools.accumulate((each[3] for each in listed), _latest)

    for (client_id, joined_at, subject, _), issuer in zip(listed, issuers, strict=True):
        yield Participant(
            session_id=record.session_id,
            client_id=_text(client_id),
            issuer=_text(issuer),
            subject=_text(record.subject_id if subject is None else subject),
            joined_at=_instant(joined_at),
        )


def _latest(before: Any, issuer: Any) -> Any:
    return before if issuer is None else issuer


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError("not a text")

    return value


def _number(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _instant(number: int) -> datetime:
    return _EPOCH + number * _MICROSECOND
