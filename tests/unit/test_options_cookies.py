"""Settings of cookies that no browser would keep stop the app at its start."""

from __future__ import annotations

from typing import Any

import pytest

from idp_session.errors import ConfigurationError

from .reading_options import read
from .reading_options import refuses
from .reading_options import SAME_SITES


@pytest.mark.parametrize(
    ("settings", "secure_transport", "cookie_secure"),
    [
        pytest.param({}, True, True, id="https"),
        pytest.param({"cookie_secure": False}, True, False, id="https, not secure"),
        pytest.param({"issuer": "http://localhost"}, False, False, id="http"),
        pytest.param(
            {"issuer": "http://localhost", "cookie_secure": True},
            False,
            True,
            id="http, secure",
        ),
    ],
)
def test_the_handle_cookie_is_secure_where_it_can_be(
    settings: dict[str, Any], *, secure_transport: bool, cookie_secure: bool
) -> None:
    """Without a word from the host the issuer decides."""
    options = read(**settings)

    assert options.secure_transport is secure_transport
    assert options.handle_cookie_secure is cookie_secure


@pytest.mark.parametrize("name", SAME_SITES)
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("lax", id="small letters"),
        pytest.param("", id="empty"),
        pytest.param(1, id="number"),
    ],
)
def test_what_is_no_same_site_is_refused(name: str, value: Any) -> None:
    """Browsers would fall back to a default of their own."""
    assert '"Lax", "Strict" or "None"' in refuses(name, value)


@pytest.mark.parametrize("name", SAME_SITES)
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("Lax", id="Lax"),
        pytest.param("Strict", id="Strict"),
        pytest.param("None", id="None"),
    ],
)
def test_same_sites(name: str, value: str) -> None:
    """There are three of them."""
    assert getattr(read(**{name: value}), name) == value


@pytest.mark.parametrize("name", ["cookie_name", "check_session_cookie_name"])
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param("a b", id="space"),
        pytest.param("a;b", id="semicolon"),
        pytest.param("a=b", id="equals sign"),
        pytest.param("a\nb", id="line break"),
        pytest.param("sitzungß", id="not ASCII"),
    ],
)
def test_cookie_names_are_tokens(name: str, value: str) -> None:
    """No cookie name breaks a header apart (RFC 6265 §4.1.1)."""
    assert "letters, digits" in refuses(name, value)


@pytest.mark.parametrize("name", ["cookie_name", "check_session_cookie_name"])
def test_prefixes_are_added_where_they_hold(name: str) -> None:
    """Browsers drop a prefixed cookie that does not keep its prefix's promise."""
    assert "__Host- is added" in refuses(name, "__Host-x")


def test_the_two_cookies_differ() -> None:
    """The public copy never overwrites the secret, nor the other way round."""
    message = refuses("check_session_cookie_name", "one", cookie_name="one")

    assert "different from the cookie_name" in message


def test_a_cookie_path_is_absolute() -> None:
    """Browsers take anything else for the folder of the page (RFC 6265 §5.2.4)."""
    assert read(cookie_path="/auth").cookie_path == "/auth"
    assert "begins with /" in refuses("cookie_path", "auth")
    assert "begins with /" in refuses("cookie_path", "")


@pytest.mark.parametrize("path", ["/a;b", "/a\nb", "/a b", "/\u00e4"])
def test_a_cookie_path_is_sent_as_it_is(path: str) -> None:
    """Escaped it would be the path of no page, and nobody would stay signed in."""
    assert "without semicolon" in refuses("cookie_path", path)


@pytest.mark.parametrize("name", ["cookie_domain", "check_session_cookie_domain"])
@pytest.mark.parametrize(
    "domain",
    [
        pytest.param("", id="empty"),
        pytest.param("a; Secure", id="attribute"),
        pytest.param("a\r\nSet-Cookie: b", id="header"),
        pytest.param("https://idp.test", id="URL"),
        pytest.param("idp.test:443", id="port"),
        pytest.param("idp..test", id="empty label"),
        pytest.param(f"{'a' * 64}.test", id="long label"),
    ],
)
def test_what_is_no_cookie_domain(name: str, domain: str) -> None:
    """The start stops, and not each sign-in."""
    assert "a host name" in refuses(name, domain)


@pytest.mark.parametrize(
    "domain", ["idp.test", ".IdP.test", "localhost", "\u00e4.test"]
)
def test_a_cookie_domain(domain: str) -> None:
    """Whatever a browser takes as one, also with a dot in front or beyond ASCII."""
    assert read(cookie_domain=domain).cookie_domain == domain


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"issuer": "http://localhost"}, id="over http"),
        pytest.param({"cookie_secure": False}, id="on request"),
    ],
)
def test_same_site_none_needs_secure(settings: dict[str, Any]) -> None:
    """Browsers drop a cookie that is SameSite=None and not Secure."""
    with pytest.raises(ConfigurationError, match="COOKIE_SECURE must be true when"):
        read(cookie_same_site="None", **settings)


def test_same_site_none_over_http_on_loopback() -> None:
    """A development server may have both, since browsers trust loopback."""
    options = read(
        issuer="http://localhost", cookie_same_site="None", cookie_secure=True
    )

    assert options.handle_cookie_secure


# SM-OP-15
def test_the_check_session_cookie_keeps_the_same_rule() -> None:
    """A check-session cookie that browsers drop would say "signed out" to all."""
    message = refuses("check_session_cookie_secure", value=False)
    options = read(
        check_session_cookie_secure=False, check_session_cookie_same_site="Lax"
    )

    assert "check_session_cookie_same_site" in message
    assert not options.check_session_cookie_secure
