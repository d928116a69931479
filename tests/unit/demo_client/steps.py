"""What a browser does at a demo client."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs
from urllib.parse import urlsplit

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sample_idp.demo_client import create_app

BASE_URL = "http://127.0.0.1:5001"
ALICE: dict[str, Any] = {"sub": "alice", "sid": "session-1", "name": "Alice"}


#: From a redirect to the callback; returns what comes of it.
SignIn = Callable[..., TestResponse]


def make_app(issuer: str, **options: Any) -> Flask:
    registered: dict[str, Any] = {
        "name": "Shop",
        "client_id": "shop",
        "client_secret": "secret",
        "issuer": issuer,
        "base_url": BASE_URL,
        "cookie_name": "shop_session",
        "secure_cookies": False,
    }

    return create_app(**registered | options)


def query(response: TestResponse) -> dict[str, str]:
    parts = urlsplit(response.headers["Location"])

    return {name: values[0] for name, values in parse_qs(parts.query).items()}


def attribute(page: TestResponse, name: str) -> str | None:
    found = re.search(rf'{name}="([^"]*)"', page.text)

    return found and found.group(1)


def csrf_token(browser: FlaskClient) -> str:
    token = attribute(browser.get("/"), "data-csrf-token")

    return token or ""


def notices(browser: FlaskClient) -> list[dict[str, Any]]:
    session: dict[str, Any] = browser.get("/session.json").get_json()
    told: list[dict[str, Any]] = session["told"]

    return told


def told(browser: FlaskClient) -> list[str]:
    return [notice["channel"] for notice in notices(browser)]


def is_signed_in(browser: FlaskClient) -> bool:
    session: dict[str, Any] = browser.get("/session.json").get_json()
    signed_in: bool = session["signed_in"]

    return signed_in


def front_channel(browser: FlaskClient, issuer: str, sid: str) -> TestResponse:
    return browser.application.test_client().get(
        "/front-channel-logout", query_string={"iss": issuer, "sid": sid}
    )
