"""What the provider publishes, and what it registers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from .browser import Browser
from .conftest import Join
from .provider import Provider
from .relying_party import RelyingParty

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("conformance")]


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)

    return parts.scheme, parts.hostname, parts.port


@pytest.mark.spec("DISC-OP-01", "DISC-OP-02")
def test_the_discovery_document(plain: Provider) -> None:
    """The document is JSON, says that it is, and names its issuer."""
    response = plain.discovery

    assert response.status_code == 200
    assert response.headers["Content-Type"].partition(";")[0] == "application/json"
    assert isinstance(response.json(), dict)
    assert response.json()["issuer"] == plain.issuer


@pytest.mark.spec("DISC-OP-03")
def test_endpoints_are_https(secure: Provider) -> None:
    """Whatever is called an endpoint is an https URL with a host."""
    endpoints = {
        name: value
        for name, value in secure.metadata.items()
        if name.endswith("_endpoint")
    }

    assert len(endpoints) >= 4
    assert {urlsplit(value).scheme for value in endpoints.values()} == {"https"}
    assert all(urlsplit(value).hostname for value in endpoints.values())


@pytest.mark.parametrize(
    "member",
    [
        pytest.param(
            "end_session_endpoint", marks=pytest.mark.spec("DISC-OP-04"), id="logout"
        ),
        pytest.param(
            "check_session_iframe", marks=pytest.mark.spec("DISC-OP-05"), id="iframe"
        ),
    ],
)
def test_logout_addresses_are_https(
    secure: Provider, new_browser: Callable[..., Browser], member: str
) -> None:
    """The address is an https URL, and somebody answers there."""
    address = secure.metadata[member]

    assert urlsplit(address).scheme == "https"
    assert new_browser(secure).get(address).status_code == 200


@pytest.mark.parametrize(
    "member",
    [
        pytest.param(
            "frontchannel_logout_supported",
            marks=pytest.mark.spec("DISC-OP-06"),
            id="front channel",
        ),
        pytest.param(
            "frontchannel_logout_session_supported",
            marks=pytest.mark.spec("DISC-OP-07"),
            id="front channel with sessions",
        ),
        pytest.param(
            "backchannel_logout_supported",
            marks=pytest.mark.spec("DISC-OP-08"),
            id="back channel",
        ),
        pytest.param(
            "backchannel_logout_session_supported",
            marks=pytest.mark.spec("DISC-OP-09"),
            id="back channel with sessions",
        ),
    ],
)
def test_what_is_supported(plain: Provider, member: str) -> None:
    """The promise is the boolean true and no word."""
    assert plain.metadata[member] is True


@pytest.mark.spec("DISC-OP-10")
def test_sessions_are_in_id_tokens(browser: Browser, shop: RelyingParty) -> None:
    """Since logout messages name sessions, ID tokens do."""
    assert browser.sign_in(shop).claims["sid"]


@pytest.mark.spec("DISC-OP-11")
def test_the_origin_of_the_iframe(secure: Provider) -> None:
    """Clients compare the origin of the frame with that of the issuer."""
    address = secure.metadata["check_session_iframe"]

    assert _origin(address) == _origin(secure.issuer)


@pytest.mark.spec("DISC-OP-12")
def test_registration(
    plain: Provider, relying_party: Callable[..., RelyingParty]
) -> None:
    """A new client gets its credentials and reads its logout metadata again."""
    party = relying_party()
    logout: dict[str, Any] = {
        "post_logout_redirect_uris": [f"{party.url}/bye"],
        "frontchannel_logout_uri": f"{party.url}/front",
        "frontchannel_logout_session_required": True,
        "backchannel_logout_uri": f"{party.url}/back",
        "backchannel_logout_session_required": True,
    }

    response = party.register(plain, unknown_member="ignored", **logout)

    assert response.status_code == 201
    assert response.headers["Content-Type"].partition(";")[0] == "application/json"
    assert response.json()["client_id"]
    assert response.json()["client_secret"]
    assert {name: response.json().get(name) for name in logout} == logout


@pytest.mark.spec("DISC-OP-12")
def test_two_registrations(join: Join) -> None:
    """The same metadata sent twice makes two clients."""
    first, second = join(), join()

    assert first.client_id != second.client_id
    assert first.client_secret != second.client_secret


@pytest.mark.parametrize(
    "member",
    [
        pytest.param(
            "frontchannel_logout_session_required",
            marks=pytest.mark.spec("FCL-OP-10"),
            id="front channel",
        ),
        pytest.param(
            "backchannel_logout_session_required",
            marks=pytest.mark.spec("BCL-OP-32"),
            id="back channel",
        ),
    ],
)
@pytest.mark.parametrize("value", ["true", 1, []], ids=repr)
def test_a_flag_that_is_none(
    plain: Provider,
    relying_party: Callable[..., RelyingParty],
    member: str,
    value: object,
) -> None:
    """A flag is a boolean; a word or a number is refused by name."""
    response = relying_party().register(plain, **{member: value})

    assert response.status_code == 400
    assert response.json()["error"] == "invalid_client_metadata"
    assert member in response.json()["error_description"]


@pytest.mark.parametrize("body", ["", "{", "[]", "7", "null", '"text"', "[" * 5000])
@pytest.mark.spec("DISC-OP-12")
def test_a_registration_that_is_none(
    plain: Provider, browser: Browser, body: str
) -> None:
    """What is no JSON object is refused, and is no failure of the provider."""
    response = browser.http.post(
        plain.metadata["registration_endpoint"],
        body,
        headers={"Content-Type": "application/json"},
        timeout=30,
    )

    assert response.status_code == 400
