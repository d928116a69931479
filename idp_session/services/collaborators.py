"""What the sessions of all requests have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..options import SessionOptions
from ..ports import Clock
from ..ports import SessionStore
from ..ports import SubjectIdentifiers
from .anonymous import AnonymousSessionService
from .data import DataService
from .ending import EndingService
from .reading import SessionReader
from .sign_in import SignInService

__all__ = ["SessionServices"]


def _nobody_is_told(_session_id: str) -> None:
    return


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionServices:
    """The collaborators of every request's session; made once for an app."""

    #: Where participants and attributes are.
    store: SessionStore
    #: Who reads sessions.
    reader: SessionReader
    #: Who begins and continues them.
    sign_in: SignInService
    #: Who begins them for nobody in particular.
    anonymous: AnonymousSessionService
    #: Who keeps their data.
    data: DataService
    #: Who ends them.
    ending: EndingService
    #: Tells the time.
    clock: Clock
    #: The settings.
    options: SessionOptions
    #: Decides which ``sub`` a client is given.
    subjects: SubjectIdentifiers
    #: Called with the session id when a client has joined; must not raise.
    clients_changed: Callable[[str], None] = _nobody_is_told
    #: Called with the session id when data was kept; must not raise.
    data_changed: Callable[[str], None] = _nobody_is_told
