"""The views of the pages."""

from __future__ import annotations

from flask import redirect
from flask import request
from flask import Response
from flask import url_for
from flask.typing import ResponseReturnValue

from ...models import DeliveryState
from ...models import LogoutReason
from ...models import ServerSideSession
from ...models import SessionFilter
from ..blueprints import protocol_endpoint
from ..pages import page
from ..sealing import opened
from ..sealing import Purpose
from ..sealing import sealed
from ..state import app_state
from ..state import request_state
from . import plot
from .access import confirmation
from .access import require_confirmation
from .overview import overview
from .refusals import NO_DELIVERY
from .refusals import NO_SESSION
from .refusals import Refused
from .rows import delivery_rows
from .rows import participant_rows
from .rows import session_row
from .searching import DELIVERY_CONDITIONS
from .searching import found_deliveries
from .searching import found_sessions
from .searching import given
from .searching import SESSION_CONDITIONS

__all__ = ["deliveries", "delivery", "end", "index", "retry", "session", "sessions"]

_MOST_OF_A_SESSION = 200


def index() -> Response:
    """How much there is, now and over time."""
    found = overview()

    return page(
        "admin_overview.html",
        found=found,
        sessions_plot=plot.of_sessions(found.sessions_in_time),
        deliveries_plot=plot.of_deliveries(found.deliveries_in_time),
    )


def sessions() -> Response:
    """Search and list sessions."""
    found = found_sessions()

    return page(
        "admin_sessions.html",
        found=found,
        rows=[session_row(each) for each in found.sessions],
        search=given(*SESSION_CONDITIONS),
    )


def session(session_id: str) -> Response:
    """One session, or what came of its end.

    :param session_id: As it came.
    """
    app = app_state()
    found = app.management.get(session_id)
    owed = app.deliveries.query(session_id=session_id, limit=_MOST_OF_A_SESSION)

    if found is None and not owed and not _was_ended_here(session_id):
        raise Refused(404, NO_SESSION)

    return page(
        "admin_session.html",
        session_id=session_id,
        session=session_row(found) if found else None,
        participants=participant_rows(app.management.participants(session_id)),
        rows=delivery_rows(owed),
    )


def end(session_id: str) -> ResponseReturnValue:
    """Ask whether to end a session, and end it.

    :param session_id: As it came.
    """
    found = _session(session_id)

    if found.session_id == request_state().user_session.session_id:
        # Here the browser has a part in it.
        return redirect(url_for(protocol_endpoint("end_session")), 303)

    if request.method == "GET":
        participants = app_state().management.participants(session_id)

        return page(
            "admin_end.html",
            session=session_row(found),
            participants=participant_rows(participants),
            confirmation=confirmation("end", session_id),
        )

    require_confirmation(request.form.get("confirmation", ""), "end", session_id)
    _end(session_id)
    ended = sealed(session_id, Purpose.ADMIN_ENDED)

    return redirect(url_for(".session", session_id=session_id, ended=ended), 303)


def deliveries() -> Response:
    """Search and list deliveries."""
    found, older = found_deliveries()

    return page(
        "admin_deliveries.html",
        rows=delivery_rows(found),
        older=older,
        is_first="before_id" not in request.args,
        states=tuple(DeliveryState),
        search=given(*DELIVERY_CONDITIONS),
    )


def delivery(delivery_id: int) -> Response:
    """One delivery.

    :param delivery_id: As it came.
    """
    return _delivery(delivery_id)


def retry(delivery_id: int) -> ResponseReturnValue:
    """Have a delivery tried again.

    :param delivery_id: As it came.
    """
    require_confirmation(request.form.get("confirmation", ""), "retry", delivery_id)

    if not app_state().deliveries.retry(delivery_id):
        return _delivery(delivery_id, status=409)

    return redirect(url_for(".delivery", delivery_id=delivery_id), 303)


def _delivery(delivery_id: int, *, status: int = 200) -> Response:
    found = app_state().deliveries.get(delivery_id)

    if found is None:
        raise Refused(404, NO_DELIVERY)

    return page(
        "admin_delivery.html",
        status=status,
        row=delivery_rows([found])[0],
        was_not_given_up=status != 200,  # noqa: PLR2004
    )


def _session(session_id: str) -> ServerSideSession:
    found = app_state().management.get(session_id)

    if found is None:
        raise Refused(404, NO_SESSION)

    return found


def _end(session_id: str) -> None:
    app = app_state()
    app.management.end(SessionFilter(session_id=session_id), reason=LogoutReason.ADMIN)
    # So that the page after it can already say what came of it.
    app.delivery.wait_for(session_id, at_most=app.options.back_channel_wait)


def _was_ended_here(session_id: str) -> bool:
    text = request.args.get("ended", "")

    return bool(opened(text, Purpose.ADMIN_ENDED) == session_id)
