"""The handle in the Authorization header: for those without a cookie jar."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import redirect
from flask import request
from flask.testing import FlaskClient
from werkzeug.http import parse_date
from werkzeug.http import parse_dict_header
from werkzeug.test import TestResponse
from werkzeug.wrappers import Response

from idp_session import Principal

from .hosts import attributes
from .hosts import HANDLE
from .hosts import Host
from .hosts import host_app
from .hosts import SESSION_ID

BARE = {"Authorization": "Session"}
WRONG = "x" * 43


@pytest.fixture
def host() -> Host:
    return host_app(config={"IDP_SESSION_AUTHORIZATION_SCHEME": "Session"})


def handle_in(response: TestResponse) -> str:
    """The handle that a response gives."""
    return str(parse_dict_header(response.headers["Authentication-Info"])["handle"])


def tool(host: Host, subject: str = "alice") -> dict[str, str]:
    """The header of a tool that somebody has signed in with."""
    response = host.browser().post(f"/login/{subject}", headers=BARE)

    return {"Authorization": f"Session {handle_in(response)}"}


def subject(browser: FlaskClient, **headers: str) -> Any:
    """Whom a request sees."""
    response = browser.get("/whoami", headers=headers)
    assert response.status_code == 200

    return response.get_json()["subject"]


def test_the_first_handle(host: Host) -> None:
    """Who names the scheme alone gets the handle in a header, and no cookie at all."""
    response = host.browser().post("/login/alice", headers=BARE)

    assert set(parse_dict_header(response.headers["Authentication-Info"])) == {"handle"}
    assert len(handle_in(response)) == 43
    assert response.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in response.headers


def test_a_handle_to_remember(host: Host) -> None:
    """A persistent sign-in says until when the handle is good."""
    response = host.browser().post("/login/alice?remember", headers=BARE)

    info = parse_dict_header(response.headers["Authentication-Info"])
    expected = host.clock.now() + timedelta(days=90)
    assert parse_date(info["expires"]) == expected.replace(microsecond=0)


def test_nothing_new_is_no_header(host: Host) -> None:
    """As long as the handle stays nothing is said of it, and answers may be kept."""
    response = host.browser().get("/whoami", headers=tool(host))

    assert response.get_json()["subject"] == "alice"
    assert "Authentication-Info" not in response.headers
    assert "Cache-Control" not in response.headers
    assert "Set-Cookie" not in response.headers


def test_an_empty_handle_takes_it_back(host: Host) -> None:
    """After the end of the session the tool is told to forget its handle."""
    headers = tool(host)
    response = host.browser().post("/logout", headers=headers)

    assert response.headers["Authentication-Info"] == 'handle=""'
    assert response.headers["Cache-Control"] == "no-store"
    assert subject(host.browser(), **headers) is None


def test_the_header_beats_the_cookie(host: Host) -> None:
    """With the header the cookie is neither read, nor replaced, nor taken away."""
    browser = host.signed_in(subject="bob")

    assert subject(browser, **tool(host, "alice")) == "alice"
    assert subject(browser, Authorization=f"Session {WRONG}") is None
    assert subject(browser, **BARE) is None
    browser.post("/logout", headers=tool(host, "alice"))
    assert subject(browser) == "bob"


def test_a_sign_in_by_header_leaves_the_browser_alone(host: Host) -> None:
    """The session of the cookie goes on beside the one of the header."""
    browser = host.signed_in(subject="bob")

    response = browser.post("/login/alice", headers=BARE)

    assert attributes(response) == {}
    assert subject(browser) == "bob"
    assert browser.get_cookie(SESSION_ID, domain="idp.test") is not None


@pytest.mark.parametrize("scheme", ["session", "SESSION", "sEssion"])
def test_the_scheme_in_any_case(host: Host, scheme: str) -> None:
    """A scheme is compared without regard to case (RFC 9110 §11.1)."""
    handle = tool(host)["Authorization"].removeprefix("Session ")

    assert subject(host.browser(), Authorization=f"{scheme}  {handle} ") == "alice"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("Session ", id="nothing"),
        pytest.param(f"Session {WRONG}", id="unknown"),
        pytest.param("Session x", id="too short"),
        pytest.param("Session " + "x" * 4000, id="too long"),
        pytest.param(f"Session {WRONG}, Session {WRONG}", id="two"),
        pytest.param(f'Session handle="{WRONG}"', id="parameter"),
        pytest.param(f"Session {WRONG} {WRONG}", id="two words"),
        pytest.param("Session \xe4\xff", id="not ASCII"),
        pytest.param("Session \t\x0b", id="white space"),
        pytest.param("Session " + "%00" * 20, id="escapes"),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_malformed_header_is_nobody(host: Host, value: str, method: str) -> None:
    """Whatever stands there, the answer is that of a stranger; the cookie is no help."""
    browser = host.signed_in()
    path = {"get": "/whoami", "post": "/connect/endsession"}[method]

    response = browser.open(path, method=method, headers={"Authorization": value})

    assert subject(browser, Authorization=value) is None
    assert response.status_code < 400
    assert subject(browser) == "alice"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param("Bearer abc", id="token"),
        pytest.param("Basic YTpi", id="password"),
        pytest.param(f"Sessions {WRONG}", id="longer name"),
        pytest.param(f"Session:{WRONG}", id="no space"),
    ],
)
def test_other_schemes_mean_something_else(host: Host, value: str) -> None:
    """A header that is not ours does not hide the browser's session."""
    assert subject(host.signed_in(), Authorization=value) == "alice"


