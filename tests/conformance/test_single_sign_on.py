"""What a client may ask of a session that is there already."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.sample.clients import query_of

from .browser import asks_for_password
from .browser import Browser
from .browser import REFUSALS
from .conftest import Join
from .relying_party import RelyingParty

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("conformance")]


def _again(
    browser: Browser, party: RelyingParty, **parameters: str
) -> tuple[bool, dict[str, Any]]:
    """Whether the password was asked for, and the claims in the end."""
    request: dict[str, Any] = parameters
    asked = asks_for_password(browser.authorize(party, **request))

    return asked, browser.sign_in(party, **request).claims


@pytest.mark.spec("SSO-OP-01")
def test_silent_success(browser: Browser, shop: RelyingParty) -> None:
    """Who is signed in is signed in again without a page, as before."""
    first = browser.sign_in(shop).claims

    asked, second = _again(browser, shop, prompt="none")

    assert not asked
    assert (second["sub"], second["auth_time"], second["sid"]) == (
        *(first["sub"], first["auth_time"], first["sid"]),
    )


@pytest.mark.spec("SSO-OP-01")
def test_silent_success_at_another_client(browser: Browser, join: Join) -> None:
    """The session of one client is the session of all."""
    first = browser.sign_in(join()).claims

    second = browser.sign_in(join(), prompt="none").claims

    assert (second["sub"], second["auth_time"]) == (first["sub"], first["auth_time"])


@pytest.mark.spec("SSO-OP-02")
def test_silent_refusal(browser: Browser, shop: RelyingParty) -> None:
    """Who is not signed in is not asked either; the client hears it."""
    response = browser.authorize(shop, prompt="none")

    assert response.url.startswith(shop.redirect_uri)
    assert query_of(response.url)["error"] in REFUSALS
    assert "code" not in query_of(response.url)


@pytest.mark.parametrize("others", ["login", "consent", "select_account"])
@pytest.mark.spec("SSO-OP-02")
def test_a_prompt_that_contradicts_itself(
    browser: Browser, shop: RelyingParty, others: str
) -> None:
    """``none`` beside another prompt: the client hears that this cannot be."""
    browser.sign_in(shop)

    response = browser.authorize(shop, prompt=f"none {others}")

    given = query_of(response.url)
    assert response.url.startswith(shop.redirect_uri)
    assert given["error"] == "invalid_request"
    assert "code" not in given


@pytest.mark.spec("SSO-OP-03")
def test_prompt_login(browser: Browser, shop: RelyingParty) -> None:
    """The password is asked for, once, and the time of the sign-in is a new one."""
    first = browser.sign_in(shop).claims
    time.sleep(max(0, first["auth_time"] + 1 - time.time()))

    asked, second = _again(browser, shop, prompt="login")

    assert asked
    assert second["auth_time"] > first["auth_time"]
    assert second["sub"] == first["sub"]


@pytest.mark.spec("SSO-OP-03")
def test_prompt_login_cannot_be_skipped(browser: Browser, shop: RelyingParty) -> None:
    """The address that the sign-in page leads back to asks again on its own."""
    browser.sign_in(shop)
    page = browser.authorize(shop, prompt="login")
    onward = query_of(page.url)["next"]

    again = browser.get(f"{browser.provider.issuer}{onward}")

    assert asks_for_password(again)


@pytest.mark.spec("SSO-OP-01", "SSO-OP-03")
def test_a_choice_of_accounts(browser: Browser, shop: RelyingParty) -> None:
    """Who stays with the account keeps the session; nobody is asked for ever."""
    first = browser.sign_in(shop).claims
    page = browser.authorize(shop, prompt="select_account")

    stays = browser.submit(page, {"same": "yes"})
    changes = browser.submit(page, {"another": "yes"})
    changed = browser.log_in(changes, "bob")

    assert not asks_for_password(page)
    assert "code" in query_of(stays.url)
    assert asks_for_password(changes)
    assert "code" in query_of(changed.url)
    assert browser.sign_in(shop).claims["sid"] != first["sid"]


@pytest.mark.spec("SSO-OP-04")
def test_max_age_that_has_passed(browser: Browser, shop: RelyingParty) -> None:
    """A proof of more than a second is too old for who wants a second."""
    first = browser.sign_in(shop).claims
    time.sleep(max(0, first["auth_time"] + 2.1 - time.time()))

    asked, second = _again(browser, shop, max_age="1")

    assert asked
    assert second["auth_time"] > first["auth_time"]
    assert abs(second["auth_time"] - time.time()) < 30


@pytest.mark.spec("SSO-OP-04")
def test_max_age_of_nothing(browser: Browser, shop: RelyingParty) -> None:
    """``max_age=0`` asks for the password, whenever it was last given, and once."""
    browser.sign_in(shop)

    asked, claims = _again(browser, shop, max_age="0")

    assert asked
    assert claims["auth_time"]


@pytest.mark.spec("SSO-OP-05")
def test_max_age_that_has_not_passed(browser: Browser, shop: RelyingParty) -> None:
    """A proof that is young enough is not asked for again."""
    first = browser.sign_in(shop, max_age="15000").claims

    asked, second = _again(browser, shop, max_age="10000")

    assert not asked
    assert second["auth_time"] == first["auth_time"]


@pytest.mark.spec("SSO-OP-06")
def test_a_hint_of_this_user(browser: Browser, shop: RelyingParty) -> None:
    """The client that says whom it means gets that user."""
    first = browser.sign_in(shop)

    asked, second = _again(browser, shop, prompt="none", id_token_hint=first.id_token)

    assert not asked
    assert (second["sub"], second["auth_time"]) == (
        *(first.claims["sub"], first.claims["auth_time"]),
    )


@pytest.mark.spec("SSO-OP-07")
def test_a_hint_of_another_user(
    new_browser: Callable[..., Browser], shop: RelyingParty
) -> None:
    """The client does not get somebody else than it means."""
    bob = new_browser().sign_in(shop, "bob")
    browser = new_browser()
    browser.sign_in(shop, "alice")

    response = browser.authorize(shop, prompt="none", id_token_hint=bob.id_token)

    assert query_of(response.url)["error"] == "login_required"


@pytest.mark.spec("SSO-OP-07")
def test_a_forged_hint_of_another_user(
    new_browser: Callable[..., Browser], shop: RelyingParty
) -> None:
    """A hint that the provider has not signed never gets anybody another user."""
    browser = new_browser()
    first = browser.sign_in(shop)
    forged = jwt.encode(
        {"alg": "RS256"}, {**first.claims, "sub": "bob"}, RSAKey.generate_key(2048)
    )

    again = browser.sign_in(shop, prompt="none", id_token_hint=forged)

    assert again.claims["sub"] == "alice"


@pytest.mark.spec("SSO-OP-08", "BCL-OP-33")
def test_another_user_in_the_same_browser(browser: Browser, join: Join) -> None:
    """The first user's session ends, its client is told, and the second one is in."""
    shop, mail = join(back=True), join()
    alice = browser.sign_in(shop, "alice")

    bob = browser.sign_in(mail, "bob", prompt="login")

    assert bob.claims["sub"] == "bob"
    assert bob.claims["sid"] != alice.claims["sid"]
    shop.first_logout_token()
    response = browser.authorize(shop, prompt="none", id_token_hint=alice.id_token)
    assert query_of(response.url)["error"] == "login_required"
