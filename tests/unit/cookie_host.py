"""A host whose sessions are in cookies."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from idp_session.stores.memory import MemoryDeliveryQueue

from .hosts import HANDLE
from .hosts import Host
from .hosts import host_app

__all__ = ["chunks", "cookie_host", "cookies_of", "give", "received"]


def cookie_host(**given: Any) -> Host:
    """A host over https that keeps its sessions in cookies, and the rest in memory.

    :param given: For :func:`.host_app`.
    """
    config = {"IDP_SESSION_TICKETS": "cookie", **given.pop("config", {})}
    queue = {} if "engine" in given else {"queue": MemoryDeliveryQueue()}

    return host_app(config=config, **{"store": None, **queue, **given})


def cookies_of(browser: FlaskClient) -> dict[str, str]:
    """The cookies of the session that a browser has, by name."""
    names = [HANDLE, *(f"{HANDLE}.{number}" for number in range(1, 12))]
    found = {name: browser.get_cookie(name, domain="idp.test") for name in names}

    return {name: cookie.value for name, cookie in found.items() if cookie}


def chunks(browser: FlaskClient) -> list[str]:
    """The values of these cookies, in order."""
    return list(cookies_of(browser).values())


def give(browser: FlaskClient, cookies: dict[str, str]) -> FlaskClient:
    """Make these the cookies of the session that a browser has."""
    for name in cookies_of(browser):
        browser.delete_cookie(name, domain="idp.test")

    for name, value in cookies.items():
        browser.set_cookie(name, value, domain="idp.test", secure=True, samesite="None")

    return browser


def received(host: Host, cookies: dict[str, str]) -> Any:
    """Who is signed in in a browser with these cookies."""
    response = give(host.browser(), cookies).get("/whoami")
    assert response.status_code == 200

    return response.get_json()["subject"]
