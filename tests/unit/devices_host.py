"""A host with the pages of the user's own devices, and what a person does there."""

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

from idp_session.flask import devices_blueprint
from idp_session.flask import protocol_blueprint

from .hosts import Host
from .hosts import host_app
from .hosts import Page

__all__ = [
    "CHROME",
    "FIREFOX",
    "LIST",
    "devices_host",
    "end_links",
    "question",
    "sign_in",
]

LIST = "/account/sessions/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Mobile Safari/537.36"
)


def devices_host(
    *,
    prefix: str | None = "/account/sessions",
    name: str = "own",
    protocol: str = "idp_session",
    **given: Any,
) -> Host:
    """A host that mounts them.

    :param prefix: Below which path.
    :param name: Under which name.
    :param protocol: Under which name the protocol endpoints are.
    :param given: For :func:`host_app`; ``config`` without the prefix of settings.
    """

    def register(app: Flask) -> None:
        app.register_blueprint(
            protocol_blueprint(), url_prefix="/connect", name=protocol
        )
        blueprint = devices_blueprint(sign_in=_sign_in)
        app.register_blueprint(blueprint, url_prefix=prefix, name=name)

    settings = {
        f"IDP_SESSION_{key.upper()}": value
        for key, value in given.pop("config", {}).items()
    }

    return host_app(register=register, config=settings, **given)


def _sign_in(way_back: str) -> Response:
    return redirect(f"/sign-in?next={quote(way_back)}", 303)


def sign_in(
    host: Host,
    *clients: str,
    subject: str = "alice",
    user_agent: str = FIREFOX,
    address: str = "203.0.113.77",
) -> FlaskClient:
    """A browser in which somebody uses these clients."""
    browser = host.browser()
    browser.post(
        f"/login/{subject}",
        headers={"User-Agent": user_agent},
        environ_overrides={"REMOTE_ADDR": address},
    )

    for client in clients:
        browser.post(f"/join/{client}")

    return browser


def end_links(page: TestResponse) -> list[str]:
    """Where one can sign out on another device."""
    return [
        unescape(each) for each in re.findall(r'href="([^"]*/end\?[^"]*)"', page.text)
    ]


def question(browser: FlaskClient, address: str) -> tuple[str, dict[str, str]]:
    """Where the form of a confirmation page goes, and its fields."""
    answer = browser.get(address)
    assert answer.status_code == 200, answer.text
    page = Page(answer)
    assert page.action is not None

    return page.action, page.fields
