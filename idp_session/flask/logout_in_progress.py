"""A logout that goes on in the browser, carried by a sealed cookie."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass

from flask import current_app
from flask import request
from flask import url_for

from ..models import Client
from ..models import Delivery
from ..models.logout_results import latest_by_client
from .blueprints import protocol_endpoint
from .state import app_state
from .transport import CookieSpec
from .transport import handle_cookie

__all__ = ["LogoutInProgress", "logout_cookie", "page_ends_at"]

_PURPOSE = "logout-in-progress"
# Browsers keep about 4096 characters of name, value and attributes.
_LONGEST_COOKIE = 3800


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoutInProgress:
    """What the page at the end of a logout has to know."""

    #: The session that has ended, or that one client has left.
    session_id: str
    #: For how long the page may be shown; a timestamp.
    until: float
    #: Where to go on to; has been validated.
    redirect_uri: str | None = None
    #: The client that asked, or that was left.
    client_id: str | None = None
    #: Whether only that client was left, and the session goes on.
    is_departure: bool = False
    #: Whether it was asked to go on to an address that is not allowed.
    is_misled: bool = False
    #: The languages that the request asked for, best first.
    languages: Sequence[str] = ()

    @classmethod
    def opened(cls, text: str | None) -> LogoutInProgress | None:
        """What was sealed; ``None`` if it is not of this version, or too old.

        :param text: The value of the cookie, as it came.
        """
        try:
            sealed = bytes.fromhex(text or "")
        except ValueError:
            return None

        plaintext = app_state().protector.open(sealed, purpose=_PURPOSE)
        content = {} if plaintext is None else json.loads(plaintext)

        # While a new version is rolled out, the other one may have sealed it.
        if content.keys() != cls.__dataclass_fields__.keys():
            return None

        logout = cls(**content)

        return None if logout.until < app_state().clock.now().timestamp() else logout

    @classmethod
    def of_earlier_click(cls, session_key: str) -> LogoutInProgress | None:
        """The logout of this browser whose last page it has not seen yet.

        If the answer to the earlier click has come, the cookie came with it. If not,
        the browser still has the handle of the session that has ended.

        :param session_key: The key of the session that the request came with.
        """
        texts = (
            request.cookies.get(logout_cookie().name),
            app_state().recent_logouts.find(session_key),
        )
        found = map(cls.opened, texts)

        return next((each for each in found if each and not each.is_departure), None)

    def remember(self, *, session_key: str) -> None:
        """Keep it for a second click, which may come before the answer to the first.

        :param session_key: The key of the session that ends.
        """
        sealed = self.sealed()

        if sealed is not None:
            app_state().recent_logouts.remember(session_key, sealed)

    def sealed(self) -> str | None:
        """The value of the cookie.

        :returns: ``None`` if it is too long, which the state of a client can make it:
            browsers would drop the cookie, and the frames with it.
        """
        plaintext = json.dumps(dataclasses.asdict(self)).encode()
        value = app_state().protector.seal(plaintext, purpose=_PURPOSE).hex()

        return value if len(value) <= _LONGEST_COOKIE else None

    @property
    def client(self) -> Client | None:
        """The client that asked, or that was left, as it is registered now."""
        return app_state().clients.get(self.client_id) if self.client_id else None

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """What is or was owed: to everybody, or to the one that was left."""
        found = app_state().queue.of_session(self.session_id)

        if not self.is_departure:
            return found

        theirs = [each for each in found if each.client_id == self.client_id]

        return latest_by_client(theirs)


def logout_cookie() -> CookieSpec:
    """The cookie that carries it."""
    app = app_state()
    handle = handle_cookie(app.options, root=current_app.config["APPLICATION_ROOT"])

    return CookieSpec(
        name=f"{app.options.cookie_name}_logout",
        # The endpoint itself is told too: a second click comes there.
        path=url_for(protocol_endpoint("end_session")),
        domain=None,
        secure=handle.secure,
        http_only=True,
        same_site="Lax",
    )


def page_ends_at() -> float:
    """Until when a page that is shown now may be used; a timestamp."""
    app = app_state()

    return (app.clock.now() + app.options.logout_page_lifetime).timestamp()
