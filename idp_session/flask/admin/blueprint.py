"""The blueprint, and the rules for everything that is in it."""

from __future__ import annotations

from flask import Blueprint
from flask import request
from flask import Response
from flask import url_for
from flask.typing import ResponseReturnValue

from ...errors import NotInCookieModeError
from ..devices.blueprint import SignInPage
from ..languages import texts_for
from ..pages import page
from ..state import request_state
from . import api
from . import pages
from .access import check_permission
from .access import Permission
from .access import refuse_no_check
from .refusals import Refused
from .searching import DELIVERY_CONDITIONS
from .searching import given
from .searching import SESSION_CONDITIONS

__all__ = ["admin_blueprint"]

_SEARCHED = (*SESSION_CONDITIONS, *DELIVERY_CONDITIONS, "cursor", "before_id", "limit")


def admin_blueprint(*, permission: Permission, sign_in: SignInPage) -> Blueprint:
    """The pages on which administrators find sessions, and end them.

    Sessions are searched, opened and ended; logout notifications are searched, and
    tried again if they were given up. Mount it below any prefix and name, beside
    :func:`protocol_blueprint`, whose styles it uses. Where sessions are in cookies
    it says that it cannot list them, and has the notifications only. Below ``api/``
    the same is there in JSON, with its description in ``api/openapi.json``.

    :param permission: Is given the :class:`.Principal` of whoever is signed in, at
        each request, and returns ``True`` if they may look and act, else ``False``,
        which is answered 403. It may look at :data:`flask.request`.
    :param sign_in: Answers with a redirect to the host's sign-in page. It is given
        the path to come back to, and is called if nobody is signed in. The JSON
        API answers 401 then.
    :raises TypeError: If there is no such check.
    """
    refuse_no_check(permission)
    blueprint = Blueprint("idp_session_admin", __name__, template_folder="../templates")

    def require_administrator() -> ResponseReturnValue | None:
        user = request_state().user_session.user

        if user is None and _is_api():
            return api.problem(401, "Sign in first.")

        if user is None:
            return sign_in(_way_back())

        check_permission(permission, user)

        return None

    blueprint.before_request(require_administrator)
    blueprint.register_error_handler(Refused, _refuse)
    blueprint.register_error_handler(NotInCookieModeError, _refuse_cookie_mode)
    _add_pages(blueprint)
    _add_api(blueprint)

    return blueprint


def _add_pages(blueprint: Blueprint) -> None:
    add = blueprint.add_url_rule
    add("/", "index", pages.index, strict_slashes=False)
    add("/sessions", "sessions", pages.sessions)
    add("/sessions/<session_id>", "session", pages.session)
    add("/sessions/<session_id>/end", "end", pages.end, methods=["GET", "POST"])
    add("/deliveries", "deliveries", pages.deliveries)
    add("/deliveries/<int:delivery_id>", "delivery", pages.delivery)
    add("/deliveries/<int:delivery_id>/retry", "retry", pages.retry, methods=["POST"])


def _add_api(blueprint: Blueprint) -> None:
    for path, name, view, method in (
        ("/openapi.json", "description", api.description, "GET"),
        ("/token", "token", api.token, "GET"),
        ("/counts", "counts", api.counts, "GET"),
        ("/sessions", "sessions", api.sessions, "GET"),
        ("/sessions/<session_id>", "session", api.session, "GET"),
        ("/sessions/<session_id>", "end", api.end, "DELETE"),
        ("/deliveries", "deliveries", api.deliveries, "GET"),
        ("/deliveries/<int:delivery_id>", "delivery", api.delivery, "GET"),
        ("/deliveries/<int:delivery_id>/retry", "retry", api.retry, "POST"),
    ):
        blueprint.add_url_rule(
            f"/api{path}", f"{api.PREFIX}{name}", view, methods=[method]
        )


def _is_api() -> bool:
    view = (request.endpoint or "").rpartition(".")[2]

    return view.startswith(api.PREFIX)


def _refuse(refused: Refused) -> Response:
    if _is_api():
        return api.problem(refused.status, refused.message())

    return page(
        "admin_problem.html",
        status=refused.status,
        message=refused.message(texts_for()),
        may_look=refused.status != 403,  # noqa: PLR2004
    )


def _refuse_cookie_mode(error: NotInCookieModeError) -> Response:
    if _is_api():
        return api.problem(404, str(error))

    return page("admin_unlisted.html", status=404)


def _way_back() -> str:
    if request.method != "GET" or request.endpoint is None:
        return url_for(".index")

    # Made anew, so that nothing comes back that is not ours.
    places = request.view_args or {}

    return url_for(request.endpoint, **places, **given(*set(_SEARCHED) - set(places)))  # type: ignore[arg-type]
