"""What an app does with sessions: sign in, sign out, end any, ask whether one lives."""

from __future__ import annotations

from collections.abc import Mapping

from flask import current_app
from flask import Flask
from flask import Response

from ..models import AuthenticationProperties
from ..models import Departure
from ..models import EndedSession
from ..models import Lifetime
from ..models import LogoutReason
from ..models import Principal
from . import signals
from .departures import to_departure_page
from .state import app_state
from .state import current_session

__all__ = ["SessionActions"]


class SessionActions:
    """The part of :class:`.IdpSession` that the views and jobs of a host call."""

    def sign_in(
        self,
        principal: Principal,
        *,
        persistent: bool = False,
        items: Mapping[str, str] | None = None,
        lifetime: Lifetime | None = None,
    ) -> str:
        """Sign a user in, in this browser or app; the handle goes out with this response.

        :param principal: Who has just proved who they are.
        :param persistent: Whether the browser keeps the session after it is closed.
        :param items: Strings to keep with the sign-in.
        :param lifetime: How long the session lasts, instead of what the settings say.
        :returns: The session id: the one there was, if the same subject signs in
            again; otherwise a new one.
        :raises SessionLimitError: If the subject has too many sessions already, and
            the settings say to refuse one more; nothing has changed then.
        :raises HandleNotIssuableError: On a WebSocket; nothing has changed then.
        :raises SessionTooLargeError: If it does not fit into a cookie, where it is to
            be in one; nothing has changed then.
        :raises ValueError: If its lifetime is too long for sessions in cookies;
            nothing has changed then.
        """
        properties = AuthenticationProperties(
            persistent=persistent, items=items or {}, lifetime=lifetime
        )
        session_id = current_session().create_session_id(principal, properties)
        signals.send(
            signals.session_started,
            _this_app(),
            session_id=session_id,
            principal=principal,
        )

        return session_id

    def sign_out(
        self, *, reason: LogoutReason = LogoutReason.USER
    ) -> EndedSession | None:
        """End the session of this browser; every client of it is told.

        :param reason: Why.
        :returns: The ended session, ``None`` if nobody was signed in.
        """
        return current_session().end(reason)

    def sign_out_of(
        self, client_id: str, *, reason: LogoutReason = LogoutReason.USER
    ) -> Departure | None:
        """Sign the user of this browser out of one application, and of no other.

        The client leaves the session, which goes on, and is told by the back
        channel; :meth:`.DeliveryManagementService.result_of` says what came of it.
        :meth:`to_departure_page` has it told in a frame too. The end-session
        endpoint does both where the user chooses so. If the client asks to sign the
        user in again, it joins again without a sign-in, unless it asks for one with
        ``prompt``.

        :param client_id: Which application, as it came.
        :param reason: Why.
        :returns: What has left, ``None`` if nobody is signed in or the client takes
            no part in the session.
        :raises NotInCookieModeError: If sessions are in cookies, which are signed
            out of everything or of nothing.
        """
        return current_session().remove_client_id(client_id, reason)

    def to_departure_page(self, departure: Departure) -> Response:
        """Send the browser to the page that says of one client that it was left.

        The page tells the client in a frame, if it wants that (Front-Channel Logout
        1.0 §2), says what came of it, and leads back to its home page. It is shown
        once, and to this browser only, while the session goes on.

        :param departure: What :meth:`sign_out_of` has returned.
        :returns: The response of the view that has called it.
        :raises ValueError: If several clients have left at once.
        """
        return to_departure_page(departure)

    def end(
        self, session_id: str, *, reason: LogoutReason, notify: bool = True
    ) -> EndedSession | None:
        """End any session; every client of it is told.

        :param session_id: Which.
        :param reason: Why.
        :param notify: Whether clients are told; nobody tells them later.
        :returns: The ended session, ``None`` if there is none.
        :raises NotInCookieModeError: If another browser has it in its cookie.
        """
        return app_state().ending.end(session_id, reason=reason, notify=notify)

    def end_all(
        self, *, subject_id: str, reason: LogoutReason, notify: bool = True
    ) -> int:
        """End every session of a subject; every client of them is told.

        :param subject_id: Whose, as it came.
        :param reason: Why.
        :param notify: As for :meth:`end`.
        :returns: How many sessions were ended.
        :raises NotInCookieModeError: If sessions are in cookies.
        """
        return app_state().management.end_all(
            subject_id=subject_id, reason=reason, notify=notify
        )

    def is_live(self, session_id: str, *, client_id: str | None = None) -> bool:
        """Whether somebody's session exists and has not expired.

        A provider asks before it exchanges a code, and whenever a token of the
        session is used. Where sessions are in cookies, one of another browser counts
        as live until its end was written down.

        :param session_id: Which.
        :param client_id: Whose code or token it is. If given, this client must take
            part in the session: one that has left it is told of nothing any more.
        """
        return app_state().reader.is_live(session_id, client_id=client_id)

    def touch(self, session_id: str) -> bool:
        """Tell that a client has used a token of a session.

        Call it from the token and introspection endpoints. If
        ``client_activity_renews`` is set, that is a use of the session, which is
        renewed as by a request of the browser; a session that has expired is ended.

        :param session_id: Which; one that is gone is no error.
        :returns: Whether the session exists and has not expired.
        """
        return app_state().reader.touch(session_id)


def _this_app() -> Flask:
    return current_app._get_current_object()  # type: ignore[attr-defined, no-any-return]  # noqa: SLF001
