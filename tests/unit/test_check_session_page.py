"""The page in the check-session iframe, as it is served (Session Management 1.0 §3.3)."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from .hosts import Host
from .hosts import host_app

PATH = "/connect/checksession"


@pytest.fixture
def host() -> Host:
    """A host over https."""
    return host_app()


def test_any_site_may_frame_it(host: Host) -> None:
    """It is an HTML page that any client may load in a frame."""
    # SM-OP-06
    response = host.browser().get(PATH)
    policy = response.headers["Content-Security-Policy"]

    assert (response.status_code, response.mimetype) == (200, "text/html")
    assert "X-Frame-Options" not in response.headers
    assert "frame-ancestors" not in policy


def test_its_script_is_inline_and_allowed(host: Host) -> None:
    """The script runs before any message can come, and no other script does."""
    # SM-OP-07, SM-OP-16
    response = host.browser().get(PATH)
    scripts = re.findall("<script[^>]*>(.*?)</script>", response.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()

    assert len(scripts) == 1
    assert "src=" not in response.text
    assert response.headers["Content-Security-Policy"] == (
        f"default-src 'none'; script-src 'sha256-{digest}'; base-uri 'none'"
    )


def test_it_knows_the_name_of_the_cookie() -> None:
    """The name of the cookie is an attribute, escaped, and not part of the script."""
    host = host_app(config={"IDP_SESSION_CHECK_SESSION_COOKIE_NAME": "odd&name'"})

    response = host.browser().get(PATH)

    assert 'data-cookie="odd&amp;name&#39;"' in response.text


def test_it_is_the_same_for_everybody(host: Host) -> None:
    """Who is signed in changes nothing; browsers keep it for an hour, caches do not."""
    alice = host.signed_in("shop").get(PATH)
    nobody = host.browser().get(PATH)

    assert alice.data == nobody.data
    assert alice.headers["Cache-Control"] == "private, max-age=3600"
    assert alice.headers["Referrer-Policy"] == "no-referrer"
    assert alice.headers["X-Content-Type-Options"] == "nosniff"


def test_without_session_management() -> None:
    """A provider that does not support it has no such page, and sets no cookie."""
    host = host_app(config={"IDP_SESSION_CHECK_SESSION": False})

    response = host.signed_in().get(PATH)

    assert response.status_code == 404
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("?x=<script>alert(1)</script>", id="markup"),
        pytest.param("?%00=%ff", id="bytes"),
        pytest.param("?" + "a=b&" * 500, id="many"),
    ],
)
def test_a_query_changes_nothing(host: Host, query: str) -> None:
    """The page does not look at its query."""
    browser = host.browser()

    assert browser.get(PATH + query).data == browser.get(PATH).data


def test_only_get(host: Host) -> None:
    """There is nothing to post to it."""
    assert host.browser().post(PATH).status_code == 405
