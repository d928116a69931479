"""The administrator's pages: all sessions, and what is owed to clients."""

from __future__ import annotations

from typing import Any

from flask import abort
from flask import Blueprint
from flask import redirect
from flask import request
from flask import url_for
from flask.typing import ResponseReturnValue

from idp_session import DeliveryState
from idp_session import LogoutReason
from idp_session import SessionFilter
from idp_session.flask import user_session

from .extension import idp_session
from .pages import application_names
from .pages import page
from .people import is_same_site
from .users import ADMINISTRATOR

__all__ = ["blueprint"]

blueprint = Blueprint("admin", __name__, url_prefix="/admin")

_PER_PAGE = 20


@blueprint.before_request
def require_administrator() -> ResponseReturnValue | None:
    """Let the administrator in, and forms of our own pages only."""
    user = user_session.user

    if user is None:
        # A form that came too late cannot be opened.
        onward = request.path if request.method == "GET" else None

        return redirect(url_for("people.login", next=onward), 303)

    if user.subject_id != ADMINISTRATOR:
        abort(403, "This page is for the administrator.")

    if request.method == "POST" and not is_same_site():
        abort(403, "This form was sent from another site. Open the page and try again.")

    return None


@blueprint.get("/sessions")
def sessions() -> ResponseReturnValue:
    """Search and list sessions."""
    search = _search("subject", "session", "client")
    wanted = SessionFilter(
        subject_id=search.get("subject"),
        session_id=search.get("session"),
        client_id=search.get("client"),
    )

    try:
        found = idp_session.management.query(
            wanted, limit=_PER_PAGE, cursor=request.args.get("cursor")
        )
    except ValueError as error:
        abort(400, str(error))

    return page(
        "admin_sessions.html",
        search=search,
        found=found,
        applications={
            each.session_id: application_names(each.session_id)
            for each in found.sessions
        },
    )


@blueprint.post("/sessions/<session_id>/end")
def end_session(session_id: str) -> ResponseReturnValue:
    """End one session.

    :param session_id: From the address.
    """
    if not idp_session.management.end(
        SessionFilter(session_id=session_id), reason=LogoutReason.ADMIN
    ):
        abort(404, "There is no such session, or not any more.")

    search = _search("subject", "session", "client")

    return redirect(url_for("admin.sessions", **search), 303)


@blueprint.get("/deliveries")
def deliveries() -> ResponseReturnValue:
    """List what is or was owed to clients."""
    search = _search("state", "client")

    if search.get("state", DeliveryState.PENDING) not in set(DeliveryState):
        abort(400, "There is no such state.")

    found = idp_session.deliveries.query(
        state=DeliveryState(search["state"]) if "state" in search else None,
        client_id=search.get("client"),
        limit=_PER_PAGE,
        before_id=request.args.get("before", type=int),
    )

    return page(
        "admin_deliveries.html",
        search=search,
        deliveries=found,
        states=list(DeliveryState),
        given_up={DeliveryState.EXPIRED, DeliveryState.FAILED, DeliveryState.REFUSED},
        older=found[-1].id if len(found) == _PER_PAGE else None,
    )


@blueprint.post("/deliveries/<int:delivery_id>/retry")
def retry(delivery_id: int) -> ResponseReturnValue:
    """Have one delivery tried again.

    :param delivery_id: From the address.
    """
    if not idp_session.deliveries.retry(delivery_id):
        abort(404, "There is no such delivery, or it was not given up.")

    return redirect(url_for("admin.deliveries", **_search("state", "client")), 303)


def _search(*names: str) -> dict[str, Any]:
    # An empty field asks for nothing.
    given = {name: request.args.get(name, "").strip() for name in names}

    return {name: text for name, text in given.items() if text}
