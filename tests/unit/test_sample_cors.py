"""The sample provider: what pages of other sites may read (CORS)."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from .sample_host import APP
from .sample_host import PKCE
from .sample_host import Provider
from .sample_host import VERIFIER

REGISTERED = "https://app.test"
FOR_CLIENTS = ["/connect/token", "/connect/userinfo", "/connect/revocation"]
PUBLIC = ["/.well-known/openid-configuration", "/connect/jwks"]


def shared(response: TestResponse) -> dict[str, str]:
    """The headers of CORS, by the rest of their names."""
    prefix = "Access-Control-"

    return {
        name.removeprefix(prefix): value
        for name, value in response.headers
        if name.startswith(prefix)
    }


def preflight(idp: Provider, path: str, origin: str) -> TestResponse:
    return idp.browser().options(
        path,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type",
        },
    )


@pytest.mark.parametrize("path", PUBLIC)
@pytest.mark.parametrize("origin", [REGISTERED, "https://evil.test"])
def test_what_is_public(idp: Provider, path: str, origin: str) -> None:
    """Metadata and keys are for everybody, and never with anybody's cookies."""
    response = idp.browser().get(path, headers={"Origin": origin})

    assert shared(response)["Allow-Origin"] == "*"
    assert "Allow-Credentials" not in shared(response)


@pytest.mark.parametrize("path", FOR_CLIENTS)
def test_a_preflight_of_a_client(idp: Provider, path: str) -> None:
    """The browser of a client's page hears what the page may send."""
    response = preflight(idp, path, REGISTERED)

    assert response.status_code == 200
    assert shared(response)["Allow-Origin"] == REGISTERED
    assert "POST" in shared(response)["Allow-Methods"]
    assert {"Authorization", "Content-Type"} <= {
        *shared(response)["Allow-Headers"].split(", ")
    }
    assert "Allow-Credentials" not in shared(response)
    assert "Origin" in response.vary


@pytest.mark.parametrize("path", FOR_CLIENTS)
@pytest.mark.parametrize(
    "origin",
    [
        pytest.param("https://evil.test", id="stranger"),
        pytest.param("null", id="null"),
        pytest.param("https://app.test.evil.test", id="look-alike"),
        pytest.param("http://app.test", id="other scheme"),
        pytest.param("https://app.test:8443", id="other port"),
        pytest.param("https://app.test/", id="no origin"),
        pytest.param("com.example.app:", id="own scheme"),
        pytest.param("\xff" * 1000, id="noise"),
        pytest.param("", id="empty"),
    ],
)
def test_pages_of_others(idp: Provider, path: str, origin: str) -> None:
    """Nobody else's page may read anything, and caches know that it depends."""
    responses = [
        preflight(idp, path, origin),
        idp.browser().post(path, headers={"Origin": origin}),
    ]

    assert [shared(response) for response in responses] == [{}, {}]
    assert all("Origin" in response.vary for response in responses)


@pytest.mark.parametrize("path", FOR_CLIENTS)
def test_refusals_can_be_read(idp: Provider, path: str) -> None:
    """A client's page reads its errors, too."""
    response = idp.browser().post(path, headers={"Origin": REGISTERED})

    assert response.status_code in {400, 401}
    assert shared(response) == {
        "Allow-Origin": REGISTERED,
        "Expose-Headers": "WWW-Authenticate",
    }


@pytest.mark.parametrize(
    "path", ["/connect/authorize", "/connect/endsession", "/account/", "/login"]
)
def test_what_is_not_shared(alice: FlaskClient, path: str) -> None:
    """Pages, and what depends on cookies, are read by no other site."""
    assert shared(alice.get(path, headers={"Origin": REGISTERED})) == {}


def test_a_whole_sign_in_of_a_page(idp: Provider, alice: FlaskClient) -> None:
    """A client that is only a page gets its tokens and asks who it is."""
    uri = "https://app.test/callback"
    code = idp.code(alice, client_id="app", redirect_uri=uri, **PKCE)
    origin: dict[str, Any] = {"Origin": REGISTERED}
    form = {
        "grant_type": "authorization_code",
        "client_id": APP["client_id"],
        "code": code,
        "redirect_uri": uri,
        "code_verifier": VERIFIER,
    }

    tokens = idp.browser().post("/connect/token", data=form, headers=origin)
    bearer = {"Authorization": f"Bearer {tokens.get_json()['access_token']}"}
    user = idp.browser().get("/connect/userinfo", headers=origin | bearer)

    assert shared(tokens)["Allow-Origin"] == REGISTERED
    assert shared(user)["Allow-Origin"] == REGISTERED
    assert user.get_json()["sub"] == "alice"
