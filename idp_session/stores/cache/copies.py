"""Sessions to bytes that say nothing and grow stale by themselves, and back."""

from __future__ import annotations

import base64
import dataclasses
import json
from datetime import datetime
from datetime import UTC
from functools import lru_cache
from typing import Any

from ...models import ServerSideSession
from ...ports import TicketProtector

__all__ = ["CopySealer"]

# To be changed with the form of the copies: releases share a cache in an upgrade.
_PURPOSE = "cached session"
_FIELDS = frozenset(each.name for each in dataclasses.fields(ServerSideSession))
_INSTANTS = tuple(
    each.name
    for each in dataclasses.fields(ServerSideSession)
    if each.type == datetime.__name__
)

#: Of so many copies it is known what they say.
_MOST_KNOWN = 1024
_NO_COPY = (None, datetime.min.replace(tzinfo=UTC))


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
        copy = {"until": until.isoformat(), "session": _values(session)}
        plaintext = json.dumps(copy, separators=(",", ":")).encode()

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

        return _NO_COPY if plaintext is None else _copied(json.loads(plaintext))


def _values(session: ServerSideSession) -> dict[str, Any]:
    values = {name: getattr(session, name) for name in _FIELDS}
    instants = {name: values[name].isoformat() for name in _INSTANTS}

    return values | instants | {"ticket": base64.b64encode(session.ticket).decode()}


def _copied(copy: dict[str, Any]) -> tuple[ServerSideSession | None, datetime]:
    values: dict[str, Any] = copy["session"]

    if values.keys() != _FIELDS:
        return _NO_COPY

    instants = {name: datetime.fromisoformat(values[name]) for name in _INSTANTS}
    ticket = base64.b64decode(values["ticket"])
    session = ServerSideSession(**{**values, **instants, "ticket": ticket})

    return session, datetime.fromisoformat(copy["until"])
