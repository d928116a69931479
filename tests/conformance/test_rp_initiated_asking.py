"""Logout that a client asks for: when the user has to agree."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from .browser import asks_to_sign_out
from .browser import Browser
from .conftest import Join
from .pages import is_own_page
from .provider import Provider
from .relying_party import RelyingParty

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("conformance")]


@pytest.mark.spec("RIL-OP-12", "RIL-OP-16")
def test_an_expired_hint(
    strict: Provider, new_browser: Callable[..., Browser], join: Join
) -> None:
    """It has expired, the provider asks as it is set to, and then it counts."""
    browser, party = new_browser(strict), join(strict)
    signed_in = browser.sign_in(party, remember=True)
    time.sleep(max(0, signed_in.claims["exp"] + 1 - time.time()))

    page = browser.log_out_from(signed_in, state="s")

    assert asks_to_sign_out(page)
    assert party.hits_at("/bye") == []
    assert browser.is_signed_in(party)

    browser.confirm(page)

    assert [hit.query for hit in party.hits_at("/bye")] == ["state=s"]
    assert not browser.is_signed_in(party)


@pytest.mark.spec("RIL-OP-13", "RIL-OP-17")
def test_a_hint_of_another_session(
    new_browser: Callable[..., Browser], shop: RelyingParty
) -> None:
    """A token from the same person's other browser ends nothing by itself."""
    here, there = new_browser(), new_browser()
    here.sign_in(shop)
    elsewhere = there.sign_in(shop)

    page = here.log_out_from(elsewhere)

    assert asks_to_sign_out(page)
    assert shop.hits_at("/bye") == []
    assert here.is_signed_in(shop)
    assert there.is_signed_in(shop)

    here.confirm(page)

    assert not here.is_signed_in(shop)
    assert there.is_signed_in(shop)


@pytest.mark.spec("RIL-OP-17")
def test_a_hint_of_another_user(
    new_browser: Callable[..., Browser], shop: RelyingParty
) -> None:
    """Somebody else's token ends nothing without a question."""
    mallory, alice = new_browser(), new_browser()
    hers = mallory.sign_in(shop, "bob")
    alice.sign_in(shop, "alice")

    page = alice.log_out_from(hers)

    assert asks_to_sign_out(page)
    assert shop.hits_at("/bye") == []
    assert alice.is_signed_in(shop)


@pytest.mark.spec("RIL-OP-17")
def test_a_hint_of_a_client_that_takes_no_part(
    browser: Browser, new_browser: Callable[..., Browser], join: Join
) -> None:
    """A client of another session cannot end this one in silence."""
    shop, stranger = join(), join()
    elsewhere = new_browser().sign_in(stranger)
    browser.sign_in(shop)

    page = browser.log_out_from(elsewhere)

    assert asks_to_sign_out(page)
    assert stranger.hits_at("/bye") == []
    assert browser.is_signed_in(shop)


@pytest.mark.parametrize(
    "parameters",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"state": "s"}, id="state alone"),
        pytest.param({"client_id": "{client_id}"}, id="client alone"),
        pytest.param({"logout_hint": "alice", "ui_locales": "xx"}, id="hints"),
    ],
)
@pytest.mark.spec("RIL-OP-15", "RIL-OP-17", "RIL-OP-18", "RIL-OP-19")
def test_without_a_hint_the_user_is_asked(
    plain: Provider,
    browser: Browser,
    shop: RelyingParty,
    parameters: dict[str, str],
) -> None:
    """No address ends a session; a yes does, and the page says so."""
    browser.sign_in(shop)
    sent: dict[str, Any] = {
        name: value.format(client_id=shop.client_id)
        for name, value in parameters.items()
    }
    before = len(shop.hits)

    page = browser.log_out(**sent)

    assert page.status_code == 200
    assert asks_to_sign_out(page)
    assert browser.is_signed_in(shop)

    done = browser.confirm(page)

    assert is_own_page(plain, done)
    assert "You are signed out" in done.text
    assert len(shop.hits) == before + 1  # the question of is_signed_in
    assert not browser.is_signed_in(shop)


