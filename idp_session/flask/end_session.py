"""The course of a logout in the browser: ask, end, tell, go on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from collections.abc import Iterable

from flask import request
from flask import Response
from flask import url_for

from .._protocol.content_security_policy import source_of
from .._protocol.rp_initiated import address_standing
from .._protocol.rp_initiated import LogoutRequest
from ..adapters.crypto import handle_key
from ..models import AddressStanding
from ..models import Client
from ..models import LogoutContext
from ..models import LogoutReason
from .logout_in_progress import logout_cookie
from .logout_in_progress import LogoutInProgress
from .logout_in_progress import page_ends_at
from .onward import go_on
from .pages import page
from .signed_out import needs_browser
from .signed_out import signed_out_page
from .state import app_state
from .state import request_state
from .way_back import way_back

__all__ = ["callback", "respond"]


def respond(read: Callable[[], LogoutRequest]) -> Response:
    """Answer a request at the end-session endpoint (RP-Initiated Logout 1.0 §2).

    :param read: Validates the parameters of the current request.
    """
    if request.method == "POST" and "confirmation" in request.form:
        return _answered(request.form["confirmation"], request.form.get("answer"))

    if request.method == "POST" and request_state().transport.handle is None:
        return _again_by_get(read())

    return _proceed(_carried() or read())


def callback() -> Response:
    """The page on which the logout goes on in the browser, once.

    What it shows comes with a sealed cookie that the response takes away: its
    address alone shows nothing, to nobody, twice (FCL-OP-15).
    """
    spec = logout_cookie()
    logout = LogoutInProgress.opened(request.cookies.get(spec.name))
    response = _shown(logout)

    if spec.name in request.cookies:
        spec.delete_on(response)

    return response


def _shown(logout: LogoutInProgress | None) -> Response:
    user_session = request_state().user_session
    is_over = logout is None or (
        logout.is_departure and logout.session_id != user_session.session_id
    )

    if logout is None or is_over:
        return _nothing_to_tell(logout.languages if logout else ())

    return _last_page(logout)


def _nothing_to_tell(languages: Iterable[str]) -> Response:
    if request_state().user_session.user:
        return _still_signed_in(languages=languages)

    return signed_out_page((), None, languages=languages)


def _last_page(logout: LogoutInProgress) -> Response:
    user = request_state().user_session.user

    return signed_out_page(
        logout.deliveries,
        logout.redirect_uri,
        until=logout.until,
        client=logout.client,
        still=user if logout.is_departure else None,
        is_misled=logout.is_misled,
        languages=logout.languages,
    )


def _proceed(logout: LogoutRequest) -> Response:
    decisions = app_state().logout_decisions
    context = decisions.context(logout, request_state().user_session)

    if context.user is None:
        return _leave(_allowed(logout, context))

    if decisions.needs_confirmation(context):
        # Read while an earlier click ended it, a session may seem to have no clients.
        if not _goes_on(context):
            return _leave(_allowed(logout, context))

        return _ask(logout, context)

    return _end(_allowed(logout, context))


def _allowed(logout: LogoutRequest, context: LogoutContext) -> LogoutRequest:
    if app_state().logout_decisions.allows_redirect(context):
        return logout

    return dataclasses.replace(logout, redirect_uri=None)


def _goes_on(context: LogoutContext) -> bool:
    return app_state().reader.is_live(context.session_id or "")


def _ask(
    logout: LogoutRequest, context: LogoutContext, *, again: bool = False
) -> Response:
    confirmation = app_state().logout_requests.seal(logout, session_key=_session_key())

    return page(
        "confirm_logout.html",
        user=context.user,
        client=logout.client,
        hint=context.hint,
        again=again,
        can_leave=_can_leave(logout.client),
        confirmation=confirmation,
        action=url_for(".end_session"),
        languages=logout.ui_locales,
        form_origins=[source_of(logout.redirect_uri)] if logout.redirect_uri else (),
    )


def _answered(confirmation: str, answer: str | None) -> Response:
    logout = app_state().logout_requests.open(confirmation, session_key=_session_key())
    opened = logout or _NO_REQUEST
    context = app_state().logout_decisions.context(opened, request_state().user_session)

    if context.user is None:
        # A second click, or the session ended while the page was open.
        return _leave(_allowed(opened, context))

    if logout is None:
        return _ask(opened, context, again=True)

    if answer == "only" and logout.client is not None:
        return _leave_one(logout.client, _allowed(logout, context))

    if answer != "yes":
        return _still_signed_in(logout.client, languages=logout.ui_locales)

    return _end(_allowed(logout, context))


def _can_leave(client: Client | None) -> bool:
    # A cookie holds the session as a whole: nothing could be owed for a part of it.
    return (
        client is not None
        and app_state().options.tickets != "cookie"
        and client.client_id in request_state().user_session.client_ids
    )


def _leave_one(client: Client, logout: LogoutRequest) -> Response:
    app = app_state()
    user_session = request_state().user_session

    if _can_leave(client):
        user_session.remove_client_id(client.client_id, LogoutReason.RP_INITIATED)
        app.delivery.wait_for(
            user_session.session_id or "",
            client_id=client.client_id,
            at_most=app.options.back_channel_wait,
        )

    departure = LogoutInProgress(
        session_id=user_session.session_id or "",
        until=page_ends_at(),
        redirect_uri=logout.redirect_uri,
        client_id=client.client_id,
        is_departure=True,
        is_misled=_is_misled(logout),
        languages=logout.ui_locales,
    )

    # A second click finds what the first one did.
    if not departure.deliveries:
        return _still_signed_in(client, languages=logout.ui_locales)

    return _to_callback(departure)


def _still_signed_in(
    client: Client | None = None, *, languages: Iterable[str] = ()
) -> Response:
    return page(
        "still_signed_in.html",
        user=request_state().user_session.user,
        way_back=way_back(client),
        languages=languages,
    )


def _end(logout: LogoutRequest) -> Response:
    user_session = request_state().user_session
    progress = LogoutInProgress(
        session_id=user_session.session_id or "",
        until=page_ends_at(),
        redirect_uri=logout.redirect_uri,
        client_id=logout.client.client_id if logout.client else None,
        is_misled=_is_misled(logout),
        languages=logout.ui_locales,
    )
    progress.remember(session_key=_session_key())
    # Somebody else may be faster, such as an earlier click; then theirs is the end,
    # and ours the same last page.
    user_session.end(LogoutReason.RP_INITIATED if logout.client else LogoutReason.USER)

    return _finish(progress)


def _finish(progress: LogoutInProgress) -> Response:
    app = app_state()
    at_most = app.options.back_channel_wait

    # Of many clients it takes long to look what has become of them.
    if progress.redirect_uri or at_most:
        deliveries = app.delivery.wait_for(progress.session_id, at_most=at_most)

        if progress.redirect_uri and not needs_browser(deliveries):
            return go_on(progress.redirect_uri)

    return _to_callback(progress)


def _is_misled(logout: LogoutRequest) -> bool:
    return address_standing(logout) in {
        AddressStanding.UNREGISTERED,
        AddressStanding.UNPROVED,
    }


def _leave(logout: LogoutRequest) -> Response:
    if (earlier := LogoutInProgress.of_earlier_click(_session_key())) is not None:
        redirect_uri = logout.redirect_uri or earlier.redirect_uri

        return _finish(dataclasses.replace(earlier, redirect_uri=redirect_uri))

    if logout.redirect_uri:
        return go_on(logout.redirect_uri)

    return signed_out_page(
        (),
        None,
        client=logout.client,
        is_misled=_is_misled(logout),
        languages=logout.ui_locales,
    )


def _to_callback(logout: LogoutInProgress) -> Response:
    value = logout.sealed()

    if value is None:
        return _last_page(logout)

    response = go_on(url_for(".end_session_callback"))
    logout_cookie().set_on(response, value)

    return response


def _again_by_get(logout: LogoutRequest) -> Response:
    # A form that another site posts brings no SameSite=Lax cookie, and the session
    # would seem not to be there; the browser sends the cookie when it comes back
    # by GET. The request travels sealed, so that no ID token is in an address.
    carried = app_state().logout_requests.seal(logout, session_key="")

    return go_on(url_for(".end_session", logout_request=carried))


def _carried() -> LogoutRequest | None:
    text = request.args.get("logout_request")

    if request.method != "GET" or text is None:
        return None

    return app_state().logout_requests.open(text, session_key="")


def _session_key() -> str:
    handle = request_state().transport.handle

    return handle_key(handle) if handle else ""


_NO_REQUEST = LogoutRequest()
