"""Who is signed in at the client, and every way in which that ends."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from idp_session.relying_party import LogoutToken
from idp_session.relying_party import SessionRegistry

from .browsers import Browser
from .browsers import BrowserSessions
from .browsers import session_in_words
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

_ALL = "all of your sessions"
_KNOWN = "You are signed out. (Known already.)"


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
            text = "Your session ended while you signed in."
        else:
            text = "You signed in."

        browser.tell("provider", text, about=_about(sign_in))

    def renew(self, browser: Browser, sign_in: SignIn) -> bool:
        """Go on with what the provider says now; ``False`` if the user is another."""
        before = self.current(browser)

        if before is None or before.subject != sign_in.subject:
            return False

        browser.sign_in = sign_in
        self._remember(browser, sign_in)
        text = "The provider confirmed that you are signed in."
        browser.tell("iframe", text, about=_about(sign_in))

        return True

    def end(self, browser: Browser, channel: str) -> None:
        """Sign this browser out; one that is signed out stays as it is."""
        if self.current(browser) is None:
            return

        self._registry.forget(browser.local_id)
        _ended(browser, channel, about=_about(browser.sign_in))

    def end_back_channel(self, token: LogoutToken) -> None:
        """Do what a logout token says."""
        ended = self._registry.end(token)
        # backchannel §2.4: without a session it speaks of all of the subject's.
        about = session_in_words(token.session_id) if token.session_id else _ALL

        for browser in self._browsers.all():
            if browser.local_id in ended:
                _ended(browser, "back-channel", about=about, reason=token.reason)
            elif _meant(browser, token.subject, token.session_id):
                browser.tell("back-channel", _KNOWN, about=about, reason=token.reason)

    def end_front_channel(self, issuer: str | None, session_id: str | None) -> bool:
        """Do what the provider's logout page says; ``False`` if it means nobody."""
        if issuer is None or session_id is None:
            return False

        ended = self._registry.end_session(issuer=issuer, session_id=session_id)
        meant = [
            browser
            for browser in self._browsers.all()
            if browser.local_id in ended or _meant(browser, None, session_id)
        ]

        about = session_in_words(session_id)

        for browser in meant:
            if browser.local_id in ended:
                _ended(browser, "front-channel", about=about)
            else:
                browser.tell("front-channel", _KNOWN, about=about)

        return bool(meant)

    def not_confirmed(self, browser: Browser, reason: str) -> None:
        """Write down what the provider answered when it was asked silently."""
        text = "Asked without you, the provider did not confirm your session."
        about = _about(browser.sign_in)
        browser.tell("iframe", text, about=about, reason=reason)

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


def _ended(
    browser: Browser, channel: str, *, about: str | None, reason: str | None = None
) -> None:
    browser.ended_by = channel
    browser.tell(channel, _ENDED[channel], about=about, reason=reason)


def _about(sign_in: SignIn | None) -> str | None:
    if sign_in is None or sign_in.session_id is None:
        return None

    return session_in_words(sign_in.session_id)
