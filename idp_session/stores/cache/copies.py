"""Sessions to bytes that say nothing and grow stale by themselves, and back."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from datetime import timedelta
from datetime import UTC
from functools import lru_cache
from typing import Any

from ...models import ServerSideSession
from ...models.making import maker_of
from ...ports import TicketProtector

__all__ = ["CopySealer"]

_FIELDS = dataclasses.fields(ServerSideSession)
# To be changed with the form of the copies: releases share a cache in an upgrade. It
# changes by itself with what a session consists of.
_PURPOSE = " ".join(("cached session 2:", *(each.name for each in _FIELDS)))

# The key is not in a copy, which opens under its own only; the ticket follows the
# others as it is.
_VALUES = tuple(each for each in _FIELDS if each.name not in {"key", "ticket"})
_NAMES = tuple(each.name for each in _VALUES)
_INSTANTS = tuple(
    place for place, each in enumerate(_VALUES) if each.type == datetime.__name__
)
# Not among the characters of JSON as it is written here.
_BEFORE_TICKET = b"\n"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

#: Of so many copies it is known what they say.
_MOST_KNOWN = 1024
_NO_COPY = (None, datetime.min.replace(tzinfo=UTC))

_decoder = json.JSONDecoder()
_session_of = maker_of(ServerSideSession)


class CopySealer:
    """Seals copies of sessions for one key and one stretch of time each.

    Whoever writes to the cache can neither make a copy, nor move one to another
    key, nor bring an old one back.

    :param protector: Who encrypts.
    """

    def __init__(self, protector: TicketProtector) -> None:
        self._protector = protector
        self._known = lru_cache(maxsize=_MOST_KNOWN)(self._opened)

    def seal(self, session: ServerSideSession, *, until: datetime) -> bytes:
        """A copy of a session that only this provider can read.

        :param session: What to copy.
        :param until: From when on the copy is stale; aware UTC.
        """
        values = _values(session, until=until)
        text = json.dumps(values, separators=(",", ":")).encode()
        plaintext = text + _BEFORE_TICKET + session.ticket

        return self._protector.seal(plaintext, purpose=_PURPOSE, context=session.key)

    def open(
        self, sealed: object, *, key: str, now: datetime
    ) -> ServerSideSession | None:
        """The session of a copy, or ``None`` if it is stale, foreign or malformed.

        :param sealed: Whatever the cache had.
        :param key: The key of the session.
        :param now: The current instant; aware UTC.
        """
        if not isinstance(sealed, bytes):
            return None

        session, until = self._known(sealed, key)

        return session if until > now else None

    def _opened(
        self, sealed: bytes, key: str
    ) -> tuple[ServerSideSession | None, datetime]:
        plaintext = self._protector.open(sealed, purpose=_PURPOSE, context=key)

        return _NO_COPY if plaintext is None else _copied(plaintext, key)


def _values(session: ServerSideSession, *, until: datetime) -> list[Any]:
    values = [getattr(session, name) for name in _NAMES]

    for place in _INSTANTS:
        values[place] = _microseconds(values[place])

    return [*values, _microseconds(until)]


def _copied(plaintext: bytes, key: str) -> tuple[ServerSideSession, datetime]:
    text, _, ticket = plaintext.partition(_BEFORE_TICKET)
    values, _ = _decoder.raw_decode(text.decode())
    until = _instant(values.pop())

    for place in _INSTANTS:
        values[place] = _instant(values[place])

    return _session_of(key, *values, ticket), until


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _instant(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND
