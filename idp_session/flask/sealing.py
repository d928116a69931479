"""What the pages hand out and get back: nothing that would mean anything elsewhere.

A page names neither sessions nor handles. What it names them by is sealed, opens in
the session only that the page was made for, and leads to nothing that its user does
not own, which is looked up once more.
"""

from __future__ import annotations

import base64
import enum
import json
from typing import Any

from ..adapters.crypto import handle_key
from .state import app_state
from .state import request_state

__all__ = ["Purpose", "opened", "opened_form", "sealed", "sealed_form"]


class Purpose(enum.StrEnum):
    """What a sealed text may be used for."""

    #: Names a session.
    REFERENCE = "devices-reference"
    #: Leads to another page of the list.
    CURSOR = "devices-cursor"
    #: Says what was ended.
    RESULT = "devices-result"
    #: Names a session that an administrator has just ended.
    ADMIN_ENDED = "admin-ended"


_FORM = "devices-form"


def sealed(value: Any, purpose: Purpose) -> str:
    """A value that addresses of this session may carry.

    :param value: As JSON.
    :param purpose: What for.
    """
    return _seal(value, purpose=purpose, context=_session_id())


def opened(text: str, purpose: Purpose) -> Any:
    """The value that was sealed for this session; ``None`` if it was not.

    :param text: As it came.
    :param purpose: What for.
    """
    return _open(text, purpose=purpose, context=_session_id())


def sealed_form(value: Any) -> str:
    """A value that only a form of ours, in this browser, can send back.

    It is bound to the handle, which no other site and no other browser knows: that
    is what stops cross-site request forgery.

    :param value: What the form does, as JSON.
    """
    lifetime = app_state().options.logout_page_lifetime
    until = (app_state().clock.now() + lifetime).timestamp()

    return _seal((value, until), purpose=_FORM, context=_session_key())


def opened_form(text: str) -> Any:
    """What a form of ours does; ``None`` if it is none, a foreign or an old one.

    :param text: As it came.
    """
    content = _open(text, purpose=_FORM, context=_session_key())

    if content is None or content[1] < app_state().clock.now().timestamp():
        return None

    return content[0]


def _seal(value: Any, *, purpose: str, context: str) -> str:
    plaintext = json.dumps(value).encode()
    octets = app_state().protector.seal(plaintext, purpose=purpose, context=context)

    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def _open(text: str, *, purpose: str, context: str) -> Any:
    try:
        octets = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None

    plaintext = app_state().protector.open(octets, purpose=purpose, context=context)

    return None if plaintext is None else json.loads(plaintext)


def _session_id() -> str:
    return request_state().user_session.session_id or ""


def _session_key() -> str:
    handle = request_state().transport.handle

    return handle_key(handle) if handle else ""
