"""A host with the administrator's pages, and what an administrator does there."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import quote

from flask import Flask
from flask import redirect
from flask.testing import FlaskClient
from werkzeug.test import TestResponse
from werkzeug.wrappers import Response

from idp_session import DeliveryState
from idp_session import Principal
from idp_session.flask import admin_blueprint
from idp_session.flask import protocol_blueprint
from idp_session.models import SendResult

from .hosts import Host
from .hosts import host_app
from .hosts import Page

__all__ = [
    "ADMIN",
    "SHOP_BACK",
    "admin_host",
    "administrator",
    "end",
    "given_up",
    "links",
    "session_id_of",
    "user_of",
]

ADMIN = "/back/office"
SHOP_BACK = "https://shop.test/back"


def admin_host(
    *, prefix: str | None = ADMIN, name: str = "office", **given: Any
) -> Host:
    """A host that mounts them.

    :param prefix: Below which path.
    :param name: Under which name.
    :param given: For :func:`host_app`; ``config`` without the prefix of settings.
    """

    def register(app: Flask) -> None:
        app.register_blueprint(protocol_blueprint(), url_prefix="/connect")
        blueprint = admin_blueprint(permission=_is_root, sign_in=_sign_in)
        app.register_blueprint(blueprint, url_prefix=prefix, name=name)

    settings = {
        f"IDP_SESSION_{key.upper()}": value
        for key, value in given.pop("config", {}).items()
    }

    return host_app(register=register, config=settings, **given)


def _is_root(user: Principal) -> bool:
    return user.subject_id == "root"


def _sign_in(way_back: str) -> Response:
    return redirect(f"/sign-in?next={quote(way_back)}", 303)


def administrator(host: Host) -> FlaskClient:
    """A browser in which the administrator is signed in."""
    return host.signed_in(subject="root")


def session_id_of(browser: FlaskClient) -> str:
    """The session that a browser is in."""
    session_id: str = browser.get("/whoami").get_json()["sid"]

    return session_id


def user_of(browser: FlaskClient) -> str | None:
    """Who is signed in in a browser."""
    subject: str | None = browser.get("/whoami").get_json()["subject"]

    return subject


def links(page: TestResponse) -> dict[str, str]:
    """Where a list goes on, by ``rel``."""
    found = re.findall(r'href="([^"]+)" rel="(\w+)"', page.text)

    return {rel: unescape(address) for address, rel in found}


def end(browser: FlaskClient, session_id: str) -> TestResponse:
    """End a session, with the question answered; gives the page after it."""
    question = Page(browser.get(f"{ADMIN}/sessions/{session_id}/end"))
    assert question.action is not None

    answer = browser.post(question.action, data=question.fields)
    assert answer.status_code == 303, answer.text

    return browser.get(answer.location)


def given_up(host: Host, status: int = 400) -> int:
    """A delivery that was given up; gives its number."""
    host.sender.answers[SHOP_BACK] = SendResult(status=status)
    host.signed_in("shop").post("/logout")
    host.deliver()
    (found,) = host.state.deliveries.query(state=DeliveryState.REFUSED)

    return found.id
