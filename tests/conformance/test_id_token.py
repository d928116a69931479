"""The ID token, and the session that it names."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from joserfc import jwt

from .browser import Browser
from .conftest import Join
from .provider import Provider
from .relying_party import RelyingParty

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("conformance")]

_SKEW = 300
_FIFTY_YEARS = 50 * 366 * 86400

# OpenID Connect Core §2 and §3.1.3.6, and what the logout specifications add.
_CLAIMS = {
    *("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp"),
    *("at_hash", "c_hash", "jti", "nbf", "sid"),
}


@pytest.mark.spec("SID-OP-01")
def test_the_form_of_a_session_id(browser: Browser, shop: RelyingParty) -> None:
    """It is text that fits into a claim, a query and a log line."""
    sid = browser.sign_in(shop).claims["sid"]

    assert isinstance(sid, str)
    assert sid.isascii()
    assert sid.isprintable()
    assert sid


@pytest.mark.spec("SID-OP-02")
def test_two_browsers_are_two_sessions(
    new_browser: Callable[..., Browser], shop: RelyingParty
) -> None:
    """One person in two browsers has two sessions."""
    first, second = new_browser().sign_in(shop), new_browser().sign_in(shop)

    assert first.claims["sub"] == second.claims["sub"]
    assert first.claims["sid"] != second.claims["sid"]


@pytest.mark.spec("SID-OP-02")
def test_a_new_sign_in_is_a_new_session(browser: Browser, shop: RelyingParty) -> None:
    """Whoever signs out and in again has another session."""
    before = browser.sign_in(shop)
    browser.log_out_from(before)

    assert browser.sign_in(shop).claims["sid"] != before.claims["sid"]


@pytest.mark.spec("SID-OP-02")
def test_one_session_for_all_clients(browser: Browser, join: Join) -> None:
    """Two clients of one sign-in name the same session, and so do both again."""
    first, second = join(), join()

    sids = {browser.sign_in(party).claims["sid"] for party in (first, second, first)}

    assert len(sids) == 1


@pytest.mark.spec("SID-OP-03")
def test_session_ids_are_random(
    new_browser: Callable[..., Browser], shop: RelyingParty
) -> None:
    """No part of a session id stays the same, and there are 128 bits of it."""
    sids = [new_browser().sign_in(shop).claims["sid"] for _ in range(12)]

    assert len(set(sids)) == 12
    # Hexadecimal digits hold 4 bits each, others more.
    assert min(map(len, sids)) >= 32
    # Of 12 random digits it is next to impossible that fewer than 3 differ.
    assert min(len(set(column)) for column in zip(*sids, strict=True)) >= 3


@pytest.mark.spec("SID-OP-04")
def test_claims_that_nobody_asked_for(browser: Browser, shop: RelyingParty) -> None:
    """A request for nothing but an ID token gets the claims of the specification."""
    claims = browser.sign_in(shop, scope="openid", nonce="n-1").claims

    assert claims.keys() <= _CLAIMS


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
@pytest.mark.spec("SID-OP-05")
def test_the_standard_checks(
    plain: Provider, browser: Browser, join: Join, algorithm: str
) -> None:
    """Signature, issuer, audience, times and nonce are as a client expects."""
    party = join(id_token_signed_response_alg=algorithm)
    keys = plain.keys

    signed_in = browser.sign_in(party, nonce="a-nonce")
    token = jwt.decode(signed_in.id_token, keys, algorithms=[algorithm])

    now, claims = time.time(), token.claims
    assert token.header["alg"] == algorithm
    assert claims["iss"] == plain.metadata["issuer"]
    assert party.client_id in (claims["aud"], *claims["aud"])
    assert now - _SKEW < claims["exp"] < now + _FIFTY_YEARS
    assert abs(claims["iat"] - now) < _SKEW
    assert claims.get("nbf", now) <= now + _SKEW
    assert now - 86400 * 365 < claims["auth_time"] <= now + 1
    assert claims["nonce"] == "a-nonce"
    assert claims["sub"] == "alice"
    assert claims.get("acr", "1")