def test_without_the_setting_the_header_is_ignored() -> None:
    """By default no header is a session, and none hides the one of the cookie."""
    host = host_app()
    browser = host.signed_in()
    cookie = browser.get_cookie(HANDLE, domain="idp.test")
    assert cookie is not None
    headers = {"Authorization": f"Session {cookie.value}"}

    assert subject(host.browser(), **headers) is None
    assert subject(browser, **BARE) == "alice"
    assert HANDLE in attributes(host.browser().post("/login/bob", headers=BARE))


def test_a_response_that_was_lost(host: Host) -> None:
    """Who signs in again with a handle that was just replaced goes on in the session."""
    headers = tool(host)
    session_id = host.browser().post("/login/alice", headers=headers).text

    again = host.browser().post("/login/alice", headers=headers)

    assert again.text == session_id
    assert len(handle_in(again)) == 43


def test_a_redirect_gives_the_handle(host: Host) -> None:
    """A sign-in that leads on gives the handle with the redirect, not with its end."""

    @host.app.post("/log-in-and-go-on")
    def go_on() -> Response:
        log_in: Any = host.app.view_functions["log_in"]
        log_in("alice")

        return redirect("/whoami")

    response = host.browser().post("/log-in-and-go-on", headers=BARE)

    assert response.status_code == 302
    assert len(handle_in(response)) == 43


def test_a_failed_request_still_gives_the_handle(host: Host) -> None:
    """The old handle is dead after a sign-in, so the new one goes out in any case."""

    @host.app.post("/fail")
    def fail() -> tuple[str, int]:
        log_in: Any = host.app.view_functions["log_in"]
        log_in("alice")

        return "", 503

    response = host.browser().post("/fail", headers=BARE)

    headers = {"Authorization": f"Session {handle_in(response)}"}
    assert subject(host.browser(), **headers) == "alice"


def test_what_the_guide_shows_on_the_wire(host: Host) -> None:
    """The request of the guide, as it stands, gets the answer that follows it."""
    guide = Path(__file__).parents[2] / "docs" / "guides" / "transports.md"
    asked, answered = re.findall(
        r"^```text\n(.*?)^```$", guide.read_text(), re.MULTILINE | re.DOTALL
    )
    head, _, body = asked.strip().partition("\n\n")
    line, _, lines = head.partition("\n")
    method, path, _ = line.split()
    headers = dict(each.split(": ", 1) for each in lines.splitlines())
    host.app.add_url_rule(
        path,
        view_func=lambda: host.extension.sign_in(
            Principal(subject_id=request.form["username"])
        ),
        methods=[method],
    )
    response = host.app.test_client().open(
        path,
        method=method,
        headers=headers,
        data=body,
        base_url=f"https://{headers['Host']}",
    )

    sent = dict(response.headers, **{"Authentication-Info": 'handle="Qm9…"'})
    status, *shown = answered.strip().splitlines()
    assert status == f"HTTP/1.1 {response.status}"
    assert set(shown) <= {f"{name}: {value}" for name, value in sent.items()}
    assert len(handle_in(response)) == 43