@pytest.mark.spec("RIL-OP-17")
@pytest.mark.parametrize("confirmation", ["", "made-up", "00" * 64])
def test_a_forged_confirmation(
    plain: Provider, browser: Browser, shop: RelyingParty, confirmation: str
) -> None:
    """A form that the provider did not make ends nothing."""
    browser.sign_in(shop)

    page = browser.post(
        plain.metadata["end_session_endpoint"], confirmation=confirmation, answer="yes"
    )

    assert page.status_code == 200
    assert shop.hits_at("/bye") == []
    assert browser.is_signed_in(shop)


@pytest.mark.spec("RIL-OP-17")
def test_a_confirmation_of_another_browser(
    plain: Provider, new_browser: Callable[..., Browser], shop: RelyingParty
) -> None:
    """What one browser was asked, another cannot be made to answer."""
    attacker, victim = new_browser(), new_browser()
    attacker.sign_in(shop)
    victim.sign_in(shop)
    asked = attacker.log_out(
        client_id=shop.client_id, post_logout_redirect_uri=shop.bye
    )
    confirmation = asked.text.split('name="confirmation" value="')[1].split('"')[0]

    victim.post(
        plain.metadata["end_session_endpoint"], confirmation=confirmation, answer="yes"
    )

    assert shop.hits_at("/bye") == []
    assert victim.is_signed_in(shop)


@pytest.mark.spec("RIL-OP-18")
def test_the_user_says_no(
    plain: Provider, new_browser: Callable[..., Browser], join: Join
) -> None:
    """Who stays is signed in still, nobody is told, and no client is visited.

    The request is one that a yes leads back from, and tells the client of.
    """
    party, browser = join(back=True), new_browser()
    browser.sign_in(party)
    elsewhere = new_browser().sign_in(party)

    answered = browser.confirm(browser.log_out_from(elsewhere), answer="no")

    assert is_own_page(plain, answered)
    assert browser.is_signed_in(party)
    assert party.hits_at("/bye") == []

    browser.confirm(browser.log_out_from(elsewhere))

    assert len(party.hits_at("/bye")) == 1
    # What a no had sent would have come by now, and before this one.
    assert party.first_logout_token()
    assert len(party.logout_tokens) == 1


@pytest.mark.spec("RIL-OP-19")
def test_a_hint_without_an_address(
    plain: Provider, browser: Browser, shop: RelyingParty
) -> None:
    """Who asks for no redirect is signed out and stays at the provider."""
    signed_in = browser.sign_in(shop)

    page = browser.log_out(id_token_hint=signed_in.id_token, state="s")

    assert is_own_page(plain, page)
    assert "You are signed out" in page.text
    assert not browser.is_signed_in(shop)


@pytest.mark.spec("RIL-OP-20")
def test_a_second_logout(browser: Browser, shop: RelyingParty) -> None:
    """Whoever is signed out already comes to the same place, without a question."""
    signed_in = browser.sign_in(shop)
    browser.log_out_from(signed_in, state="1")

    browser.log_out_from(signed_in, state="2")

    assert [hit.query for hit in shop.hits_at("/bye")] == ["state=1", "state=2"]


@pytest.mark.spec("RIL-OP-20")
def test_a_logout_of_a_stranger(plain: Provider, browser: Browser) -> None:
    """Without a session the page says what is true: nobody is signed in."""
    page = browser.log_out()

    assert page.status_code == 200
    assert is_own_page(plain, page)
    assert not asks_to_sign_out(page)


@pytest.mark.parametrize(
    "locales", ["xx-Nowhere", "de en fr", "<b>", "a" * 2000, "\u00e4 \u2603"]
)
@pytest.mark.spec("RIL-OP-21")
def test_odd_languages(browser: Browser, shop: RelyingParty, locales: str) -> None:
    """A language that nobody speaks and a hint of the user change nothing."""
    browser.log_out_from(
        browser.sign_in(shop), ui_locales=locales, logout_hint="alice@example.test"
    )

    assert len(shop.hits_at("/bye")) == 1
    assert not browser.is_signed_in(shop)
