"""Authlib's end-session endpoint, completed; more in ``test_end_session``."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from .authlib_host import authlib_host
from .hosts import Host

END = "/connect/endsession"
DONE = "https://shop.test/done"


@pytest.fixture
def host() -> Host:
    """A host with Authlib's server."""
    return authlib_host()


@pytest.fixture
def alice(host: Host) -> FlaskClient:
    """A browser in which alice uses the shop."""
    return host.signed_in("shop")


def sid_of(browser: FlaskClient) -> str:
    session_id: str = browser.get("/whoami").get_json()["sid"]

    return session_id


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_valid_request(host: Host, alice: FlaskClient, method: str) -> None:
    """A request that Authlib reads ends the session and leads back."""
    # RIL-OP-01, RIL-OP-03, RIL-OP-08
    given = {
        "id_token_hint": host.hint(sid=sid_of(alice)),
        "client_id": "shop",
        "post_logout_redirect_uri": DONE,
        "state": "a b",
    }

    if method == "GET":
        response = alice.get(END, query_string=given)
    else:
        response = alice.post(END, data=given)

    assert response.headers["Location"] == f"{DONE}?state=a%20b"
    assert alice.get("/whoami").get_json()["subject"] is None


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"iss": "https://evil.test"}, id="issuer"),
        pytest.param({"sid": "5e55"}, id="session"),
        pytest.param({"sub": "bob"}, id="user"),
        pytest.param({"aud": ["shop", "app"]}, id="audience"),
        pytest.param({"typ": "logout+jwt"}, id="type"),
        pytest.param({"events": {}}, id="events"),
    ],
)
def test_what_authlib_leaves_out(
    host: Host, alice: FlaskClient, claims: dict[str, Any]
) -> None:
    """A hint that Authlib alone would take is looked at closely."""
    # RIL-OP-11, RIL-OP-13, RIL-OP-17, RIL-OP-30
    response = alice.get(END, query_string={"id_token_hint": host.hint(**claims)})

    assert (response.status_code, "Do you want" in response.text) == (200, True)
    assert alice.get("/whoami").get_json()["subject"] == "alice"


def test_repeated_parameters(host: Host, alice: FlaskClient) -> None:
    """What comes twice is not used, whether Authlib counts or we do."""
    hint = host.hint()

    in_query = alice.get(END, query_string={"id_token_hint": [hint, hint]})
    in_both = alice.post(
        END, query_string={"id_token_hint": hint}, data={"id_token_hint": hint}
    )

    assert "Do you want" in in_query.text
    assert "Do you want" in in_both.text


def test_the_validated_value(host: Host, alice: FlaskClient) -> None:
    """A host that overrides the endpoint finds what Authlib documents."""
    server = host.app.extensions["server"]
    query = {
        "id_token_hint": host.hint(sid="5e55"),
        "post_logout_redirect_uri": DONE,
        "logout_hint": "alice",
        "ui_locales": "de",
    }

    with host.app.test_request_context(END, query_string=query):
        validated = server.validate_endpoint_request("end_session")

    assert validated.client.client_id == "shop"
    assert validated.id_token_claims == {"aud": "shop", "sub": "alice", "sid": "5e55"}
    assert validated.redirect_uri == DONE
    assert (validated.logout_hint, validated.ui_locales) == ("alice", "de")
    assert not validated.needs_confirmation


def test_the_validated_value_of_nothing(host: Host) -> None:
    """Of an empty request nothing is left, and Authlib asks for confirmation."""
    server = host.app.extensions["server"]

    with host.app.test_request_context(END):
        validated = server.validate_endpoint_request("end_session")

    assert (validated.client, validated.redirect_uri) == (None, None)
    assert validated.needs_confirmation


def test_authlibs_own_flow(host: Host, alice: FlaskClient) -> None:
    """Where a host answers with Authlib's response, every client is told as well."""
    session_id = sid_of(alice)

    response = alice.get(
        "/authlib-end",
        query_string={"id_token_hint": host.hint(), "post_logout_redirect_uri": DONE},
    )

    assert response.headers["Location"] == DONE
    assert [each.client_id for each in host.owed(session_id)] == ["shop"]
    assert alice.get("/whoami").get_json()["subject"] is None


def test_http_where_authlib_wants_https(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider that is reached over http says so, and does not fall over."""
    monkeypatch.delenv("AUTHLIB_INSECURE_TRANSPORT", raising=False)

    response = host.browser().get(END, base_url="http://idp.test")

    assert response.status_code == 400
    assert "https" in response.text
