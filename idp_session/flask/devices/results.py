"""Ending other devices, and what became of the applications there."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from ...models import LogoutReason
from ...models import ServerSideSession
from ..applications import Application
from ..applications import applications_of
from ..languages import texts_for
from ..sealing import opened
from ..sealing import Purpose
from ..sealing import sealed
from ..state import app_state
from ..state import request_state
from . import words
from .listing import own

__all__ = ["EndedDevice", "Result", "end_one", "end_others", "result_of"]

# The others are counted: an address has to hold the list.
_NAMED = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class EndedDevice:
    """A session that has ended, and its applications."""

    #: Its browser and system in words.
    name: str
    #: What has become of each application.
    applications: tuple[Application, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What came of signing out on devices."""

    #: How many were signed out.
    count: int
    #: For how long the page may be looked at again.
    seconds_left: float
    #: Some of them, at the most twenty.
    devices: tuple[EndedDevice, ...]

    @property
    def may_change(self) -> bool:
        """Whether something else may have to be said later."""
        return any(
            application.may_change
            for device in self.devices
            for application in device.applications
        )


def end_one(session: ServerSideSession) -> str:
    """End one session of the user's.

    :param session: Which.
    :returns: What :func:`result_of` wants.
    """
    return _ended(
        app_state().management.end(own(session.session_id), reason=LogoutReason.USER),
        (session,),
    )


def end_others() -> str:
    """End all sessions of the user but this one.

    :returns: What :func:`result_of` wants.
    """
    management = app_state().management
    current = request_state().user_session.session_id
    some = management.query(own(), limit=_NAMED + 1).sessions
    others = [each for each in some if each.session_id != current]

    return _ended(
        management.end(own(), reason=LogoutReason.USER, except_session_id=current),
        others[:_NAMED],
    )


def result_of(text: str) -> Result | None:
    """What is known by now; ``None`` if it is not, or was too long ago.

    :param text: As it came.
    """
    app = app_state()
    content = opened(text, Purpose.RESULT)

    if content is None or content["until"] < app.clock.now().timestamp():
        return None

    return Result(
        count=content["count"],
        seconds_left=content["until"] - app.clock.now().timestamp(),
        devices=tuple(
            EndedDevice(name=name, applications=_applications(session_id))
            for session_id, name in content["sessions"]
        ),
    )


def _ended(count: int, sessions: Iterable[ServerSideSession]) -> str:
    app = app_state()
    # Another browser may have been faster; then nothing was ended here.
    named = [
        (each.session_id, words.device_name(each.user_agent, texts_for()))
        for each in sessions
        if count
    ]
    _wait_for(session_id for session_id, _ in named)

    until = (app.clock.now() + app.options.logout_page_lifetime).timestamp()
    content = {"count": count, "sessions": named, "until": until}

    return sealed(content, Purpose.RESULT)


def _wait_for(session_ids: Iterable[str]) -> None:
    app = app_state()
    until = time.monotonic() + app.options.back_channel_wait.total_seconds()

    for session_id in session_ids:
        left = timedelta(seconds=max(until - time.monotonic(), 0))
        app.delivery.wait_for(session_id, at_most=left)


def _applications(session_id: str) -> tuple[Application, ...]:
    deliveries = app_state().queue.of_session(session_id)

    # The frames of a front-channel logout belong into the browser that was signed
    # out, and this is another one.
    return tuple(
        dataclasses.replace(each, frame_uri=None)
        for each in applications_of(session_id, deliveries)
    )
