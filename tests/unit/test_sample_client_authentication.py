"""The sample provider: how clients say who they are (RFC 6749 §2.3)."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote_plus

import pytest
from werkzeug.test import TestResponse

from .sample_host import APP
from .sample_host import CLIENTS
from .sample_host import Provider
from .sample_host import SHOP

SECRET = str(SHOP["client_secret"])


def basic(client_id: str, secret: str) -> dict[str, str]:
    text = base64.b64encode(f"{client_id}:{secret}".encode()).decode()

    return {"Authorization": f"Basic {text}"}


def sent(idp: Provider, endpoint: str = "revocation", **given: Any) -> TestResponse:
    """A request that does nothing but show whether the client is let in."""
    form = {"token": "x", **given.pop("form", {})}

    return idp.browser().post(f"/connect/{endpoint}", data=form, **given)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"headers": basic("shop", SECRET)}, id="as it is"),
        pytest.param({"headers": basic("shop", quote_plus(SECRET))}, id="as in a form"),
        pytest.param(
            {"headers": basic("shop", SECRET), "form": {"client_id": "shop"}},
            id="with its id in the form",
        ),
        pytest.param(
            {"headers": basic("shop", SECRET), "form": {"client_secret": ""}},
            id="with an empty secret in the form",
        ),
        pytest.param(
            {
                "form": {
                    "client_id": "asking",
                    "client_secret": CLIENTS[2]["client_secret"],
                }
            },
            id="in the form",
        ),
        pytest.param({"form": {"client_id": "app"}}, id="public"),
        pytest.param(
            {"form": {"client_id": "app", "client_secret": ""}}, id="public, empty"
        ),
    ],
)
def test_ways_that_are_accepted(idp: Provider, given: dict[str, Any]) -> None:
    """Each client is let in by the way that it has registered."""
    assert sent(idp, **given).status_code == 200


BAD: list[Any] = [
    pytest.param({"headers": basic("shop", "wrong")}, id="wrong secret"),
    pytest.param({"headers": basic("nobody", "wrong")}, id="unknown"),
    pytest.param({"headers": basic("shop", "")}, id="empty secret"),
    pytest.param({"headers": basic("app", "")}, id="public by Basic"),
    pytest.param(
        {"headers": basic("shop", SECRET), "form": {"client_id": "app"}},
        id="two clients",
    ),
    pytest.param(
        {"form": {"client_id": "shop", "client_secret": SECRET}}, id="other way"
    ),
    pytest.param({"form": {"client_id": "shop"}}, id="without its secret"),
    pytest.param(
        {"form": {"client_id": "asking", "client_secret": "x"}}, id="wrong in the form"
    ),
    pytest.param({"form": {"client_id": "nobody"}}, id="unknown in the form"),
    pytest.param({}, id="nothing"),
    pytest.param({"headers": {"Authorization": "Bearer x"}}, id="other scheme"),
]


@pytest.mark.parametrize("endpoint", ["token", "revocation"])
@pytest.mark.parametrize("given", BAD)
def test_ways_that_are_refused(
    idp: Provider, given: dict[str, Any], endpoint: str
) -> None:
    """A refusal says what is wanted, and not which part was wrong."""
    form = {"grant_type": "authorization_code", "code": "x", **given.get("form", {})}

    response = sent(idp, endpoint, **{**given, "form": form})

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Basic ")
    assert response.get_json() == {
        "error": "invalid_client",
        "error_description": "The client could not be authenticated.",
    }


def test_in_two_ways(idp: Provider) -> None:
    """A client does not bring its secret twice."""
    response = sent(idp, headers=basic("shop", SECRET), form={"client_secret": SECRET})

    assert response.status_code == 400
    assert response.get_json()["error"] == "invalid_request"


@pytest.mark.parametrize("secret", ["a+b %41 ä:c", "100%", "plain"])
def test_secrets_with_marks(idp: Provider, secret: str) -> None:
    """A secret is taken encoded as in a form, and as it is."""
    clients = idp.app.extensions["sample_clients"]
    clients.save(
        "marked", secret, APP | {"token_endpoint_auth_method": "client_secret_basic"}
    )

    encoded = sent(idp, headers=basic("marked", quote_plus(secret)))
    plain = sent(idp, headers=basic("marked", secret))

    assert [encoded.status_code, plain.status_code] == [200, 200]
