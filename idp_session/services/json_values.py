"""Values and texts that can be kept and come back as they were."""

from __future__ import annotations

import json
import math
from typing import Any

__all__ = ["checked_text", "to_json"]

_DEEPEST = 100
_SCALARS = frozenset({str, int, bool, type(None)})


def checked_text(text: str, *, at_most: int, least: int = 1) -> str:
    """The text, if every database can keep it.

    :param text: A name, or the value of an attribute.
    :param at_most: How many characters it may have.
    :param least: How many it must have.
    :raises TypeError: If it is not a string.
    :raises ValueError: If it is too long or too short, or has characters that some
        database refuses.
    """
    if type(text) is not str:
        raise TypeError(f"a string is needed, not {type(text).__name__}")

    if not least <= len(text) <= at_most:
        raise ValueError(f"{least} to {at_most} characters are needed")

    if "\0" in text or not _is_encodable(text):
        raise ValueError("NUL and halves of characters cannot be kept")

    return text


def _is_encodable(text: str) -> bool:
    # Half of a surrogate pair is not a character.
    return not any("\ud800" <= character <= "\udfff" for character in text)


def to_json(name: str, value: Any) -> str:
    """A value as JSON from which exactly this value comes back.

    :param name: What to call it in messages.
    :param value: The value.
    :raises TypeError: If JSON cannot say it; the message says where.
    """
    _check(value, name, depth=0)

    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        # An integer of thousands of digits.
        raise TypeError(f"{name} cannot be written as JSON: {error}") from None


def _check(value: Any, place: str, *, depth: int) -> None:
    if depth > _DEEPEST:
        raise TypeError(f"{place[:60]}… contains itself, or is nested too deeply")

    if type(value) is dict:
        for name, each in value.items():
            _check_member(name, place)
            _check(each, f"{place}.{name}", depth=depth + 1)
    elif type(value) is list:
        for number, each in enumerate(value):
            _check(each, f"{place}[{number}]", depth=depth + 1)
    elif not _is_scalar(value):
        raise TypeError(f"{place} is not a JSON value but {_described(value)}")


def _check_member(name: object, place: str) -> None:
    if type(name) is not str:
        raise TypeError(
            f"a name in {place} is not a string but of type {type(name).__name__}"
        )


def _is_scalar(value: object) -> bool:
    if type(value) is float:
        return math.isfinite(value)

    return type(value) in _SCALARS


def _described(value: object) -> str:
    if type(value) is float:
        return repr(value)

    return f"of type {type(value).__name__}"
