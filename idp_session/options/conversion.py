"""Values of the app's config, as the settings want them."""

from __future__ import annotations

import re
import typing
from datetime import timedelta
from typing import Any
from typing import Literal

from ..errors import ConfigurationError

__all__ = ["PREFIX", "converted", "refused"]

#: What the name of each setting begins with in the app's config.
PREFIX = "IDP_SESSION_"


def converted(name: str, value: Any, hint: Any) -> Any:
    """A value of the app's config as the type of its setting wants it.

    :param name: The setting, in small letters and without the prefix.
    :param value: As it is in the config.
    :param hint: The type of the setting.
    :raises ConfigurationError: If it is not of that type.
    """
    wanted = typing.get_args(hint) or (hint,)

    if value is None and type(None) in wanted:
        return None

    if any(typing.get_origin(each) is tuple for each in (*wanted, hint)):
        return _numbers(name, value) if int in wanted else _strings(name, value)

    if timedelta in wanted:
        return _duration(name, value)

    for choices in (*wanted, hint):
        if typing.get_origin(choices) is Literal:
            return _one_of(name, value, typing.get_args(choices))

    expected = next(kind for kind in wanted if kind is not type(None))

    if type(value) is not expected:
        raise refused(name, f"a value of type {expected.__name__}")

    return value


def _duration(name: str, value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value

    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refused(name, "a duration in seconds")

    try:
        return timedelta(seconds=value)
    except (OverflowError, ValueError):
        raise refused(name, "a duration in seconds that fits a calendar") from None


def _strings(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]

    if not isinstance(value, list | tuple) or not all(
        isinstance(part, str) for part in value
    ):
        raise refused(name, "a list of strings, or one string with commas")

    return tuple(value)


def _numbers(name: str, value: Any) -> tuple[int, ...]:
    if type(value) is int:
        return (value,)

    if isinstance(value, str):
        value = [_number(part) for part in value.split(",") if part.strip()]

    if not isinstance(value, list | tuple) or not all(
        type(part) is int for part in value
    ):
        raise refused(name, "a list of whole numbers, or one string with commas")

    return tuple(value)


def _number(text: str) -> int | None:
    # A few digits: int() would take other scripts, signs and underscores too.
    digits = text.strip()

    return int(digits) if re.fullmatch("[0-9]{1,9}", digits) else None


def _one_of(name: str, value: Any, choices: tuple[str, ...]) -> str:
    if value not in choices:
        *others, last = [f'"{choice}"' for choice in choices]
        raise refused(name, f"{', '.join(others)} or {last}")

    return str(value)


def refused(name: str, wanted: str) -> ConfigurationError:
    """The error of a setting that cannot be as it is.

    :param name: The setting, in small letters and without the prefix.
    :param wanted: What it must be.
    """
    return ConfigurationError(f"{PREFIX}{name.upper()} must be {wanted}")
