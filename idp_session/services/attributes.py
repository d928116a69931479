"""How the session of a request is given attributes."""

from __future__ import annotations

from ..errors import SessionGoneError
from ..ports import SessionStore
from .json_values import checked_text
from .request_session import RequestSession

__all__ = ["set_attribute", "unset_attribute"]

_LONGEST_NAME = 64
_LONGEST = 255


def set_attribute(
    session: RequestSession, name: str, value: str, *, store: SessionStore
) -> None:
    """Give the session an attribute, or begin an anonymous one with it.

    :param session: The session of the request.
    :param name: Up to 64 characters.
    :param value: Up to 255 characters.
    :param store: Where attributes are.
    :raises SessionGoneError: If the session has ended meanwhile.
    :raises ValueError: If the name or the value cannot be kept.
    """
    checked_text(name, at_most=_LONGEST_NAME)
    checked_text(value, at_most=_LONGEST, least=0)

    if session.attributes.get(name) == value:
        return

    try:
        store.set_attribute(session.begun().session_id, name, value)
    except SessionGoneError:
        session.forget()
        raise

    session.forget_attributes()


def unset_attribute(session: RequestSession, name: str, *, store: SessionStore) -> None:
    """Take an attribute from the session, if it has it.

    :param session: The session of the request.
    :param name: Which.
    :param store: Where attributes are.
    """
    current = session.current

    if current is not None and name in session.attributes:
        store.unset_attribute(current.record.session_id, name)
        session.forget_attributes()
