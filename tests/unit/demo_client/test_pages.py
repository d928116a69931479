"""The demo clients: their pages."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sample_idp.demo_client.browsers import Browser
from sample_idp.demo_client.browsers import BrowserSessions

from .fake_provider import FakeProvider


@pytest.mark.parametrize(
    ("path", "ancestors"),
    [
        pytest.param("/", "frame-ancestors 'none'", id="home"),
        pytest.param("/callback", "frame-ancestors 'self'", id="callback"),
        pytest.param("/silent", "frame-ancestors 'self'", id="silent"),
    ],
)
def test_the_policy(
    provider: FakeProvider, browser: FlaskClient, path: str, ancestors: str
) -> None:
    """Pages run our scripts alone, frame the provider alone, and are not stored."""
    headers = browser.get(path).headers
    policy = headers["Content-Security-Policy"].split("; ")

    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert f"frame-src 'self' {provider.issuer}" in policy
    assert ancestors in policy
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/silent", "/callback", "/nowhere"])
def test_no_inline_code(signed_in: FlaskClient, path: str) -> None:
    """No page holds a script, a style or a handler that the policy would stop."""
    page = signed_in.get(path).text

    assert not re.search(r"<script>|<style|\sstyle=|\son\w+=", page)


@pytest.mark.parametrize(
    "name", ["client.css", "home.js", "check-session.js", "silent.js", "icon.svg"]
)
def test_the_files(browser: FlaskClient, name: str) -> None:
    """Everything that the pages refer to is there."""
    with browser.get(f"/static/{name}") as answer:
        assert answer.status_code == 200


def test_a_failure_of_our_own(app: Flask) -> None:
    """Even a programming error is a clean page."""

    def fail() -> str:
        raise RuntimeError("a secret of the implementation")

    app.add_url_rule("/fail", "fail", fail)

    page = app.test_client().get("/fail")

    assert (page.status_code, "secret" in page.text) == (500, False)


@pytest.mark.process
@pytest.mark.parametrize(
    "described",
    [pytest.param("", id="nothing"), pytest.param("{}", id="no address")],
)
def test_a_client_that_is_not_described(described: str) -> None:
    """A client that cannot start says so in one line."""
    finished = subprocess.run(
        [sys.executable, "-m", "sample_idp.demo_client"],
        env=os.environ | {"DEMO_CLIENT": described},
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 2
    assert finished.stderr == "sample_idp: DEMO_CLIENT does not describe a client\n"


def test_only_so_many_browsers() -> None:
    """The browser that was unused for longest is forgotten, with its session."""
    forgotten: list[str] = []
    sessions = BrowserSessions(
        cookie_name="c", secure=False, forgotten=forgotten.append, capacity=1
    )
    first, second = Browser(), Browser()
    sessions.rename(first)
    sessions.rename(second)

    assert sessions.all() == (second,)
    assert first.local_id in forgotten
