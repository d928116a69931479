"""The sample provider: what holds for every request and every answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from sample_idp.provider.guards import trusted_hosts

from .sample_host import asked
from .sample_host import Provider
from .sample_host import provider
from .sample_steps import AUTHORIZE

LOOPBACK = ["localhost", "127.0.0.1"]


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("stranger.test", id="stranger"),
        pytest.param("idp.test.stranger.test", id="longer"),
        pytest.param("idp.test@stranger.test", id="user"),
        pytest.param("idp.test, stranger.test", id="two"),
        pytest.param("<b>", id="markup"),
        pytest.param("[::1", id="half an address"),
        pytest.param("a b", id="space"),
        pytest.param("\xff", id="no ASCII"),
        pytest.param("", id="empty"),
    ],
)
@pytest.mark.parametrize("path", ["/account", "/login", "/nowhere"])
def test_strangers_hosts(idp: Provider, path: str, host: str) -> None:
    """A request for another host is refused, and no answer names that host."""
    response = idp.browser().get(path, headers={"Host": host})

    assert (response.status_code, response.mimetype) == (400, "text/plain")
    assert "Location" not in response.headers
    assert response.text == "Bad Request\n"


@pytest.mark.parametrize(
    ("issuer", "hosts"),
    [
        pytest.param("https://idp.test", [*LOOPBACK, "idp.test"], id="name"),
        pytest.param("https://idp.test:8443/a", [*LOOPBACK, "idp.test"], id="port"),
        pytest.param("http://127.0.0.1:5000", LOOPBACK, id="loopback"),
        pytest.param("https://[2001:db8::1]:8443", None, id="IPv6"),
    ],
)
def test_own_hosts(issuer: str, hosts: list[str] | None) -> None:
    """The host of the issuer is answered for, and whoever comes by loopback."""
    assert trusted_hosts(issuer) == hosts


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/", id="home"),
        pytest.param("/account", id="slash"),
        pytest.param("/account/", id="sign-in"),
        pytest.param("/admin/sessions", id="administrator"),
    ],
)
def test_redirects_are_not_stored(idp: Provider, path: str) -> None:
    """Where a redirect leads depends on who asks, so it is kept nowhere."""
    response = idp.browser().get(path)

    assert 300 <= response.status_code < 400
    assert response.headers["Cache-Control"] == "no-store"


def test_codes_are_not_stored(idp: Provider, alice: FlaskClient) -> None:
    """Neither is a redirect that brings a code."""
    response = alice.get(AUTHORIZE, query_string=asked())

    assert "code=" in response.headers["Location"]
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("endpoint", "content_type"),
    [
        pytest.param("token", "application/x-www-form-urlencoded", id="token"),
        pytest.param(
            "revocation", "application/x-www-form-urlencoded", id="revocation"
        ),
        pytest.param("introspection", "multipart/form-data", id="introspection"),
        pytest.param("register", "application/json", id="register"),
    ],
)
def test_bodies_that_are_too_large(
    idp: Provider, endpoint: str, content_type: str
) -> None:
    """A program whose body is too large reads so as JSON (RFC 6749 §5.2)."""
    response = idp.browser().post(
        f"/connect/{endpoint}", data=b"x" * 300_000, content_type=content_type
    )

    assert response.status_code == 413
    assert response.get_json()["error"] == "invalid_request"


@pytest.mark.parametrize("endpoint", ["authorize", "consent", "select-account"])
def test_pages_for_bodies_that_are_too_large(idp: Provider, endpoint: str) -> None:
    """A browser whose body is too large is shown a page that nobody may frame."""
    response = idp.browser().post(
        f"/connect/{endpoint}",
        data=b"x" * 300_000,
        content_type="application/x-www-form-urlencoded",
    )

    assert (response.status_code, response.mimetype) == (413, "text/html")
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "endpoint", ["token", "userinfo", "revocation", "introspection", "register"]
)
def test_wrong_methods(idp: Provider, endpoint: str) -> None:
    """A program that uses the wrong method reads so as JSON."""
    response = idp.browser().put(f"/connect/{endpoint}")

    assert response.status_code == 405
    assert response.get_json()["error"] == "invalid_request"


LOOPBACK = ["localhost", "127.0.0.1"]


@pytest.mark.parametrize(
    "host",
    ["[2001:db8::1]:8443", "[2001:db8::1]:1", "stranger.test", "[", "", "a b", "x:y"],
)
def test_an_address_as_issuer(tmp_path: Path, host: str) -> None:
    """Where any host is answered for, redirects lead to the issuer all the same."""
    idp = provider(tmp_path, issuer="https://[2001:db8::1]:8443")
    idp.app.config["SERVER_NAME"] = None

    response = idp.browser().get("/account", headers={"Host": host})

    assert response.headers["Location"] == "https://[2001:db8::1]:8443/account/"
    idp.app.extensions["idp_session"].engine.dispose()
