"""The demo clients: signing in."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from .fake_provider import FakeProvider
from .steps import ALICE
from .steps import attribute
from .steps import BASE_URL
from .steps import is_signed_in
from .steps import make_app
from .steps import query
from .steps import SignIn


def test_a_stranger(browser: FlaskClient) -> None:
    """Who is not signed in sees a way to do so and gets no cookie."""
    page = browser.get("/")

    assert attribute(page, "data-signed-in") == "false"
    assert 'href="/login"' in page.text
    assert "Set-Cookie" not in page.headers


def test_what_is_asked_of_the_provider(
    provider: FakeProvider, browser: FlaskClient
) -> None:
    """A sign-in is a code flow with PKCE, state and nonce."""
    answer = browser.get("/login")
    asked = query(answer)

    assert answer.headers["Location"].startswith(f"{provider.issuer}/authorize?")
    assert asked.pop("state")
    assert asked.pop("nonce")
    assert asked.pop("code_challenge")
    assert asked == {
        "response_type": "code",
        "client_id": "shop",
        "redirect_uri": f"{BASE_URL}/callback",
        "scope": "openid profile email",
        "code_challenge_method": "S256",
    }


def test_a_sign_in(
    provider: FakeProvider, browser: FlaskClient, come_back: SignIn
) -> None:
    """The page greets who signed in and holds what its script needs."""
    answer = come_back(browser.get("/login"), **ALICE)
    page = browser.get("/")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "Hello, Alice" in page.text
    assert attribute(page, "data-signed-in") == "true"
    assert attribute(page, "data-iframe-answer") == ""
    assert attribute(page, "data-client-id") == "shop"
    assert attribute(page, "data-session-state") == "first.salt"
    assert attribute(page, "data-check-session-iframe") == f"{provider.issuer}/check"
    assert attribute(page, "data-provider-origin") == provider.issuer


@pytest.mark.parametrize(
    ("about", "greeting"),
    [
        pytest.param({"sub": "bob", "name": "Bob B"}, "Hello, Bob B", id="name"),
        pytest.param({"sub": "bob", "email": "b@x.test"}, "Hello, b@x.test", id="mail"),
        pytest.param({"sub": "eve", "name": "Eve"}, "Hello, bob", id="of another"),
    ],
)
def test_a_name_from_user_information(
    provider: FakeProvider,
    browser: FlaskClient,
    come_back: SignIn,
    about: dict[str, object],
    greeting: str,
) -> None:
    """A name that is not in the ID token is asked for, and believed if it fits."""
    provider.about = about
    come_back(browser.get("/login"), sub="bob", sid="session-2")

    assert greeting in browser.get("/").text


def test_a_name_that_looks_like_markup(browser: FlaskClient, come_back: SignIn) -> None:
    """Whatever a name is made of, it is shown as text."""
    come_back(browser.get("/login"), **ALICE | {"name": "<b>Alice</b>"})

    assert "Hello, &lt;b&gt;Alice" in browser.get("/").text


def test_the_id_changes_at_the_sign_in(browser: FlaskClient, come_back: SignIn) -> None:
    """The cookie from before the sign-in is worth nothing afterwards."""
    redirected = browser.get("/login")
    before = browser.get_cookie("shop_session")
    come_back(redirected, **ALICE)
    after = browser.get_cookie("shop_session")
    assert before
    assert after
    browser.set_cookie("shop_session", before.value)

    assert before.value != after.value
    assert not is_signed_in(browser)


@pytest.mark.parametrize(
    ("secure", "attributes"),
    [
        pytest.param(True, {"Secure", "SameSite=None"}, id="for browsers"),
        pytest.param(False, {"SameSite=Lax"}, id="for other clients"),
    ],
)
def test_the_cookie(
    provider: FakeProvider, *, secure: bool, attributes: set[str]
) -> None:
    """The cookie reaches the frames of the provider's page, and no script."""
    app = make_app(provider.issuer, secure_cookies=secure)

    cookie = app.test_client().get("/login").headers["Set-Cookie"]

    assert cookie.startswith("shop_session=")
    assert set(cookie.split("; ")[1:]) == {"HttpOnly", "Path=/"} | attributes
