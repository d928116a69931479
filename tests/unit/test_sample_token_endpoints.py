"""The sample provider: refreshing, using, introspecting and revoking tokens."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp_session import LogoutReason

from .sample_host import Provider
from .sample_host import SHOP
from .sample_host import sid_of
from .sample_steps import end


def test_refresh_tokens_are_rotated(idp: Provider, alice: FlaskClient) -> None:
    """Each refresh gives a new pair, and the old one is worth nothing."""
    first = idp.tokens(alice)

    second = idp.refresh(first["refresh_token"]).get_json()
    again = idp.refresh(first["refresh_token"]).get_json()

    assert second["refresh_token"] != first["refresh_token"]
    assert again["error"] == "invalid_grant"
    assert not idp.is_active(first["access_token"])


@pytest.mark.parametrize(
    ("scope", "lives"),
    [
        pytest.param("openid", False, id="session"),
        pytest.param("openid offline_access", True, id="offline_access"),
    ],
)
def test_tokens_and_the_end_of_the_session(
    idp: Provider, alice: FlaskClient, scope: str, *, lives: bool
) -> None:
    """Tokens end with their session, unless the user granted offline access."""
    # BCL-OP-34
    tokens = idp.tokens(alice, scope=scope)
    end(idp, alice)

    refreshed = idp.refresh(tokens["refresh_token"])

    assert (refreshed.status_code == 200) is lives
    assert idp.is_active(tokens["access_token"]) is False
    userinfo = bearer(idp, tokens["access_token"])
    assert userinfo.status_code == 401


def test_tokens_of_a_session_that_ended_elsewhere(
    idp: Provider, alice: FlaskClient
) -> None:
    """Nothing depends on what the process in which the session ended could still do."""
    # BCL-OP-34
    tokens = idp.tokens(alice)
    state = idp.app.extensions["idp_session"]
    state.store.end(
        sid_of(alice), reason=LogoutReason.ADMIN, ended_at=state.clock.now()
    )

    assert not idp.is_active(tokens["access_token"])
    assert idp.refresh(tokens["refresh_token"]).get_json()["error"] == "invalid_grant"


def test_access_tokens_with_offline_access(idp: Provider, alice: FlaskClient) -> None:
    """The access token of an offline grant lives on too."""
    tokens = idp.tokens(alice, scope="openid offline_access")
    end(idp, alice)

    assert idp.is_active(tokens["access_token"])


def test_a_refreshed_token_ends_as_well(idp: Provider, alice: FlaskClient) -> None:
    """A rotation does not detach tokens from their session."""
    # BCL-OP-34
    tokens = idp.refresh(idp.tokens(alice)["refresh_token"]).get_json()
    end(idp, alice)

    assert idp.refresh(tokens["refresh_token"]).status_code == 400
    assert not idp.is_active(tokens["access_token"])


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(
            {"client": {**SHOP, "client_id": "shop-ES256"}}, id="other client"
        ),
        pytest.param({"scope": "openid profile email admin"}, id="more scope"),
    ],
)
def test_refreshes_that_are_refused(
    idp: Provider, alice: FlaskClient, given: dict[str, Any]
) -> None:
    """A refresh token is for its client, and for no more than was granted."""
    token = idp.tokens(alice)["refresh_token"]

    assert idp.refresh(token, **given).status_code == 400


def bearer(idp: Provider, token: str) -> TestResponse:
    return idp.browser().get(
        "/connect/userinfo", headers={"Authorization": f"Bearer {token}"}
    )


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        pytest.param("openid", {"sub": "alice"}, id="openid"),
        pytest.param(
            "openid profile email",
            {
                "sub": "alice",
                "name": "Alice Adams",
                "preferred_username": "alice",
                "email": "alice@example.test",
                "email_verified": True,
            },
            id="all",
        ),
    ],
)
def test_userinfo(
    idp: Provider, alice: FlaskClient, scope: str, expected: dict[str, Any]
) -> None:
    """A client hears what it was granted."""
    response = bearer(idp, idp.tokens(alice, scope=scope)["access_token"])

    assert response.get_json() == expected
    assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"Authorization": "Bearer "}, id="empty"),
        pytest.param({"Authorization": "Bearer x"}, id="unknown"),
        pytest.param({"Authorization": "Bearer \xe4\xff"}, id="not ASCII"),
        pytest.param({"Authorization": "Bearer a b c"}, id="several"),
        pytest.param({"Authorization": "Basic eDp5"}, id="basic"),
        pytest.param({"Authorization": "x" * 50_000}, id="long"),
    ],
)
def test_userinfo_without_a_token(idp: Provider, headers: dict[str, str]) -> None:
    """Without a good token nobody is told anything."""
    response = idp.browser().get("/connect/userinfo", headers=headers)

    assert response.status_code == 401


def test_a_refresh_token_is_no_access_token(idp: Provider, alice: FlaskClient) -> None:
    """One kind of token does not pass for the other one."""
    tokens = idp.tokens(alice)

    assert bearer(idp, tokens["refresh_token"]).status_code == 401
    assert idp.refresh(tokens["access_token"]).status_code == 400


def test_introspection(idp: Provider, alice: FlaskClient) -> None:
    """A client hears of its own token what it stands for."""
    token = idp.tokens(alice)["access_token"]

    answer = idp.as_client("introspection", {"token": token}).get_json()

    assert answer["active"]
    assert (answer["client_id"], answer["sub"]) == ("shop", "alice")
    assert answer["sid"] == sid_of(alice)


def test_introspection_by_another_client(idp: Provider, alice: FlaskClient) -> None:
    """Of other clients' tokens it hears nothing."""
    token = idp.tokens(alice)["access_token"]
    other = {**SHOP, "client_id": "shop-ES256"}

    answer = idp.as_client("introspection", {"token": token}, client=other).get_json()

    assert answer == {"active": False}


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_revocation(idp: Provider, alice: FlaskClient, kind: str) -> None:
    """A token that is taken back takes its pair with it."""
    tokens = idp.tokens(alice)

    response = idp.as_client("revocation", {"token": tokens[kind]})

    assert response.status_code == 200
    assert not idp.is_active(tokens["access_token"])
    assert idp.refresh(tokens["refresh_token"]).status_code == 400


def test_revocation_by_another_client(idp: Provider, alice: FlaskClient) -> None:
    """Nobody takes back what is not theirs."""
    tokens = idp.tokens(alice)
    other = {**SHOP, "client_id": "shop-ES256"}

    idp.as_client("revocation", {"token": tokens["access_token"]}, client=other)

    assert idp.is_active(tokens["access_token"])


def test_revocation_of_an_unknown_token(idp: Provider) -> None:
    """What is not there is taken back already (RFC 7009 §2.2)."""
    assert idp.as_client("revocation", {"token": "x"}).status_code == 200
