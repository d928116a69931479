"""The JSON API: the same things under the same rules as the pages."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from datetime import timedelta
from typing import Any

from flask import request
from flask import Response
from flask import url_for

from ...models import Delivery
from ...models import DeliveryState
from ...models import LogoutReason
from ...models import Participant
from ...models import ServerSideSession
from ...models import SessionFilter
from ..state import app_state
from . import openapi
from .access import confirmation
from .access import is_confirmed
from .overview import Count
from .overview import overview
from .refusals import NO_DELIVERY
from .refusals import NO_SESSION
from .refusals import Refused
from .searching import DELIVERY_CONDITIONS
from .searching import found_deliveries
from .searching import found_sessions
from .searching import SESSION_CONDITIONS

__all__ = [
    "PREFIX",
    "answer",
    "counts",
    "deliveries",
    "delivery",
    "description",
    "end",
    "problem",
    "retry",
    "session",
    "sessions",
    "token",
]

#: How the endpoints of the API are called; no page is called so.
PREFIX = "api_"

_ACTION = "api"

#: What is shown of a session: neither its key nor its ticket.
_SESSION = tuple(openapi.SESSION)


def description() -> Response:
    """What the API can do, in OpenAPI 3.1."""
    return answer(openapi.description(url_for(".index").rstrip("/")))


def token() -> Response:
    """A value for the header with which changes have to come."""
    return answer(
        {
            "token": confirmation(_ACTION),
            "expires_in": app_state().options.logout_page_lifetime,
        }
    )


def counts() -> Response:
    """How much there is, now and over time."""
    _refuse_others()
    found = overview()

    return answer(
        {
            "sessions": found.sessions and _count(found.sessions),
            "sessions_in_time": [
                {
                    "begins_at": each.begins_at,
                    "ends_at": each.ends_at,
                    **_count(each.count),
                }
                for each in found.sessions_in_time
            ],
            "pending": _count(found.pending),
            "oldest_pending_at": found.oldest_pending_at,
            "latest_deliveries": found.looked_at,
            "deliveries_in_time": [
                {
                    "begins_at": each.begins_at,
                    "ends_at": each.ends_at,
                    "by_state": {
                        state: each.by_state[state] for state in DeliveryState
                    },
                }
                for each in found.deliveries_in_time
            ],
        }
    )


def sessions() -> Response:
    """Search and list sessions."""
    _refuse_others(*SESSION_CONDITIONS, "cursor", "limit")
    found = found_sessions()

    return answer(
        {
            "sessions": [_session(each) for each in found.sessions],
            "next": found.next,
            "previous": found.previous,
            "estimate": found.estimate,
            "estimate_is_lower_bound": found.estimate_is_lower_bound,
        }
    )


def session(session_id: str) -> Response:
    """One session and who takes part in it.

    :param session_id: As it came.
    """
    _refuse_others()
    management = app_state().management
    found = management.get(session_id)

    if found is None:
        raise Refused(404, NO_SESSION)

    participants = [_participant(each) for each in management.participants(session_id)]

    return answer({**_session(found), "participants": participants})


def end(session_id: str) -> Response:
    """End a session.

    :param session_id: As it came.
    """
    _refuse_others()
    _require_token()
    ended = app_state().management.end(
        SessionFilter(session_id=session_id), reason=LogoutReason.ADMIN
    )

    if not ended:
        raise Refused(404, NO_SESSION)

    return answer(None, status=204)


def deliveries() -> Response:
    """Search and list deliveries."""
    _refuse_others(*DELIVERY_CONDITIONS, "before_id", "limit")
    found, older = found_deliveries()

    return answer({"deliveries": [_delivery(each) for each in found], "next": older})


def delivery(delivery_id: int) -> Response:
    """One delivery.

    :param delivery_id: As it came.
    """
    _refuse_others()

    return answer(_delivery(_existing(delivery_id)))


def retry(delivery_id: int) -> Response:
    """Have a delivery tried again.

    :param delivery_id: As it came.
    """
    _refuse_others()
    _require_token()

    if not app_state().deliveries.retry(delivery_id):
        _existing(delivery_id)
        raise Refused(409, "It was not given up, so it is not tried again.")

    return answer(_delivery(_existing(delivery_id)), status=202)


def problem(status: int, message: str) -> Response:
    """Why something was not done (RFC 9457).

    :param status: The HTTP status.
    :param message: Why.
    """
    response = answer({"status": status, "detail": message}, status=status)
    response.mimetype = "application/problem+json"

    if status == 401:  # noqa: PLR2004
        # RFC 9110 §15.5.2: there has to be a challenge.
        response.headers["WWW-Authenticate"] = 'Cookie realm="administration"'

    return response


def answer(content: Any, *, status: int = 200) -> Response:
    """An answer that nobody keeps.

    :param content: For JSON; ``None`` for none.
    :param status: The HTTP status.
    """
    text = None if content is None else json.dumps(content, default=_as_json)
    response = Response(text, status=status, mimetype="application/json")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.cache_control.no_store = True

    return response


def _existing(delivery_id: int) -> Delivery:
    found = app_state().deliveries.get(delivery_id)

    if found is None:
        raise Refused(404, NO_DELIVERY)

    return found


def _require_token() -> None:
    name = openapi.TOKEN_HEADER

    if not is_confirmed(request.headers.get(name, ""), _ACTION):
        raise Refused(
            400, "%(name)s is missing, foreign or too old; ask for a token", name=name
        )


def _refuse_others(*names: str) -> None:
    # Who writes "subject" for "subject_id" must not get, or end, all of them.
    if others := sorted(request.args.keys() - set(names)):
        raise Refused(400, "unknown parameters: %(names)s", names=", ".join(others))


def _count(count: Count) -> dict[str, Any]:
    return dataclasses.asdict(count)


def _session(found: ServerSideSession) -> dict[str, Any]:
    return {name: getattr(found, name) for name in _SESSION}


def _participant(participant: Participant) -> dict[str, Any]:
    return dataclasses.asdict(participant)


def _delivery(found: Delivery) -> dict[str, Any]:
    return dataclasses.asdict(found)


def _as_json(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()

    if isinstance(value, timedelta):
        return value.total_seconds()

    raise TypeError(f"{type(value).__name__} is no JSON")
