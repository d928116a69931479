"""The end-session endpoint: requests that are refused, or lead nobody away."""

from __future__ import annotations

from typing import Any

import pytest

from .end_session_steps import CALLBACK
from .end_session_steps import END
from .end_session_steps import is_question
from .hosts import DONE
from .hosts import Host
from .hosts import host_app
from .hosts import Page


@pytest.fixture
def host() -> Host:
    """A host over https."""
    return host_app()


@pytest.mark.parametrize(
    "client_id",
    [pytest.param("mail", id="other"), pytest.param("else", id="unknown")],
)
def test_client_id_that_contradicts_the_hint(host: Host, client_id: str) -> None:
    """Of a request that contradicts itself nothing is used."""
    # RIL-OP-14
    browser = host.signed_in("shop", "mail")

    response = browser.get(
        END,
        query_string={
            "id_token_hint": host.hint(),
            "client_id": client_id,
            "post_logout_redirect_uri": DONE,
        },
    )

    assert is_question(response)
    assert "Shop" not in response.text


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("https://evil.test/", id="unregistered"),
        pytest.param(DONE + "?foo=bar", id="query added"),
        pytest.param(DONE + "/", id="slash added"),
        pytest.param(DONE + "#x", id="fragment added"),
        pytest.param(DONE.upper(), id="capitals"),
        pytest.param("https://shop.test:443/done", id="default port"),
        pytest.param("https://mail.test/", id="of another client"),
        pytest.param("//shop.test/done", id="no scheme"),
        pytest.param("javascript:alert(1)", id="script"),
        pytest.param("https://shop.test/done\r\nX: y", id="line ends"),
        pytest.param("\x00", id="NUL"),
        pytest.param("h" * 100_000, id="long"),
    ],
)
def test_unregistered_addresses(host: Host, uri: str) -> None:
    """The session ends, since the hint is good, but the browser stays here."""
    # RIL-OP-23, RIL-OP-24, RIL-OP-27
    browser = host.signed_in("shop")

    response = browser.post(
        END,
        data={
            "id_token_hint": host.hint(),
            "post_logout_redirect_uri": uri,
            "state": "s",
        },
    )
    last = browser.get(CALLBACK)

    assert response.headers["Location"] == CALLBACK
    assert Page(last).onward is None


@pytest.mark.parametrize(
    ("query", "location"),
    [
        pytest.param({}, None, id="no parameters"),
        pytest.param({"post_logout_redirect_uri": DONE}, None, id="no hint"),
        pytest.param({"hint": True}, None, id="no URI"),
        pytest.param({"hint": True, "post_logout_redirect_uri": DONE}, DONE, id="both"),
    ],
)
def test_nobody_is_signed_in(
    host: Host, query: dict[str, Any], location: str | None
) -> None:
    """Logging out twice is no error: the same redirect, or the same page."""
    # RIL-OP-20
    if query.pop("hint", False):
        query["id_token_hint"] = host.hint()

    response = host.browser().get(END, query_string=query)

    assert response.headers.get("Location") == location
    assert location or "You are signed out" in response.text
