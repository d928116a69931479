"""The sample provider: signing in, and its pages."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from .hosts import attributes
from .hosts import HANDLE
from .hosts import SESSION_ID
from .sample_host import Provider
from .sample_steps import FOREIGN


@pytest.mark.parametrize(
    ("username", "password"),
    [
        pytest.param("alice", "bob", id="wrong password"),
        pytest.param("alice", "", id="no password"),
        pytest.param("mallory", "mallory", id="unknown"),
        pytest.param("", "", id="nothing"),
        pytest.param("Alice", "Alice", id="capital"),
        pytest.param("ä\x00<b>", "\ud800".encode("utf-8", "replace"), id="odd"),
        pytest.param("x" * 100_000, "x" * 100_000, id="long"),
    ],
)
def test_wrong_credentials(idp: Provider, username: str, password: str) -> None:
    """Whoever does not know them sees the form again, with a message, as a 401."""
    browser = idp.browser()

    response = browser.post("/login", data={"username": username, "password": password})

    assert response.status_code == 401
    assert "do not belong together" in response.text
    assert "<b>" not in response.text
    assert attributes(response) == {}


def test_login_without_fields(idp: Provider) -> None:
    """A form without fields is a wrong one."""
    assert idp.browser().post("/login").status_code == 401


@pytest.mark.parametrize("username", ["alice", "bob", "admin"])
def test_login(idp: Provider, username: str) -> None:
    """The password is the name; the handle is new and nobody's but this browser's."""
    browser = idp.browser()

    response = idp.log_in(browser, username)

    assert (response.status_code, response.headers["Location"]) == (303, "/account/")
    assert attributes(response).keys() == {HANDLE, SESSION_ID}
    assert username in browser.get("/account/").text


def test_remember(idp: Provider) -> None:
    """Who wants to be remembered is kept beyond the browser's end."""
    browser = idp.browser()
    form = {"username": "alice", "password": "alice", "remember": "yes"}

    response = browser.post("/login", data=form)

    assert "expires" in attributes(response)[HANDLE]


def test_account_of_nobody(idp: Provider) -> None:
    """Nobody's account is the sign-in page, and leads back."""
    browser = idp.browser()

    response = browser.get("/account/")
    after = idp.log_in(browser, at=response.headers["Location"])

    assert after.headers["Location"] == "/account/"


def test_home(idp: Provider) -> None:
    """The root leads to the account."""
    assert idp.browser().get("/").headers["Location"] == "/account/"


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("https://evil.test/", id="absolute"),
        pytest.param("//evil.test/", id="no scheme"),
        pytest.param("/\\evil.test/", id="backslash"),
        pytest.param("\\\\evil.test", id="backslashes"),
        pytest.param("/\t/evil.test", id="tab"),
        pytest.param("\t//evil.test", id="tab in front"),
        pytest.param("/\n/evil.test", id="line end"),
        pytest.param("/\r\nLocation: https://evil.test", id="header"),
        pytest.param("///evil.test", id="three slashes"),
        pytest.param("javascript:alert(1)", id="script"),
        pytest.param("evil.test", id="relative"),
        pytest.param("@evil.test", id="user"),
        pytest.param(" //evil.test", id="space"),
        pytest.param("/\x00//evil.test", id="NUL"),
        pytest.param("", id="empty"),
        pytest.param("/" + "x" * 100_000 + "\n", id="long"),
    ],
)
def test_login_is_no_open_redirector(idp: Provider, target: str) -> None:
    """After a sign-in there is no way to other sites but through their requests."""
    browser = idp.browser()

    response = browser.post(
        "/login",
        query_string={"next": target},
        data={"username": "alice", "password": "alice"},
    )

    assert (response.status_code, response.headers["Location"]) == (303, "/account/")


_OWN: list[Any] = [
    pytest.param({}, id="no browser"),
    pytest.param({"Origin": "https://idp.test"}, id="origin"),
    pytest.param(
        {"Origin": "https://idp.test", "Sec-Fetch-Site": "same-origin"}, id="both"
    ),
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_login_form_of_another_site(idp: Provider, headers: dict[str, str]) -> None:
    """Nobody is signed in as somebody else by a page that they look at."""
    browser = idp.browser()

    response = idp.log_in(browser, "bob", headers=headers)

    assert response.status_code == 403
    assert attributes(response) == {}


@pytest.mark.parametrize("headers", _OWN)
def test_our_own_login_form(idp: Provider, headers: dict[str, str]) -> None:
    """Our own page signs in, and so does whatever is no browser."""
    assert idp.log_in(idp.browser(), headers=headers).status_code == 303


@pytest.mark.parametrize("path", ["/login", "/account/"])
def test_pages_are_safe(alice: FlaskClient, path: str) -> None:
    """Pages are not stored and not framed, and run nothing."""
    headers = alice.get(path).headers

    assert "no-store" in headers["Cache-Control"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "Referrer-Policy" in headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Strict-Transport-Security"] == "max-age=31536000"


def test_login_hint(idp: Provider) -> None:
    """The name that a client suggests is filled in, and is only a name."""
    response = idp.browser().get("/login?login_hint=%22%3E%3Cscript%3E")

    assert 'value="&#34;&gt;&lt;script&gt;"' in response.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/nowhere", 404, id="no page"),
        pytest.param("GET", "/%00%ff", 404, id="odd"),
        pytest.param("PUT", "/login", 405, id="PUT"),
        pytest.param("POST", "/connect/jwks", 405, id="POST of keys"),
    ],
)
def test_other_pages(idp: Provider, method: str, path: str, status: int) -> None:
    """What is not there is a page that says so."""
    response = idp.browser().open(path, method=method)

    assert (response.status_code, response.mimetype) == (status, "text/html")


def test_a_body_that_is_too_large(idp: Provider) -> None:
    """A quarter of a megabyte is enough for every form."""
    response = idp.browser().post("/login", data={"username": "x" * 300_000})

    assert response.status_code == 413


def test_next_of_the_login_is_whole(idp: Provider) -> None:
    """Nothing of the request is lost on the way through the sign-in page."""
    location = idp.authorize(idp.browser(), state="a&b=c#d").headers["Location"]

    (continuation,) = parse_qs(urlsplit(location).query)["next"]
    assert parse_qs(urlsplit(continuation).query)["state"] == ["a&b=c#d"]
