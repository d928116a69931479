"""What an examination finds."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from flask import Flask

from ..state import AppState

__all__ = ["Examined", "Finding", "FindingLevel", "error", "ok", "warning"]


class FindingLevel(enum.StrEnum):
    """How bad a finding is."""

    #: As it should be.
    OK = "ok"
    #: It works, and not as well or as safely as it could, or it was not looked at.
    WARNING = "warning"
    #: Something does not work, or is not safe.
    ERROR = "error"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at."""

    #: What it is about, such as ``"cookies"``.
    about: str
    #: How bad it is.
    level: FindingLevel
    #: What was found.
    message: str
    #: What to change; empty if there is nothing to change.
    advice: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Examined:
    """What is looked at."""

    #: The app.
    app: Flask
    #: Its collaborators.
    state: AppState
    #: Whether neither names are looked up nor other servers asked; the database is.
    offline: bool = False


def ok(about: str, message: str) -> Finding:
    """A finding that is as it should be.

    :param about: What it is about.
    :param message: What was found.
    """
    return Finding(about=about, level=FindingLevel.OK, message=message)


def warning(about: str, message: str, advice: str) -> Finding:
    """A finding that could be better.

    :param about: What it is about.
    :param message: What was found.
    :param advice: What to change.
    """
    return Finding(
        about=about, level=FindingLevel.WARNING, message=message, advice=advice
    )


def error(about: str, message: str, advice: str) -> Finding:
    """A finding that has to change.

    :param about: What it is about.
    :param message: What was found.
    :param advice: What to change.
    """
    return Finding(
        about=about, level=FindingLevel.ERROR, message=message, advice=advice
    )
