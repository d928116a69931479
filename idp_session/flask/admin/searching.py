"""What is looked for, as an address says it."""

from __future__ import annotations

from flask import request

from ...models import Delivery
from ...models import DeliveryState
from ...models import SessionFilter
from ...models import SessionPage
from ..catalogs import message
from ..state import app_state
from .refusals import Refused

__all__ = ["found_deliveries", "found_sessions", "given", "limit"]

#: What each list can be searched by.
SESSION_CONDITIONS = ("subject_id", "display_name", "session_id", "client_id")
DELIVERY_CONDITIONS = ("state", "client_id", "session_id")

_USUAL = 25
_LARGEST = 200
_NO_CURSOR = message("This is not the cursor of a page; begin with the first page.")
_WRONG_LIMIT = message("limit must be between 1 and %(most)s")
_NO_STATE = message("There is no such state.")
_NO_NUMBER = message("%(name)s must be a whole number")


def given(*names: str) -> dict[str, str]:
    """The conditions of the current request; an empty field asks for nothing.

    :param names: What may be asked for.
    """
    texts = {name: request.args.get(name, "").strip() for name in names}

    return {name: text for name, text in texts.items() if text}


def found_sessions() -> SessionPage:
    """The page of the list of sessions that the current request asks for."""
    wanted = SessionFilter(**given(*SESSION_CONDITIONS))  # type: ignore[arg-type]

    try:
        return app_state().management.query(
            wanted, limit=limit(), cursor=request.args.get("cursor")
        )
    except ValueError:
        raise Refused(400, _NO_CURSOR) from None


def found_deliveries() -> tuple[tuple[Delivery, ...], int | None]:
    """The deliveries that the current request asks for, and where they go on."""
    search = given(*DELIVERY_CONDITIONS)
    most = limit()
    # One more than asked for tells whether the list goes on.
    found = app_state().deliveries.query(
        state=_state(search.get("state")),
        client_id=search.get("client_id"),
        session_id=search.get("session_id"),
        limit=most + 1,
        before_id=_number("before_id"),
    )
    shown = found[:most]

    return shown, shown[-1].id if len(found) > most else None


def limit() -> int:
    """How many entries are asked for."""
    number = _number("limit")

    if number is None:
        return _USUAL

    if not 1 <= number <= _LARGEST:
        raise Refused(400, _WRONG_LIMIT, most=_LARGEST)

    return number


def _state(text: str | None) -> DeliveryState | None:
    try:
        return None if text is None else DeliveryState(text)
    except ValueError:
        raise Refused(400, _NO_STATE) from None


def _number(name: str) -> int | None:
    text = request.args.get(name)

    # Longer ones are in no database, and none reads other digits than these.
    if text and not (text.isascii() and text.isdecimal() and len(text) <= 18):  # noqa: PLR2004
        raise Refused(400, _NO_NUMBER, name=name)

    return int(text) if text else None
