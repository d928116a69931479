"""The sample provider through Flask's test client."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from .hosts import attributes
from .hosts import HANDLE
from .hosts import Page
from .hosts import SESSION_ID
from .sample_host import is_signed_in
from .sample_host import ISSUER
from .sample_host import Provider
from .sample_host import provider
from .sample_host import query_of
from .sample_host import sid_of

# Discovery


def test_discovery(idp: Provider) -> None:
    """The document says what the certification asks for."""
    # DISC-OP-01, DISC-OP-02, DISC-OP-04..09, DISC-OP-11
    response = idp.browser().get("/.well-known/openid-configuration")
    document = response.get_json()

    assert (response.status_code, response.mimetype) == (200, "application/json")
    assert document["issuer"] == ISSUER
    assert document["end_session_endpoint"] == f"{ISSUER}/connect/endsession"
    assert document["check_session_iframe"] == f"{ISSUER}/connect/checksession"
    assert document["frontchannel_logout_supported"] is True
    assert document["frontchannel_logout_session_supported"] is True
    assert document["backchannel_logout_supported"] is True
    assert document["backchannel_logout_session_supported"] is True


def test_endpoints_of_the_discovery(idp: Provider) -> None:
    """Every address begins with the issuer, whatever port is asked, and answers."""
    # DISC-OP-03
    browser = idp.browser()
    document = browser.get(
        "/.well-known/openid-configuration", base_url="https://idp.test:8443"
    ).get_json()
    addresses = [
        value
        for name, value in document.items()
        if name.endswith(("_endpoint", "_uri", "_iframe"))
    ]

    assert len(addresses) == 9
    assert {urlsplit(each)._replace(path="").geturl() for each in addresses} == {ISSUER}
    assert 404 not in {browser.get(urlsplit(e).path).status_code for e in addresses}


def test_keys(idp: Provider) -> None:
    """The published keys have no private members, and fit the algorithms."""
    keys = idp.browser().get("/connect/jwks").get_json()["keys"]

    assert {key["kty"] for key in keys} == {"RSA", "EC", "OKP"}
    assert all(key["use"] == "sig" and key["kid"] for key in keys)
    assert not {"d", "p", "q", "k"} & {name for key in keys for name in key}


def test_keys_follow_the_ring(tmp_path: Path) -> None:
    """A new key is published at once, and after a restart the keys are the same."""
    idp = provider(tmp_path)
    jwks = idp.browser().get("/connect/jwks")
    idp.app.extensions["sample_signer"].keys.rotate()
    rotated = idp.browser().get("/connect/jwks").get_json()
    idp.app.extensions["idp_session"].engine.dispose()
    restarted = provider(tmp_path)
    restarted.app.extensions["idp_session"].engine.dispose()

    assert jwks.headers["Cache-Control"] == "max-age=3600, public"
    assert len(rotated["keys"]) == 2 * len(jwks.get_json()["keys"])
    assert rotated["keys"][:3] == jwks.get_json()["keys"]
    assert restarted.browser().get("/connect/jwks").get_json() == rotated


def test_algorithms_of_the_discovery(idp: Provider) -> None:
    """What there are keys for is what is announced."""
    document = idp.browser().get("/.well-known/openid-configuration").get_json()

    assert document["id_token_signing_alg_values_supported"] == [
        "RS256",
        "PS256",
        "ES256",
        "EdDSA",
        "HS256",
    ]


# Logging out


def test_logout(idp: Provider, alice: FlaskClient) -> None:
    """From the sign-in to the silent request that fails: the whole way."""
    # RIL-OP-01, RIL-OP-03, RIL-OP-06, RIL-OP-31
    tokens = idp.tokens(alice)
    session_id = sid_of(alice)

    response = alice.get(
        "/connect/endsession",
        query_string={
            "id_token_hint": tokens["id_token"],
            "post_logout_redirect_uri": "https://shop.test/done",
            "state": "s",
        },
    )
    silent = query_of(idp.authorize(alice, prompt="none"))

    owed = idp.app.extensions["idp_session"].queue.of_session(session_id)
    assert response.headers["Location"] == "https://shop.test/done?state=s"
    assert silent["error"] == "login_required"
    assert [each.client_id for each in owed] == ["shop"]
    assert not idp.is_active(tokens["access_token"])


def test_logout_from_the_account(idp: Provider, alice: FlaskClient) -> None:
    """The link on the account page asks, and then signs out."""
    # RIL-OP-16, RIL-OP-33
    question = alice.get("/connect/endsession")
    page = Page(question)

    answer = alice.post(page.action or "", data={**page.fields, "answer": "yes"})
    last = alice.get(answer.headers["Location"])

    assert "Alice Adams" in page.text
    assert "You are signed out" in last.text
    assert not is_signed_in(alice)


def test_over_http(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over plain http, wherever, everything works without Secure cookies."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    idp = provider(
        data,
        issuer="http://idp.test:5000",
        options={
            "IDP_SESSION_CHECK_SESSION_COOKIE_SAME_SITE": "Lax",
            "IDP_SESSION_CHECK_SESSION_COOKIE_SECURE": False,
        },
    )
    browser = idp.browser()

    cookies = attributes(idp.log_in(browser))
    tokens = idp.tokens(browser)
    idp.app.extensions["idp_session"].engine.dispose()

    assert cookies.keys() == {"idp_session", SESSION_ID}
    assert all("secure" not in cookie for cookie in cookies.values())
    assert idp.claims(tokens["id_token"])["iss"] == "http://idp.test:5000"


def test_a_restart_forgets_nothing(data: Path) -> None:
    """Sessions, clients and tokens are there when the process begins again."""
    before = provider(data)
    tokens = before.tokens(browser := before.signed_in())
    handle = browser.get_cookie(HANDLE, domain="idp.test")
    before.app.extensions["idp_session"].engine.dispose()
    assert handle is not None

    after = provider(data, client_files=())
    browser = after.browser()
    browser.set_cookie(HANDLE, handle.value, domain="idp.test")
    refreshed = after.refresh(tokens["refresh_token"])
    signed_in = is_signed_in(browser)
    claims = after.claims(tokens["id_token"])
    after.app.extensions["idp_session"].engine.dispose()

    assert (refreshed.status_code, signed_in) == (200, True)
    assert claims["sub"] == "alice"
