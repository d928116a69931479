"""The user's own devices: where they are signed in, and signing out there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from datetime import UTC

from flask import abort
from flask import Blueprint
from flask import redirect
from flask import request
from flask import url_for
from flask.typing import ResponseReturnValue

from idp_session import LogoutReason
from idp_session import ServerSideSession
from idp_session import SessionFilter
from idp_session.flask import user_session

from .extension import idp_session
from .pages import application_names
from .pages import page
from .people import is_same_site

__all__ = ["blueprint"]

blueprint = Blueprint("devices", __name__, url_prefix="/account/sessions")

_SHOWN = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class _Device:
    """What the page says of one session."""

    session: ServerSideSession
    applications: tuple[str, ...]
    is_this: bool


@blueprint.before_request
def require_user() -> ResponseReturnValue | None:
    """Let in whoever is signed in, and forms of our own pages only."""
    if user_session.user is None:
        return redirect(url_for("people.login", next=url_for("devices.show")), 303)

    if request.method == "POST" and not is_same_site():
        abort(403, "This form was sent from another site. Open the page and try again.")

    return None


@blueprint.get("")
def show() -> ResponseReturnValue:
    """List the devices; the one of this request comes first."""
    found = idp_session.management.query(_own(), limit=_SHOWN).sessions
    now = datetime.now(UTC)
    devices = [_device(each) for each in found if each.expires_at > now]

    return page(
        "devices.html",
        devices=sorted(devices, key=lambda each: not each.is_this),
        ended=request.args.get("ended", type=int),
    )


@blueprint.post("/<session_id>/end")
def end(session_id: str) -> ResponseReturnValue:
    """Sign out on one device.

    :param session_id: From the address; one of somebody else's is as good as none.
    """
    if session_id == user_session.session_id:
        # Here the browser has a part in it.
        return redirect(url_for("idp_session.end_session"), 303)

    ended = idp_session.management.end(
        _own(session_id), reason=LogoutReason.USER
    ) or abort(404, "You are not signed in there, or not any more.")

    return redirect(url_for("devices.show", ended=ended), 303)


@blueprint.post("/end-others")
def end_others() -> ResponseReturnValue:
    """Sign out everywhere but here."""
    ended = idp_session.management.end(
        _own(), reason=LogoutReason.USER, except_session_id=user_session.session_id
    )

    return redirect(url_for("devices.show", ended=ended), 303)


def _own(session_id: str | None = None) -> SessionFilter:
    user = user_session.user or abort(403)

    return SessionFilter(subject_id=user.subject_id, session_id=session_id)


def _device(session: ServerSideSession) -> _Device:
    return _Device(
        session=session,
        applications=application_names(session.session_id),
        is_this=session.session_id == user_session.session_id,
    )
