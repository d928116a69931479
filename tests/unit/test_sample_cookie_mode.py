"""The sample provider with its sessions in cookies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .sample_host import Provider
from .sample_host import provider


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """Started with ``--set IDP_SESSION_TICKETS=cookie``."""
    options = {"IDP_SESSION_TICKETS": "cookie"}
    idp = provider(tmp_path_factory.mktemp("sample"), options=options)
    yield idp
    idp.app.extensions["idp_session"].engine.dispose()


def test_the_account_page_offers_only_what_there_is(idp: Provider) -> None:
    """It leads to no list, and asks for no events that nobody sends."""
    shown = idp.signed_in("admin").get("/account/")

    assert shown.status_code == 200
    assert "account.js" not in shown.text
    assert "/account/sessions" not in shown.text
    assert "/admin/sessions" not in shown.text
    assert "/admin/deliveries" in shown.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", "/account/sessions", id="devices"),
        pytest.param("POST", "/account/sessions/end-others", id="sign out elsewhere"),
        pytest.param("POST", "/account/sessions/end", id="end a device"),
        pytest.param("GET", "/admin/sessions", id="all sessions"),
        pytest.param("POST", f"/admin/sessions/{'a' * 32}/end", id="end any session"),
    ],
)
def test_what_needs_a_list_says_why_there_is_none(
    idp: Provider, method: str, path: str
) -> None:
    """Whoever opens such a page reads in plain words what this provider cannot do."""
    answer = idp.signed_in("admin").open(path, method=method)

    assert answer.status_code == 404
    assert "There is no list of" in answer.text


def test_a_client_signs_in_and_hears_of_the_end(idp: Provider) -> None:
    """Codes, tokens and the sign-out work as with sessions in the database."""
    browser = idp.signed_in()
    tokens = idp.tokens(browser, scope="openid offline_access")
    before = idp.is_active(tokens["access_token"])
    left = browser.get(
        "/connect/endsession", query_string={"id_token_hint": tokens["id_token"]}
    )
    owed = idp.app.extensions["idp_session"].queue.query(
        state=None, client_id="shop", limit=10, before_id=None
    )

    assert before
    assert left.status_code == 303
    assert [each.session_id for each in owed] == [idp.claims(tokens["id_token"])["sid"]]
