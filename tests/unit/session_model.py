"""What sessions do, said again in a few plain lines, to compare the real ones with."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from datetime import timedelta

from idp_session.models import LogoutReason
from idp_session.options import SessionOptions

__all__ = ["Ending", "ModelSession", "Refused", "SessionModel"]

#: Whose session ended, why, and which clients took part.
Ending = tuple[str, str, LogoutReason, tuple[str, ...]]


class Refused(Exception):  # noqa: N818 - an answer, not a failure
    """A limit refuses one more session."""


@dataclass(kw_only=True)
class ModelSession:
    """One session that has not ended."""

    session_id: str
    handle: str
    subject_id: str | None
    created_at: datetime
    renewed_at: datetime
    expires_at: datetime
    absolute_expires_at: datetime
    persistent: bool = False
    previous_handle: str | None = None
    clients: list[str] = field(default_factory=list)
    data: dict[str, int] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    factors: dict[str, datetime] = field(default_factory=dict)


class SessionModel:
    """All sessions of a provider, in a dictionary; one caller at a time.

    :param options: The settings of the real provider.
    :param now: Tells the time.
    """

    def __init__(self, options: SessionOptions, now: Callable[[], datetime]) -> None:
        self._options = options
        self._now = now
        #: By session id.
        self.live: dict[str, ModelSession] = {}
        #: What has to have been announced.
        self.endings: list[Ending] = []
        #: Session ids that may never come back.
        self.gone: set[str] = set()

    def opened_by(self, handle: str | None) -> ModelSession | None:
        return next((s for s in self.live.values() if s.handle == handle), None)

    def replaced(self, handle: str | None) -> ModelSession | None:
        """The session that had this handle until the last sign-in."""
        if handle is None:
            return None

        return next(
            (s for s in self.live.values() if s.previous_handle == handle), None
        )

    def visit(self, handle: str | None) -> ModelSession | None:
        """A request comes: what has expired ends, what is used goes on."""
        session = self._unexpired(self.opened_by(handle))

        if session is not None:
            self._renew(session)

        return session

    def end(self, session: ModelSession, reason: LogoutReason) -> None:
        del self.live[session.session_id]
        self.gone.add(session.session_id)

        if session.subject_id is not None:
            clients = tuple(session.clients)
            self.endings.append(
                (session.session_id, session.subject_id, reason, clients)
            )

    def end_where(
        self, matches: Callable[[ModelSession], bool], reason: LogoutReason
    ) -> int:
        """Somebody ends all that meet a condition; anonymous ones are not meant."""
        found = [s for s in self.live.values() if s.subject_id and matches(s)]

        for session in found:
            self.end(session, reason)

        return len(found)

    def sweep(self) -> int:
        """Whatever has expired ends."""
        before = len(self.live)

        for session in [*self.live.values()]:
            self._unexpired(session)

        return before - len(self.live)

    def sign_in(
        self, handle: str | None, subject_id: str, *, amr: str, persistent: bool
    ) -> ModelSession:
        """Somebody has proved who they are; ids and handle are for the caller to set.

        :raises Refused: If a limit says so.
        """
        previous = self._unexpired(
            self.opened_by(handle) or self._own_replaced(handle, subject_id)
        )

        if previous is not None and previous.subject_id == subject_id:
            return self._continue(previous, amr=amr, persistent=persistent)

        session = self._begun(subject_id, amr=amr, persistent=persistent)
        self._make_room(session, self._of_subject(subject_id), self._at_most())

        if previous is not None and previous.subject_id is None:
            session.previous_handle = previous.handle
            session.data, session.attributes = previous.data, previous.attributes
            self.end(previous, LogoutReason.USER)
        elif previous is not None:
            self.end(previous, LogoutReason.USER_SWITCH)

        return session

    def begin_anonymous(self) -> ModelSession:
        now, options = self._now(), self._options

        return ModelSession(
            session_id="",
            handle="",
            subject_id=None,
            created_at=now,
            renewed_at=now,
            expires_at=now + options.anonymous_idle_timeout,
            absolute_expires_at=now + options.anonymous_absolute_lifetime,
        )

    def keep(self, session: ModelSession, *, session_id: str, handle: str) -> None:
        """Enter a session under the secrets that the real one has got."""
        session.session_id, session.handle = session_id, handle
        self.live[session_id] = session

    def join(self, session: ModelSession, client_id: str) -> None:
        """A client takes part.

        :raises Refused: If a limit says so.
        """
        if client_id in session.clients:
            return

        others = [
            each
            for each in self._of_subject(session.subject_id)
            if each is not session and client_id in each.clients
        ]
        at_most = self._options.max_sessions_per_subject_and_client
        self._make_room(session, others, at_most)
        session.clients.append(client_id)

    def unexpired_of(self, subject_id: str | None) -> list[ModelSession]:
        return self._of_subject(subject_id)

    def _at_most(self) -> int | None:
        return self._options.max_sessions_per_subject

    def _own_replaced(self, handle: str | None, subject_id: str) -> ModelSession | None:
        session = self.replaced(handle)

        return session if session and session.subject_id == subject_id else None

    def _of_subject(self, subject_id: str | None) -> list[ModelSession]:
        now = self._now()

        return [
            each
            for each in self.live.values()
            if each.subject_id == subject_id and each.expires_at > now
        ]

    def _make_room(
        self, newcomer: ModelSession, others: list[ModelSession], at_most: int | None
    ) -> None:
        if at_most is None or len(others) < at_most:
            return

        policy = self._options.session_limit_policy

        if policy == "refuse":
            raise Refused

        by_use = policy == "end_least_recently_used"
        others.sort(key=lambda s: s.renewed_at if by_use else s.created_at)

        for session in others[: len(others) + 1 - at_most]:
            assert session is not newcomer
            self.end(session, LogoutReason.EVICTED)

    def _begun(self, subject_id: str, *, amr: str, persistent: bool) -> ModelSession:
        now = self._now()
        session = ModelSession(
            session_id="",
            handle="",
            subject_id=subject_id,
            created_at=now,
            renewed_at=now,
            expires_at=now,
            absolute_expires_at=now,
        )
        self._prove(session, amr=amr, persistent=persistent)

        return session

    def _continue(
        self, session: ModelSession, *, amr: str, persistent: bool
    ) -> ModelSession:
        session.previous_handle = session.handle
        self._prove(session, amr=amr, persistent=persistent)

        return session

    def _prove(self, session: ModelSession, *, amr: str, persistent: bool) -> None:
        now = self._now()
        session.persistent = persistent
        session.factors[amr] = session.renewed_at = now
        session.absolute_expires_at = now + self._lasting(session)[1]
        session.expires_at = min(
            now + self._lasting(session)[0], session.absolute_expires_at
        )

    def _unexpired(self, session: ModelSession | None) -> ModelSession | None:
        now = self._now()

        if session is None or session.expires_at > now:
            return session

        is_over = session.absolute_expires_at <= now
        self.end(
            session,
            LogoutReason.ABSOLUTE_TIMEOUT if is_over else LogoutReason.IDLE_TIMEOUT,
        )

        return None

    def _renew(self, session: ModelSession) -> None:
        idle, now = self._lasting(session)[0], self._now()

        if now - session.renewed_at < idle / 2:
            return

        later = min(now + idle, session.absolute_expires_at)

        if later > session.expires_at:
            session.renewed_at, session.expires_at = now, later

    def _lasting(self, session: ModelSession) -> tuple[timedelta, timedelta]:
        options = self._options

        if session.subject_id is None:
            return options.anonymous_idle_timeout, options.anonymous_absolute_lifetime

        if session.persistent:
            return options.remembered_idle_timeout, options.remembered_absolute_lifetime

        return options.idle_timeout, options.absolute_lifetime


def merged(
    kept: Mapping[str, int], changes: Mapping[str, int | None]
) -> dict[str, int]:
    """Data after some changes; ``None`` removes."""
    both = {**kept, **changes}

    return {name: value for name, value in both.items() if value is not None}
