"""Who is signed in at the client, and every way in which that ends."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from idp_session.relying_party import LogoutToken
from idp_session.relying_party import SessionRegistry

from .browsers import Browser
from .browsers import BrowserSessions
from .browsers import Notice
from .browsers import SignIn

__all__ = ["SignIns"]

_ENDED: Mapping[str, str] = MappingProxyType(
    {
        "here": "You signed out here.",
        "back-channel": "You have been signed out by the back channel.",
        "front-channel": "You have been signed out by the front channel.",
        "iframe": "You have been signed out: noticed by the iframe.",
    }
)


class SignIns:
    """Keeps the registry of sessions and what each browser was told in step.

    :param issuer: The issuer identifier of the provider.
    :param registry: Knows which sign-ins are live.
    :param browsers: The browsers that are remembered.
    """

    def __init__(
        self, *, issuer: str, registry: SessionRegistry, browsers: BrowserSessions
    ) -> None:
        self._issuer = issuer
        self._registry = registry
        self._browsers = browsers

    def current(self, browser: Browser) -> SignIn | None:
        """The sign-in of a browser, unless it has ended."""
        return browser.sign_in if self._registry.is_live(browser.local_id) else None

    def begin(self, browser: Browser, sign_in: SignIn) -> None:
        """Sign in; the browser gets a new id."""
        self._browsers.rename(browser)
        browser.sign_in = sign_in
        browser.ended_by = None
        self._remember(browser, sign_in)

        if self.current(browser) is None:
            _tell(browser, "provider", "Your session ended while you signed in.")
        else:
            _tell(browser, "provider", "You signed in.")

    def renew(self, browser: Browser, sign_in: SignIn) -> bool:
        """Go on with what the provider says now; ``False`` if the user is another."""
        before = self.current(browser)

        if before is None or before.subject != sign_in.subject:
            return False

        browser.sign_in = sign_in
        self._remember(browser, sign_in)
        _tell(browser, "iframe", "The provider confirmed that you are signed in.")

        return True

    def end(self, browser: Browser, channel: str) -> None:
        """Sign this browser out; one that is signed out stays as it is."""
        if self.current(browser) is None:
            return

        self._registry.forget(browser.local_id)
        _ended(browser, channel)

    def end_back_channel(self, token: LogoutToken) -> None:
        """Do what a logout token says."""
        ended = self._registry.end(token)

        for browser in self._browsers.all():
            if browser.local_id in ended:
                _ended(browser, "back-channel")
            elif _meant(browser, token.subject, token.session_id):
                _tell(browser, "back-channel", "You are signed out. (Known already.)")

    def end_front_channel(self, issuer: str | None, session_id: str | None) -> None:
        """Do what the provider's logout page says."""
        if issuer is None or session_id is None:
            return

        ended = self._registry.end_session(issuer=issuer, session_id=session_id)

        for browser in self._browsers.all():
            if browser.local_id in ended:
                _ended(browser, "front-channel")
            elif _meant(browser, None, session_id):
                _tell(browser, "front-channel", "You are signed out. (Known already.)")

    def note(self, browser: Browser, text: str) -> None:
        """Write down what the provider sent word of."""
        _tell(browser, "provider", text)

    def status(self, browser: Browser) -> str:
        """One sentence for the person in front of the browser."""
        if self.current(browser) is not None:
            return "You are signed in."

        return _ENDED.get(browser.ended_by or "", "You are not signed in.")

    def _remember(self, browser: Browser, sign_in: SignIn) -> None:
        self._registry.remember(
            browser.local_id,
            issuer=self._issuer,
            subject=sign_in.subject,
            session_id=sign_in.session_id,
        )


def _meant(browser: Browser, subject: str | None, session_id: str | None) -> bool:
    if browser.sign_in is None:
        return False

    if session_id is not None:
        return browser.sign_in.session_id == session_id

    return browser.sign_in.subject == subject


def _ended(browser: Browser, channel: str) -> None:
    browser.ended_by = channel
    _tell(browser, channel, _ENDED[channel])


def _tell(browser: Browser, channel: str, text: str) -> None:
    browser.told.append(Notice(channel=channel, text=text))
