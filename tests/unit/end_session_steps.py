"""What a browser does at the end-session endpoint."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from .hosts import Host
from .hosts import Page

END = "/connect/endsession"
CALLBACK = "/connect/endsession/callback"
COOKIE = "idp_session_logout"


def sid_of(browser: FlaskClient) -> str:
    session_id: str = browser.get("/whoami").get_json()["sid"]

    return session_id


def sent(browser: FlaskClient, method: str, given: dict[str, Any]) -> TestResponse:
    """A request with its parameters where the method has them."""
    if method == "GET":
        return browser.get(END, query_string=given)

    return browser.post(END, data=given)


def is_signed_in(browser: FlaskClient) -> bool:
    return browser.get("/whoami").get_json()["subject"] is not None


def is_question(response: TestResponse) -> bool:
    return response.status_code == 200 and "Do you want to sign out?" in response.text


def confirmed(
    browser: FlaskClient, question: TestResponse, answer: str = "yes"
) -> TestResponse:
    """What comes when the user answers."""
    page = Page(question)

    return browser.post(page.action or "", data={**page.fields, "answer": answer})


def other_session(host: Host, _: FlaskClient) -> str:
    return host.hint(sid=sid_of(host.signed_in("shop")))
