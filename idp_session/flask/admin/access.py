"""Who may look, and which requests to change something are their own."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from flask import request

from ...models import Principal
from ..catalogs import message
from ..sealing import opened_form
from ..sealing import sealed_form
from ..state import request_state
from .refusals import Refused

__all__ = [
    "Permission",
    "check_permission",
    "confirmation",
    "is_confirmed",
    "refuse_no_check",
    "require_confirmation",
]

#: Says whether somebody may use the pages and the API.
Permission = Callable[[Principal], bool]

_OLD_FORM = message("That page was too old. Nothing was done; please open it again.")
_NOT_ALLOWED = message("You may not look here.")


def refuse_no_check(permission: object) -> None:
    """Refuse what cannot keep anybody out.

    :param permission: What the host has given.
    :raises TypeError: If it is no function, or one that has to be awaited.
    """
    if not callable(permission) or inspect.iscoroutinefunction(permission):
        raise TypeError(
            "admin_blueprint needs permission: a function that is given the Principal "
            "of whoever is signed in, and returns True for administrators only"
        )


def check_permission(permission: Permission, user: Principal) -> None:
    """Refuse whoever may not look.

    :param permission: The check of the host.
    :param user: Who is signed in.
    :raises TypeError: If the check gives something else than yes or no.
    """
    allowed = permission(user)

    # A response or a coroutine would be true, and let everybody in.
    if not isinstance(allowed, bool):
        raise TypeError("the permission of admin_blueprint must return True or False")

    if not allowed:
        raise Refused(403, _NOT_ALLOWED)


def confirmation(*action: object) -> str:
    """What a form sends back to do something; it opens in this session only.

    :param action: What it does, as JSON.
    """
    return sealed_form(_bound(action))


def is_confirmed(text: str, *action: object) -> bool:
    """Whether it is a confirmation of ours, of this session, and not too old.

    :param text: As it came.
    :param action: What it has to be for.
    """
    return bool(opened_form(text) == _bound(action))


def require_confirmation(text: str, *action: object) -> None:
    """Refuse a form that is not ours, not of this session, or too old.

    :param text: As it came.
    :param action: What it has to do.
    """
    if not is_confirmed(text, *action):
        raise Refused(400, _OLD_FORM)


def _bound(action: tuple[object, ...]) -> list[object]:
    # By the session id, too: where sessions are in cookies there is no handle.
    user_session = request_state().user_session

    return [request.blueprint, *action, user_session.session_id]
