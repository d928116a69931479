"""Events of sessions as sealed messages, which nobody else can make or read."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from ..models import LogoutReason
from ..models import SessionEvent
from ..models import SessionEventKind
from ..ports import TicketProtector

__all__ = ["SessionMessages"]

_PURPOSE = "session-event"
_LONGEST = 4096
_MEMBERS = {"sender", "session_id", "kind", "reason"}


class SessionMessages:
    """Writes and reads messages.

    :param protector: Seals them.
    :param place: Where they are sent; one that was made for elsewhere is not read.
    """

    def __init__(self, protector: TicketProtector, *, place: str) -> None:
        self._protector = protector
        self._place = place

    def write(self, event: SessionEvent, *, sender: str) -> bytes:
        """A message.

        :param event: What it says.
        :param sender: Who says it.
        """
        plaintext = json.dumps(
            {
                "sender": sender,
                "session_id": event.session_id,
                "kind": event.kind,
                "reason": event.reason,
            }
        ).encode()
        sealed = self._protector.seal(plaintext, purpose=_PURPOSE, context=self._place)

        return base64.b64encode(sealed)

    def read(self, message: bytes) -> tuple[SessionEvent, str] | None:
        """The event and its sender, or ``None`` if it is not a message of ours.

        :param message: Anything.
        """
        if len(message) > _LONGEST:
            return None

        try:
            sealed = base64.b64decode(message, validate=True)
        except binascii.Error:
            return None

        plaintext = self._protector.open(sealed, purpose=_PURPOSE, context=self._place)

        return None if plaintext is None else _read(plaintext)


def _read(plaintext: bytes) -> tuple[SessionEvent, str] | None:
    # Sealed by us, but perhaps by another version of us.
    try:
        said: Any = json.loads(plaintext)

        if not isinstance(said, dict) or said.keys() != _MEMBERS:
            return None

        reason = said["reason"]
        event = SessionEvent(
            session_id=str(said["session_id"]),
            kind=SessionEventKind(said["kind"]),
            reason=None if reason is None else LogoutReason(reason),
        )
    except ValueError:
        return None

    return event, str(said["sender"])
