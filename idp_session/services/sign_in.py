"""Begins sessions, and continues them when the same subject signs in again."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from datetime import UTC

from ..adapters.crypto import handle_key
from ..adapters.crypto import new_handle
from ..adapters.crypto import new_session_id
from ..errors import SessionGoneError
from ..models import AuthenticationProperties
from ..models import LogoutReason
from ..models import Principal
from ..models import ServerSideSession
from ..models import SessionOrigin
from ..models import Ticket
from ..options import SessionOptions
from ..ports import Clock
from ..ports import SessionStore
from .data import DataService
from .ending import EndingService
from .lifetimes import check_lifetime
from .lifetimes import lifetime_of
from .reading import CurrentSession
from .reading import SessionReader
from .tickets import TicketSealer

__all__ = ["IssuedSession", "SignInService"]

# How often a sign-in looks again when others sign in in the same browser meanwhile.
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class IssuedSession:
    """What a sign-in has made: the session, and the new handle that opens it."""

    #: The secret for the browser.
    handle: str = field(repr=False)
    #: The session.
    current: CurrentSession


class SignInService:
    """Signs principals in; the handle is a new one every time.

    :param store: Where the sessions are.
    :param reader: Knows which of them live.
    :param ending: Who ends the session of a user who is switched away from.
    :param tickets: Who seals tickets.
    :param data: Who keeps the data of sessions.
    :param clock: Tells the time.
    :param options: The settings.
    """

    def __init__(
        self,
        *,
        store: SessionStore,
        reader: SessionReader,
        ending: EndingService,
        tickets: TicketSealer,
        data: DataService,
        clock: Clock,
        options: SessionOptions,
    ) -> None:
        self._store = store
        self._reader = reader
        self._ending = ending
        self._tickets = tickets
        self._data = data
        self._clock = clock
        self._options = options

    def sign_in(
        self,
        principal: Principal,
        properties: AuthenticationProperties,
        *,
        key: str | None,
        origin: SessionOrigin | None = None,
    ) -> IssuedSession:
        """Sign a principal in.

        :param principal: Who has just proved who they are.
        :param properties: What belongs to this sign-in.
        :param key: The key of the browser's handle, if it has one. The session under
            it goes on if it is the same subject's, is ended if it is another's, and
            gives what it keeps to the new one if it is nobody's.
        :param origin: From where, if that may be kept.
        :raises SessionGoneError: If others keep signing in in the same browser.
        :raises SessionLimitError: If the subject has too many sessions already;
            nothing has changed then.
        :raises TypeError: If a claim or an item is not a JSON value; nothing has
            changed then.
        :raises ValueError: If the lifetime is too long for a cookie, or
            ``authenticated_at`` is a naive datetime; nothing has changed then.
        """
        check_lifetime(properties, self._options)

        for _ in range(_ATTEMPTS):
            previous = self._previous(key, principal.subject_id)

            try:
                return self._issue(previous, principal, properties, origin)
            except SessionGoneError:
                # Somebody else replaced the handle or ended the session between
                # our look and our write; what there is now decides.
                continue

        raise SessionGoneError(
            "too many sign-ins at once in one browser; sign in again", key="-"
        )

    def _issue(
        self,
        previous: ServerSideSession | None,
        principal: Principal,
        properties: AuthenticationProperties,
        origin: SessionOrigin | None,
    ) -> IssuedSession:
        if previous is None:
            return self._begin(principal, properties, origin)

        if previous.subject_id is None:
            return self._promote(previous, principal, properties, origin)

        if previous.subject_id != principal.subject_id:
            return self._begin(principal, properties, origin, instead_of=previous)

        return self._continue(previous, principal, properties, origin)

    def _previous(self, key: str | None, subject_id: str) -> ServerSideSession | None:
        if key is None:
            return None

        return self._reader.live(self._store.get(key) or self._rotated(key, subject_id))

    def _rotated(self, key: str, subject_id: str) -> ServerSideSession | None:
        # Whoever signs in has just proved who they are: a handle that a sign-in in
        # another tab replaced a moment ago still leads to their own session, and to
        # nobody else's.
        record = self._store.find_rotated(key)

        return record if record and record.subject_id == subject_id else None

    def _begin(
        self,
        principal: Principal,
        properties: AuthenticationProperties,
        origin: SessionOrigin | None,
        *,
        instead_of: ServerSideSession | None = None,
    ) -> IssuedSession:
        issued = self._issued_anew(principal, properties, origin)

        self._ending.announce(
            self._store.create(issued.current.record, limit=self._options.subject_limit)
        )

        # Not before the new ticket could be sealed, and no limit refused it.
        if instead_of is not None:
            self._ending.end(instead_of.session_id, reason=LogoutReason.USER_SWITCH)

        return issued

    def _promote(
        self,
        anonymous: ServerSideSession,
        principal: Principal,
        properties: AuthenticationProperties,
        origin: SessionOrigin | None,
    ) -> IssuedSession:
        # Neither handle nor session id stay: somebody else may have planted them.
        issued = self._issued_anew(principal, properties, origin)
        record = issued.current.record
        self._ending.announce(
            self._store.promote(
                anonymous.key,
                record,
                reseal=self._data.resealing(anonymous.session_id, to=record.session_id),
                limit=self._options.subject_limit,
            )
        )

        return issued

    def _continue(
        self,
        previous: ServerSideSession,
        principal: Principal,
        properties: AuthenticationProperties,
        origin: SessionOrigin | None,
    ) -> IssuedSession:
        issued = self._issued(
            self._with_factors_of(previous, principal),
            properties,
            session_id=previous.session_id,
            created_at=previous.created_at,
            origin=origin or previous.origin,
        )
        self._store.update(previous.key, issued.current.record)

        return issued

    def _issued_anew(
        self,
        principal: Principal,
        properties: AuthenticationProperties,
        origin: SessionOrigin | None,
    ) -> IssuedSession:
        return self._issued(
            principal,
            properties,
            session_id=new_session_id(),
            created_at=self._clock.now(),
            origin=origin or SessionOrigin(),
        )

    def _with_factors_of(
        self, previous: ServerSideSession, principal: Principal
    ) -> Principal:
        ticket = self._tickets.open(previous)

        if ticket is None:
            return principal

        at = _in_utc(principal.authenticated_at or self._clock.now())
        factors = _newest(ticket.principal.factors, _proved(principal, at))

        return dataclasses.replace(principal, authenticated_at=at, factors=factors)

    def _issued(
        self,
        principal: Principal,
        properties: AuthenticationProperties,
        *,
        session_id: str,
        created_at: datetime,
        origin: SessionOrigin,
    ) -> IssuedSession:
        handle = new_handle()
        now = self._clock.now()
        lifetime = lifetime_of(properties, self._options)
        absolute_expires_at = now + lifetime.absolute
        record = ServerSideSession(
            key=handle_key(handle),
            session_id=session_id,
            subject_id=principal.subject_id,
            display_name=principal.display_name,
            created_at=created_at,
            authenticated_at=_in_utc(principal.authenticated_at or now),
            renewed_at=now,
            expires_at=lifetime.expires_at(now, absolute_expires_at),
            absolute_expires_at=absolute_expires_at,
            ip_address=origin.ip_address,
            user_agent=origin.user_agent,
            ticket=b"",
        )
        ticket = _ticket(principal, properties, record)
        record = self._tickets.seal(ticket, record=record)

        return IssuedSession(handle, CurrentSession(record, ticket))


def _in_utc(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError("authenticated_at must be an aware datetime")

    # The ticket is bound to the instant as it is written, and that is how stores
    # return it, wherever the host's clock is.
    return at.astimezone(UTC)


def _proved(principal: Principal, at: datetime) -> dict[str, datetime]:
    return dict.fromkeys(principal.amr, at) | dict(principal.factors)


def _newest(
    before: Mapping[str, datetime], after: Mapping[str, datetime]
) -> dict[str, datetime]:
    return {
        method: max(times[method] for times in (before, after) if method in times)
        for method in {**before, **after}
    }


def _ticket(
    principal: Principal,
    properties: AuthenticationProperties,
    record: ServerSideSession,
) -> Ticket:
    return Ticket(
        principal=dataclasses.replace(
            principal,
            authenticated_at=record.authenticated_at,
            factors=_proved(principal, record.authenticated_at),
        ),
        properties=dataclasses.replace(
            properties,
            session_id=record.session_id,
            issued_at=record.created_at,
            expires_at=record.expires_at,
            client_ids=(),
        ),
    )
