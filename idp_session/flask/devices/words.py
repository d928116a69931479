"""What the devices page says of browsers and times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from datetime import timedelta

from ..catalogs import ENGLISH
from ..catalogs import message
from ..catalogs import plural_message
from ..catalogs import Texts
from .browsers import browser_of

__all__ = ["Moment", "active_within", "ago", "device_name"]

_NOW = timedelta(minutes=5)
_MINUTE = timedelta(minutes=1)
# Each with how long ago something was, and within which time at the latest.
_UNITS = (
    (
        timedelta(days=365),
        plural_message("%(number)s year ago", "%(number)s years ago"),
        plural_message(
            "active within the last year", "active within the last %(number)s years"
        ),
    ),
    (
        timedelta(days=30),
        plural_message("%(number)s month ago", "%(number)s months ago"),
        plural_message(
            "active within the last month", "active within the last %(number)s months"
        ),
    ),
    (
        timedelta(days=1),
        plural_message("%(number)s day ago", "%(number)s days ago"),
        plural_message(
            "active within the last day", "active within the last %(number)s days"
        ),
    ),
    (
        timedelta(hours=1),
        plural_message("%(number)s hour ago", "%(number)s hours ago"),
        plural_message(
            "active within the last hour", "active within the last %(number)s hours"
        ),
    ),
    (
        _MINUTE,
        plural_message("%(number)s minute ago", "%(number)s minutes ago"),
        plural_message(
            "active within the last minute",
            "active within the last %(number)s minutes",
        ),
    ),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """An instant and its place in time."""

    #: When; aware UTC.
    at: datetime
    #: How long ago that is.
    words: str
    #: The instant to the minute.
    exact: str


def device_name(user_agent: str | None, texts: Texts = ENGLISH) -> str:
    """A browser and its system, such as "Firefox on Linux".

    :param user_agent: What it says that it is, if that was kept.
    :param texts: In which language.
    """
    browser = browser_of(user_agent)
    family, system = browser.family, browser.system

    if family and system:
        on = message("%(browser)s on %(system)s")

        return texts.plain_with(on, browser=family, system=system)

    if system:
        return texts.plain_with(message("A browser on %(system)s"), system=system)

    return family or texts.plain(message("A browser or app"))


def active_within(at: datetime, now: datetime, texts: Texts = ENGLISH) -> Moment:
    """How long ago a session was used at the latest.

    Uses are written down only when they renew the session, so it may have been used
    since; what is said is true nevertheless.

    :param at: When it was last renewed.
    :param now: The current instant.
    :param texts: In which language.
    """
    if now - at < _NOW:
        return _moment(at, texts.plain(message("active now")), texts)

    unit, _, forms = _unit(now - at)

    return _moment(at, texts.plain_plural(forms, -(-(now - at) // unit)), texts)


def ago(at: datetime, now: datetime, texts: Texts = ENGLISH) -> Moment:
    """How long ago something happened.

    :param at: When.
    :param now: The current instant.
    :param texts: In which language.
    """
    if now - at < _MINUTE:
        return _moment(at, texts.plain(message("just now")), texts)

    unit, forms, _ = _unit(now - at)

    return _moment(at, texts.plain_plural(forms, (now - at) // unit), texts)


def _moment(at: datetime, words: str, texts: Texts) -> Moment:
    exact = at.strftime(texts.plain(message("%d %b %Y, %H:%M UTC")))

    return Moment(at=at, words=words, exact=exact)


def _unit(duration: timedelta) -> tuple[timedelta, tuple[str, str], tuple[str, str]]:
    return next((each for each in _UNITS if duration >= each[0]), _UNITS[-1])
