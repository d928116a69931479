"""The sample provider: access tokens that come with a request (RFC 6750)."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.test import TestResponse

from .sample_host import Provider

USERINFO = "/connect/userinfo"


def challenge(response: TestResponse) -> dict[str, str]:
    """What a refusal says of how to do better."""
    given = WWWAuthenticate.from_header(response.headers["WWW-Authenticate"])
    assert given is not None
    assert given.type == "bearer"

    return {name: str(value) for name, value in given.parameters.items()}


@pytest.fixture
def token(idp: Provider, alice: FlaskClient) -> str:
    """An access token of alice."""
    return str(idp.tokens(alice)["access_token"])


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_in_the_header(idp: Provider, token: str, method: str, scheme: str) -> None:
    """Both methods take the token from the header, however the scheme is written."""
    headers = {"Authorization": f"{scheme} {token}"}

    response = idp.browser().open(USERINFO, method=method, headers=headers)

    assert response.get_json()["sub"] == "alice"


def test_in_the_body(idp: Provider, token: str) -> None:
    """A form may bring it instead."""
    response = idp.browser().post(USERINFO, data={"access_token": token})

    assert response.get_json()["sub"] == "alice"
    assert "no-store" in response.headers["Cache-Control"]


def _both(token: str) -> dict[str, Any]:
    return {
        "method": "POST",
        "headers": {"Authorization": f"Bearer {token}"},
        "data": {"access_token": token},
    }


def _twice(token: str) -> dict[str, Any]:
    return {"method": "POST", "data": {"access_token": [token, token]}}


def _query(token: str) -> dict[str, Any]:
    return {"query_string": {"access_token": token}}


def _query_and_header(token: str) -> dict[str, Any]:
    return {**_query(token), "headers": {"Authorization": f"Bearer {token}"}}


@pytest.mark.parametrize("made", [_both, _twice, _query, _query_and_header])
def test_in_several_ways_or_in_the_address(
    idp: Provider, token: str, made: Any
) -> None:
    """A token comes once, and never in an address; else the request is a bad one."""
    response = idp.browser().open(USERINFO, **made(token))

    assert response.status_code == 400
    assert challenge(response)["error"] == "invalid_request"
    assert response.get_json()["error"] == "invalid_request"
    assert token not in response.text


def test_in_the_body_of_another_method(idp: Provider, token: str) -> None:
    """A GET has no body that means anything, and JSON is no form."""
    got = idp.browser().get(USERINFO, data={"access_token": token})
    json = idp.browser().post(USERINFO, json={"access_token": token})

    assert [got.status_code, json.status_code] == [401, 401]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"Authorization": "Basic eDp5"}, id="other scheme"),
        pytest.param({"Authorization": "Bearer"}, id="scheme alone"),
    ],
)
def test_no_token(idp: Provider, headers: dict[str, str]) -> None:
    """Who has brought no token is told what is wanted, and of no error."""
    response = idp.browser().get(USERINFO, headers=headers)

    assert response.status_code == 401
    assert challenge(response).keys() == {"realm"}


def test_an_invalid_token(idp: Provider) -> None:
    """A token that is not good is refused by its name."""
    response = idp.browser().get(USERINFO, headers={"Authorization": "Bearer x"})

    assert response.status_code == 401
    assert challenge(response)["error"] == "invalid_token"


def test_a_token_for_something_else(idp: Provider, alice: FlaskClient) -> None:
    """A good token without the scope is forbidden, and told which one it needs."""
    token = idp.tokens(alice, scope="profile")["access_token"]

    response = idp.browser().get(USERINFO, headers={"Authorization": f"Bearer {token}"})

    assert response.status_code == 403
    assert challenge(response)["error"] == "insufficient_scope"
    assert challenge(response)["scope"] == "openid"
