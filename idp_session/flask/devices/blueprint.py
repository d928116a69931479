"""The views of the devices page."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint
from flask import redirect
from flask import request
from flask import Response
from flask import url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as BaseResponse

from ..blueprints import protocol_endpoint
from ..catalogs import message
from ..languages import texts_for
from ..pages import page
from ..sealing import opened_form
from ..sealing import sealed_form
from ..state import app_state
from ..state import request_state
from .listing import Device
from .listing import device_of
from .listing import devices
from .listing import own_session
from .results import end_one
from .results import end_others
from .results import result_of

__all__ = ["SignInPage", "devices_blueprint"]

#: Answers with the way to the host's sign-in page.
SignInPage = Callable[[str], BaseResponse]

_GONE = message("You are not signed in there, or not any more.")
_OLD_FORM = message("That page was too old. Nobody was signed out; please try again.")
_OLD_PAGE = message("That page of the list is too old.")
_OTHERS = "others"


def devices_blueprint(*, sign_in: SignInPage) -> Blueprint:
    """The pages on which people see where they are signed in, and sign out there.

    Mount it below any prefix and name, beside :func:`protocol_blueprint`, whose
    styles and end-session endpoint it uses. Where sessions are in cookies it says
    that it cannot list them.

    :param sign_in: Answers with a redirect to the host's sign-in page. It is given
        the path to come back to, and is called if nobody is signed in, or if
        ``IDP_SESSION_DEVICES_AUTHENTICATION_LIFETIME`` is over: then somebody is,
        and has to prove once more who they are.
    """
    blueprint = Blueprint(
        "idp_session_devices", __name__, template_folder="../templates"
    )

    def require_user() -> ResponseReturnValue | None:
        if app_state().options.tickets == "cookie":
            return page("devices_unlisted.html", status=404)

        if request_state().user_session.user is None:
            return sign_in(_way_back() if request.method == "GET" else url_for(".list"))

        return None

    def require_fresh_authentication() -> ResponseReturnValue | None:
        return None if _is_fresh() else sign_in(_way_back())

    def end_view() -> ResponseReturnValue:
        return require_fresh_authentication() or _end()

    def end_others_view() -> ResponseReturnValue:
        return require_fresh_authentication() or _end_others()

    blueprint.before_request(require_user)
    blueprint.add_url_rule("/", "list", _list, strict_slashes=False)
    blueprint.add_url_rule("/end", "end", end_view, methods=["GET", "POST"])
    blueprint.add_url_rule(
        "/end-others", "end_others", end_others_view, methods=["GET", "POST"]
    )
    blueprint.add_url_rule("/ended", "ended", _ended)

    return blueprint


def _list(*, status: int = 200, said: str | None = None) -> Response:
    found = devices(request.args.get("page") if status == 200 else None)  # noqa: PLR2004

    if found is None:
        return _list(status=404, said=_OLD_PAGE)

    return page(
        "devices.html",
        status=status,
        found=found,
        message=said and texts_for().plain(said),
        sign_out=_sign_out(),
    )


def _end() -> ResponseReturnValue:
    session = own_session(request.args.get("device", ""))

    if session is None:
        return _list(status=404, said=_GONE)

    if session.session_id == request_state().user_session.session_id:
        # Here the browser has a part in it.
        return redirect(_sign_out(), 303)

    if request.method == "GET":
        return _question(session.session_id, device=device_of(session))

    if opened_form(request.form.get("confirmation", "")) != session.session_id:
        return _list(status=400, said=_OLD_FORM)

    return redirect(url_for(".ended", result=end_one(session)), 303)


def _end_others() -> ResponseReturnValue:
    if request.method == "GET":
        return _question(_OTHERS, device=None)

    if opened_form(request.form.get("confirmation", "")) != _OTHERS:
        return _list(status=400, said=_OLD_FORM)

    return redirect(url_for(".ended", result=end_others()), 303)


def _ended() -> ResponseReturnValue:
    result = result_of(request.args.get("result", ""))

    if result is None:
        return redirect(url_for(".list"), 303)

    return page(
        "devices_ended.html",
        connects=result.may_change,
        result=result,
        milliseconds_left=round(result.seconds_left * 1000),
    )


def _question(confirmed: str, *, device: Device | None) -> Response:
    return page(
        "devices_confirm.html",
        confirmation=sealed_form(confirmed),
        action=_way_back(),
        device=device,
    )


def _sign_out() -> str:
    return url_for(protocol_endpoint("end_session"))


def _way_back() -> str:
    # Made anew, so that nothing comes back that is not ours.
    names = ("device", "page", "result")
    given = {name: request.args[name] for name in names if name in request.args}

    return url_for(request.endpoint or ".list", **given)  # type: ignore[arg-type]


def _is_fresh() -> bool:
    app = app_state()
    longest = app.options.devices_authentication_lifetime
    user = request_state().user_session.user

    if longest is None:
        return True

    if user is None or user.authenticated_at is None:
        return False

    return app.clock.now() - user.authenticated_at <= longest
