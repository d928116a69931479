"""Server-side sessions: what the client knows about each browser."""

from __future__ import annotations

import itertools
import secrets
import threading
from collections import deque
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from datetime import UTC
from typing import Any

from flask import Flask
from flask import g
from flask import Request
from flask import request as current_request
from flask import Response
from flask.sessions import SessionInterface
from flask.sessions import SessionMixin

__all__ = [
    "Browser",
    "BrowserSessions",
    "Notice",
    "SignIn",
    "current_browser",
    "session_in_words",
]

#: How many characters of a session id, and of a reason, the page shows.
_SESSION_LENGTH = 8
_REASON_LENGTH = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class SignIn:
    """What an ID token said, and what its sessions can be recognised by."""

    subject: str
    name: str
    email: str | None
    session_id: str | None
    session_state: str
    id_token: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """One thing that the client was told about a session."""

    #: Counts the notices of a browser, so that its page knows which are new.
    number: int
    channel: str
    text: str
    #: Of which session it speaks, short enough to compare by eye.
    about: str | None = None
    #: Why, in the words of who said so.
    reason: str | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class Browser(dict[str, Any], SessionMixin):
    """One browser: a single object, shared by all of its requests.

    As a mapping it is Flask's session, in which Authlib keeps its states.
    """

    def __init__(self) -> None:
        super().__init__()
        self.local_id = secrets.token_urlsafe(32)
        self.csrf_token = secrets.token_urlsafe(32)
        #: The last sign-in; the registry knows whether it is live.
        self.sign_in: SignIn | None = None
        #: Which channel ended the last sign-in.
        self.ended_by: str | None = None
        #: The last notices, newest last; they outlive the sign-in.
        self.told: deque[Notice] = deque(maxlen=20)
        self._numbers = itertools.count(1)

    def tell(
        self,
        channel: str,
        text: str,
        *,
        about: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Write down what the person in front of this browser should read.

        :param channel: How it came.
        :param text: What it means, in a sentence.
        :param about: Of which session it speaks.
        :param reason: Why, in the words of who said so.
        """
        notice = Notice(
            number=next(self._numbers),
            channel=channel,
            text=text,
            about=about,
            reason=reason and _shortened(reason, _REASON_LENGTH),
        )
        self.told.append(notice)

    @property
    def worth_keeping(self) -> bool:
        """Whether there is anything to remember."""
        return bool(self or self.told or self.sign_in)


class BrowserSessions(SessionInterface):
    """Keeps browsers in memory, each under a random id in a cookie of its own.

    :param cookie_name: The name of the cookie.
    :param secure: Whether it travels in frames of other sites, and Secure.
    :param forgotten: Hears the id of each browser that is not remembered any more.
    :param capacity: How many are remembered; the one unused for longest goes.
    """

    def __init__(
        self,
        *,
        cookie_name: str,
        secure: bool,
        forgotten: Callable[[str], object],
        capacity: int = 1000,
    ) -> None:
        self._cookie_name = cookie_name
        self._secure = secure
        self._forgotten = forgotten
        self._capacity = capacity
        self._browsers: OrderedDict[str, Browser] = OrderedDict()
        self._lock = threading.Lock()

    def open_session(self, app: Flask, request: Request) -> Browser:
        """The browser of a request; a new one, not yet remembered, if it is unknown."""
        cookie = request.cookies.get(self._cookie_name, "")

        with self._lock:
            browser = self._browsers.get(cookie)

            if browser is None:
                browser = Browser()
            else:
                self._browsers.move_to_end(cookie)

        g.browser = browser

        return browser

    def save_session(
        self, app: Flask, session: SessionMixin, response: Response
    ) -> None:
        """Remember the browser and give it its cookie, if need be."""
        browser = current_browser()

        if not browser.worth_keeping:
            return

        self._keep(browser)

        if current_request.cookies.get(self._cookie_name) != browser.local_id:
            response.set_cookie(
                self._cookie_name,
                browser.local_id,
                httponly=True,
                secure=self._secure,
                samesite="None" if self._secure else "Lax",
            )

    def rename(self, browser: Browser) -> None:
        """Give the browser a new id, so that nobody who knew the old one gains."""
        with self._lock:
            self._browsers.pop(browser.local_id, None)
            self._forgotten(browser.local_id)
            browser.local_id = secrets.token_urlsafe(32)

        self._keep(browser)

    def all(self) -> tuple[Browser, ...]:
        """The browsers that are remembered."""
        with self._lock:
            return tuple(self._browsers.values())

    def _keep(self, browser: Browser) -> None:
        with self._lock:
            self._browsers[browser.local_id] = browser

            if len(self._browsers) > self._capacity:
                oldest, _ = self._browsers.popitem(last=False)
                self._forgotten(oldest)


def session_in_words(session_id: str) -> str:
    """The beginning of a session id, enough to compare by eye."""
    return f"session {_shortened(session_id, _SESSION_LENGTH)}"


def current_browser() -> Browser:
    """The browser of the current request."""
    browser: Browser = g.browser

    return browser


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}…"
