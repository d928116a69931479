"""Sealed notes in an address: what the user was asked for one request, and when."""

from __future__ import annotations

import enum
import hashlib
import json
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from datetime import timedelta
from datetime import UTC

from werkzeug.datastructures import MultiDict

from ...flask.state import app_state

__all__ = ["Marks", "Question", "without_marks"]

_PURPOSE = "sign-on"
_PARAMETER = "asked"
# How long somebody may take to answer before they are asked anew.
_PATIENCE = timedelta(hours=1)


class Question(enum.StrEnum):
    """What the user has to be asked before a client gets its code."""

    #: Who they are, with a proof: the login page.
    LOGIN = "login"
    #: Which account to go on with; the login page answers this as well.
    SELECT_ACCOUNT = "select_account"
    #: Whether the client may have what it asks for.
    CONSENT = "consent"


@dataclass(frozen=True, kw_only=True, slots=True)
class Marks:
    """What is known of the questions of one authorization request.

    Sealed, because a client could claim otherwise that its user was asked; bound to
    the request, because the answer to one is none to another one.
    """

    #: When the first question was asked, in seconds since 1970.
    since: float = field(default_factory=lambda: _now().timestamp())
    #: When the login page was asked for, if it was.
    login_asked_at: float | None = None
    #: The session whose user was chosen, if one was.
    chosen: str | None = None
    #: The question of the page with this address, if it is one.
    question: str | None = None
    #: The session of the user whom that page asks.
    session_id: str | None = None

    @classmethod
    def of(cls, parameters: MultiDict[str, str]) -> Marks | None:
        """The marks in an address.

        :param parameters: All of its query.
        :returns: ``None`` if there are none, if they are not ours, belong to another
            request, or are too old.
        """
        try:
            sealed = bytes.fromhex(parameters.get(_PARAMETER, ""))
        except ValueError:
            return None

        plaintext = app_state().protector.open(
            sealed, purpose=_PURPOSE, context=_digest(without_marks(parameters))
        )

        content = {} if plaintext is None else json.loads(plaintext)

        # While a new version is rolled out, the other one may have sealed them.
        if content.keys() != cls.__dataclass_fields__.keys():
            return None

        marks = cls(**content)
        since = datetime.fromtimestamp(marks.since, UTC)

        return marks if _now() - since < _PATIENCE else None

    def on(self, parameters: MultiDict[str, str]) -> MultiDict[str, str]:
        """The parameters of a request, and these marks sealed beside them.

        :param parameters: The request; marks that it has already are replaced.
        """
        values = without_marks(parameters)
        sealed = app_state().protector.seal(
            json.dumps(asdict(self)).encode(), purpose=_PURPOSE, context=_digest(values)
        )
        values[_PARAMETER] = sealed.hex()

        return values

    def has_login_since(self, authenticated_at: datetime) -> bool:
        """Whether the login page was asked for, and somebody has come through it.

        :param authenticated_at: When the user of the session proved who they are.
        """
        asked_at = self.login_asked_at

        return asked_at is not None and authenticated_at.timestamp() >= asked_at


def without_marks(given: MultiDict[str, str]) -> MultiDict[str, str]:
    """The parameters of a request as the client has sent them.

    :param given: With or without marks.
    """
    values: MultiDict[str, str] = MultiDict()

    for name, texts in given.lists():
        if name != _PARAMETER:
            values.setlist(name, texts)

    return values


def _digest(values: MultiDict[str, str]) -> str:
    text = json.dumps(sorted(values.items(multi=True)))

    return hashlib.sha256(text.encode()).hexdigest()


def _now() -> datetime:
    return app_state().clock.now()
