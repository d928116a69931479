"""What a session in a cookie has to keep to."""

from __future__ import annotations

import re

from ...errors import SessionExistsError
from ...models import Participant
from ...models import ServerSideSession
from .jar import SessionJar

__all__ = ["check_fits", "check_free"]

_LONGEST = {"client_id": 255, "issuer": 512, "subject": 255}
_UNUSABLE = re.compile("[\0\ud800-\udfff]")


def check_free(jar: SessionJar, session: ServerSideSession) -> None:
    """Refuse a new session whose names are taken.

    :param jar: The sessions of the request.
    :param session: The new one.
    :raises SessionExistsError: If there is one with its key or session id.
    """
    if jar.get(session.key) or jar.find(session.session_id):
        raise SessionExistsError("the key or the session id is taken", key=session.key)


def check_fits(participant: Participant) -> None:
    """Refuse a participant that no delivery could be owed to.

    :param participant: Who is about to join.
    :raises ValueError: If a database could not keep one of its names.
    """
    # Or else what is owed to it could not be written when the session ends.
    for name, longest in _LONGEST.items():
        text: str = getattr(participant, name)

        if len(text) > longest or _UNUSABLE.search(text):
            raise ValueError(
                f"{name} has more than {longest} characters, or some that no database"
                " can keep"
            )
