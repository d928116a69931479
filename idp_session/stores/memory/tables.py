"""What the memory holds, as the tables of a database would.

Whoever reads or changes it holds the lock of the store.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TypeVar

from ...errors import SessionExistsError
from ...errors import SessionGoneError
from ...models import Participant
from ...models import ServerSideSession

__all__ = ["Tables", "still_there"]

_T = TypeVar("_T")


class Tables:
    """Sessions by key, and by session id what belongs to them."""

    def __init__(self) -> None:
        self.sessions: dict[str, ServerSideSession] = {}
        self.previous_keys: dict[str, str] = {}
        self.participants: dict[str, dict[str, Participant]] = {}
        self.data: dict[str, dict[str, bytes]] = {}
        self.attributes: dict[str, dict[str, str]] = {}

    def find(self, session_id: str) -> ServerSideSession | None:
        """The session of a session id.

        :param session_id: The session id.
        """
        return next(
            (s for s in self.sessions.values() if s.session_id == session_id), None
        )

    def find_rotated(self, key: str) -> ServerSideSession | None:
        """The session that had a key before it got another one.

        :param key: The key that it had.
        """
        session_id = next(
            (s for s, old in self.previous_keys.items() if old == key), ""
        )

        return self.find(session_id)

    def participants_of(self, session_id: str) -> tuple[Participant, ...]:
        """Who takes part, in the order in which they joined.

        :param session_id: The session.
        """
        found = self.participants.get(session_id, {}).values()

        return tuple(sorted(found, key=attrgetter("joined_at")))

    def add(self, session: ServerSideSession) -> None:
        """Add a session that has nothing yet.

        :param session: The session.
        """
        self.sessions[session.key] = session
        self.participants[session.session_id] = {}
        self.data[session.session_id] = {}
        self.attributes[session.session_id] = {}

    def remove(self, session: ServerSideSession) -> None:
        """Remove a session with everything that belongs to it.

        :param session: The session.
        """
        del self.sessions[session.key]
        del self.participants[session.session_id]
        del self.data[session.session_id]
        del self.attributes[session.session_id]
        self.previous_keys.pop(session.session_id, None)

    def rotate(self, key: str, session: ServerSideSession) -> None:
        """Free the key of a session that is about to get another one.

        :param key: The key that it has.
        :param session: The session with its new key.
        :raises SessionExistsError: If the new key is taken.
        """
        if session.key in self.sessions:
            raise SessionExistsError("the new key is taken", key=session.key)

        del self.sessions[key]
        self.previous_keys[session.session_id] = key


def still_there(belongings: dict[str, _T], session_id: str) -> _T:
    """What belongs to a session.

    :param belongings: Of all sessions.
    :param session_id: The session.
    :raises SessionGoneError: If it has ended.
    """
    try:
        return belongings[session_id]
    except KeyError:
        raise SessionGoneError("the session has ended", key=session_id) from None
