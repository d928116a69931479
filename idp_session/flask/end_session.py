"""The course of a logout in the browser: ask, end, tell, go on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from typing import TYPE_CHECKING

from flask import current_app
from flask import make_response
from flask import request
from flask import Response
from flask import url_for
from werkzeug.datastructures import Headers
from werkzeug.utils import redirect

from .._protocol.rp_initiated import decide
from .._protocol.rp_initiated import Decision
from .._protocol.rp_initiated import LogoutRequest
from ..adapters.crypto import handle_key
from ..models import Delivery
from ..models import EndedSession
from ..models import LogoutReason
from .pages import page
from .signed_out import needs_browser
from .signed_out import signed_out_page
from .state import app_state
from .state import request_state
from .transport import CookieSpec
from .transport import handle_cookie

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["callback", "respond"]

_LOGOUT_PURPOSE = "logout-in-progress"
# Browsers keep about 4096 characters of name, value and attributes.
_LONGEST_COOKIE = 3800


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
    spec = _logout_cookie()
    logout = _logout_in_progress(request.cookies.get(spec.name))

    if logout is not None:
        deliveries = app_state().queue.of_session(logout["session_id"])
        response = signed_out_page(deliveries, logout["redirect_uri"])
    elif user := request_state().user_session.user:
        response = page("still_signed_in.html", user=user)
    else:
        response = signed_out_page((), None)

    if spec.name in request.cookies:
        spec.delete_on(response)

    return response


def _proceed(logout: LogoutRequest) -> Response:
    app = app_state()
    user_session = request_state().user_session
    user = user_session.user
    hint = logout.hint
    takes_part = hint is not None and hint.client_id in user_session.client_ids
    decision = decide(
        hint,
        current_sid=user_session.session_id,
        sub_at_client=(
            app.subjects.subject_for(user.subject_id, hint.client_id)
            if user and hint and takes_part
            else None
        ),
        confirm_always=app.options.confirm_every_logout,
    )

    if decision is Decision.NOTHING_TO_END:
        return _leave(logout)

    if decision is Decision.ASK:
        return _ask(logout)

    return _end(logout)


def _ask(logout: LogoutRequest) -> Response:
    user_session = request_state().user_session
    confirmation = app_state().logout_requests.seal(logout, session_key=_session_key())

    return page(
        "confirm_logout.html",
        user=user_session.user,
        client=logout.client,
        confirmation=confirmation,
        action=url_for(".end_session"),
    )


def _answered(confirmation: str, answer: str | None) -> Response:
    logout = app_state().logout_requests.open(confirmation, session_key=_session_key())
    user_session = request_state().user_session

    if user_session.user is None:
        # A second click, or the session ended while the page was open.
        return _leave(logout or _NO_REQUEST)

    if logout is None:
        return _ask(_NO_REQUEST)

    if answer != "yes":
        return page("still_signed_in.html", user=user_session.user)

    return _end(logout)


def _end(logout: LogoutRequest) -> Response:
    app = app_state()
    reason = LogoutReason.RP_INITIATED if logout.client else LogoutReason.USER
    ended = request_state().user_session.end(reason)

    if ended is None:
        return _leave(logout)

    deliveries = app.delivery.wait_for(
        ended.session_id, at_most=app.options.back_channel_wait
    )

    if logout.redirect_uri and not needs_browser(deliveries):
        return _to(logout.redirect_uri)

    return _to_callback(ended, logout, deliveries)


def _leave(logout: LogoutRequest) -> Response:
    if logout.redirect_uri:
        return _to(logout.redirect_uri)

    return signed_out_page((), None)


class _Onward(Response):
    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        headers = super().get_wsgi_headers(environ)
        location = self.headers["Location"]

        # Werkzeug writes addresses anew, and "app:///done" would be "app:/done";
        # rpinitiated §3: to exactly the one that is registered.
        if location.isascii():
            headers["Location"] = location

        return headers


def _to(uri: str) -> Response:
    response = make_response(redirect(uri, 303, Response=_Onward))
    response.headers["Referrer-Policy"] = "no-referrer"
    response.cache_control.no_store = True

    return response


def _to_callback(
    ended: EndedSession, logout: LogoutRequest, deliveries: tuple[Delivery, ...]
) -> Response:
    plaintext = json.dumps(
        {
            "session_id": ended.session_id,
            "redirect_uri": logout.redirect_uri,
            "until": _page_ends_at(),
        }
    ).encode()
    value = app_state().protector.seal(plaintext, purpose=_LOGOUT_PURPOSE).hex()

    if len(value) > _LONGEST_COOKIE:
        # A very long state: browsers would drop the cookie, and the frames with it.
        return signed_out_page(deliveries, logout.redirect_uri)

    response = _to(url_for(".end_session_callback"))
    _logout_cookie().set_on(response, value)

    return response


def _again_by_get(logout: LogoutRequest) -> Response:
    # A form that another site posts brings no SameSite=Lax cookie, and the session
    # would seem not to be there; the browser sends the cookie when it comes back
    # by GET. The request travels sealed, so that no ID token is in an address.
    carried = app_state().logout_requests.seal(logout, session_key="")

    return _to(url_for(".end_session", logout_request=carried))


def _carried() -> LogoutRequest | None:
    text = request.args.get("logout_request")

    if request.method != "GET" or text is None:
        return None

    return app_state().logout_requests.open(text, session_key="")


def _logout_cookie() -> CookieSpec:
    app = app_state()
    handle = handle_cookie(app.options, root=current_app.config["APPLICATION_ROOT"])

    return CookieSpec(
        name=f"{app.options.cookie_name}_logout",
        path=url_for(".end_session_callback"),
        domain=None,
        secure=handle.secure,
        http_only=True,
        same_site="Lax",
    )


def _logout_in_progress(text: str | None) -> dict[str, Any] | None:
    try:
        sealed = bytes.fromhex(text or "")
    except ValueError:
        return None

    plaintext = app_state().protector.open(sealed, purpose=_LOGOUT_PURPOSE)
    logout = None if plaintext is None else json.loads(plaintext)

    if logout is None or logout["until"] < app_state().clock.now().timestamp():
        return None

    return dict(logout)


def _page_ends_at() -> float:
    app = app_state()

    return (app.clock.now() + app.options.logout_page_lifetime).timestamp()


def _session_key() -> str:
    handle = request_state().transport.handle

    return handle_key(handle) if handle else ""


_NO_REQUEST = LogoutRequest(client=None, hint=None, redirect_uri=None)
