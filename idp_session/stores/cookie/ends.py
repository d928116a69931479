"""What is written down of sessions in cookies: that they have ended."""

from __future__ import annotations

import dataclasses

from ...errors import SessionGoneError
from ...models import EndedSession
from ...ports import DeliveryQueue
from .contents import CarriedSession
from .jar import SessionJar
from .unlisted import cannot

__all__ = ["WrittenEnds"]


class WrittenEnds:
    """The ends of sessions, which are durable although the sessions are not.

    :param queue: Where they are written down, with what is owed.
    """

    def __init__(self, queue: DeliveryQueue) -> None:
        self._queue = queue

    def has(self, session_id: str) -> bool:
        """Whether the end of a session was written down.

        :param session_id: The session.
        """
        return self._queue.has_ended(session_id)

    def write(self, ended: EndedSession) -> bool:
        """Write an end down, and what is owed for it.

        :param ended: The session.
        :returns: Whether it is the first end of this session.
        """
        # Nobody takes part in an anonymous session, and its end is not written down.
        if ended.subject_id is None:
            return True

        told = ended.participants if ended.notified else ()

        return self._queue.owe(dataclasses.replace(ended, participants=told))

    def taken_out(self, jar: SessionJar, current: CarriedSession) -> bool:
        """Take a session out of the request if it has ended.

        :param jar: The sessions of the request.
        :param current: The session.
        :returns: Whether it has ended.
        """
        record = current.record

        # Nobody takes part in an anonymous session, and its end is not written down.
        if record.subject_id is None or not self.has(record.session_id):
            return False

        jar.remove(record.key)

        return True

    def refuse_ended(self, jar: SessionJar, current: CarriedSession) -> None:
        """Take a session out of the request if it has ended, and say so.

        :param jar: The sessions of the request.
        :param current: The session.
        :raises SessionGoneError: If it has ended.
        """
        if self.taken_out(jar, current):
            raise SessionGoneError(
                "the session has ended, elsewhere", key=current.record.session_id
            )

    def check_ended(self, session_id: str) -> None:
        """Refuse to end a session that the request does not carry.

        :param session_id: The session.
        :raises NotInCookieModeError: Unless it has ended already.
        """
        if not self.has(session_id):
            cannot("end the session of another browser")
