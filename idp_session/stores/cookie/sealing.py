"""The contents of a cookie to a text that says nothing, and back."""

from __future__ import annotations

import base64
import json

from ...ports import TicketProtector
from .contents import CarriedSession
from .contents import CookieContents
from .encoding import decoded
from .encoding import encoded

__all__ = ["CookieSealer"]

_PURPOSE = "session-cookie"
_ANY_HANDLE = "x" * 43


class CookieSealer:
    """Seals sessions for the cookies of one provider: those of another open nowhere.

    :param protector: Who encrypts.
    :param issuer: The provider.
    :param name: The name of the cookie.
    """

    def __init__(self, protector: TicketProtector, *, issuer: str, name: str) -> None:
        self._protector = protector
        self._context = json.dumps((issuer, name))

    def seal(self, contents: CookieContents) -> str:
        """A text that suits a cookie.

        :param contents: What it is to hold.
        """
        sealed = self._protector.seal(
            encoded(contents), purpose=_PURPOSE, context=self._context
        )

        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, text: str) -> CookieContents | None:
        """What a text holds, ``None`` if it was not sealed here.

        :param text: As it came.
        """
        try:
            sealed = base64.b64decode(
                text + "=" * (-len(text) % 4), altchars=b"-_", validate=True
            )
        except ValueError:
            return None

        plaintext = self._protector.open(
            sealed, purpose=_PURPOSE, context=self._context
        )

        return None if plaintext is None else decoded(plaintext)

    def size_of(self, session: CarriedSession) -> int:
        """How many characters a session takes in a cookie, at the most.

        :param session: The session.
        """
        contents = CookieContents(
            handle=_ANY_HANDLE,
            kept_until=session.record.absolute_expires_at,
            session=session,
        )

        return len(self.seal(contents))
