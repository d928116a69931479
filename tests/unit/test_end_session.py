"""The end-session endpoint: what a valid hint does."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl
from urllib.parse import unquote

import pytest
from flask import Flask

from idp_session import LogoutReason
from idp_session.flask import session_ended

from .end_session_steps import CALLBACK
from .end_session_steps import confirmed
from .end_session_steps import COOKIE
from .end_session_steps import END
from .end_session_steps import is_signed_in
from .end_session_steps import sent
from .end_session_steps import sid_of
from .hosts import attributes
from .hosts import directives
from .hosts import DONE
from .hosts import HANDLE
from .hosts import Host
from .hosts import host_app
from .hosts import Page
from .hosts import SESSION_ID
from .hosts import STATE


@pytest.fixture
def host() -> Host:
    """A host over https."""
    return host_app()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_valid_hint(host: Host, method: str) -> None:
    """A hint for this session, a registered URI: signed out, and back at the client."""
    # RIL-OP-01, RIL-OP-05, RIL-OP-08
    browser = host.signed_in("shop")
    given = {
        "id_token_hint": host.hint(sid=sid_of(browser)),
        "post_logout_redirect_uri": DONE,
    }

    response = sent(browser, method, given)

    assert (response.status_code, response.headers["Location"]) == (303, DONE)
    assert not is_signed_in(browser)


def test_the_hop_is_kept_private(host: Host) -> None:
    """The redirect is not stored and tells nobody the address, which has the token."""
    # RIL-OP-34
    browser = host.signed_in("shop")

    response = browser.get(
        END,
        query_string={
            "id_token_hint": host.hint(),
            "post_logout_redirect_uri": DONE,
        },
    )

    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response.headers["Cache-Control"]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(END, id="question"),
        pytest.param(CALLBACK, id="callback"),
        pytest.param(f"{END}?state=x", id="question with state"),
    ],
)
@pytest.mark.parametrize(
    "signed_in", [pytest.param(True, id="alice"), pytest.param(False, id="nobody")]
)
def test_pages_are_safe(host: Host, path: str, *, signed_in: bool) -> None:
    """No page is stored, framed, or open to scripts and styles from elsewhere."""
    # RIL-OP-29, RIL-OP-34
    browser = host.signed_in() if signed_in else host.browser()

    response = browser.get(path)

    assert response.mimetype == "text/html"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert directives(response) == {
        "default-src": "'none'",
        "img-src": "'self'",
        "frame-src": "'none'",
        "script-src": "'nonce'",
        "style-src": "'nonce'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }


def test_state_comes_back(host: Host) -> None:
    """The state of the certification comes back byte for byte, and nothing else does."""
    # RIL-OP-03, RIL-OP-04
    browser = host.signed_in("shop")

    response = browser.get(
        END,
        query_string={
            "id_token_hint": host.hint(),
            "post_logout_redirect_uri": DONE,
            "state": STATE,
        },
    )

    query = response.headers["Location"].removeprefix(f"{DONE}?")
    assert len(STATE) == 90
    assert parse_qsl(query) == [("state", STATE)]
    assert unquote(query.removeprefix("state=")) == STATE


@pytest.mark.parametrize(
    ("uri", "state", "expected"),
    [
        pytest.param(DONE, None, DONE, id="plain"),
        pytest.param(DONE, "", DONE, id="empty state"),
        pytest.param(
            "https://shop.test/done?lang=de&x=%7e",
            "s",
            "https://shop.test/done?lang=de&x=%7e&state=s",
            id="query",
        ),
        pytest.param(
            "com.example.shop:/done", "s", "com.example.shop:/done?state=s", id="app"
        ),
        pytest.param(
            "com.example.shop:///done",
            "s",
            "com.example.shop:///done?state=s",
            id="app with an empty host",
        ),
        pytest.param(
            "com.example.shop:/done", None, "com.example.shop:/done", id="app, no state"
        ),
        pytest.param(
            "https://shop.test/fertig-ä",
            None,
            "https://shop.test/fertig-%C3%A4",
            id="ä",
        ),
        pytest.param(
            DONE, "ä ü\r\nX: y", f"{DONE}?state=%C3%A4%20%C3%BC%0D%0AX%3A%20y", id="odd"
        ),
    ],
)
def test_the_address_is_exactly_the_registered_one(
    host: Host, uri: str, state: str | None, expected: str
) -> None:
    """Not a byte of the registered URI changes on its way into the header."""
    # RIL-OP-05, RIL-OP-09, RIL-OP-10
    browser = host.signed_in("shop")
    given = {"id_token_hint": host.hint(), "post_logout_redirect_uri": uri}

    response = browser.get(
        END, query_string=given | ({} if state is None else {"state": state})
    )

    assert response.headers["Location"] == expected


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"exp": 1_000_000_000}, id="expired"),
        pytest.param({"aud": ["shop"]}, id="audience in a list"),
        pytest.param({"aud": ["api", "shop"], "azp": "shop"}, id="azp"),
    ],
)
def test_hints_that_are_welcome(host: Host, claims: dict[str, Any]) -> None:
    """An ID token of this session ends it, expired or not."""
    # RIL-OP-12
    browser = host.signed_in("shop")

    response = browser.get(
        END,
        query_string={
            "id_token_hint": host.hint(sid=sid_of(browser), **claims),
            "post_logout_redirect_uri": DONE,
        },
    )

    assert response.headers["Location"] == DONE
    assert not is_signed_in(browser)


def test_a_symmetric_hint(host: Host) -> None:
    """A client whose ID tokens are signed with its secret may bring one back."""
    browser = host.signed_in("news")

    browser.get(END, query_string={"id_token_hint": host.hint("news")})

    assert not is_signed_in(browser)


def test_client_id_that_agrees(host: Host) -> None:
    """A client id that says what the hint says changes nothing."""
    browser = host.signed_in("shop")

    response = browser.get(
        END,
        query_string={
            "id_token_hint": host.hint(),
            "client_id": "shop",
            "post_logout_redirect_uri": DONE,
        },
    )

    assert response.headers["Location"] == DONE


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"ui_locales": "xx-YY \x00 de"}, id="ui_locales"),
        pytest.param({"logout_hint": "alice@example.test"}, id="logout_hint"),
        pytest.param({"unknown": "<b>"}, id="unknown"),
    ],
)
def test_parameters_that_change_nothing(host: Host, more: dict[str, str]) -> None:
    """What is not supported, or unknown, is no error."""
    # RIL-OP-21
    browser = host.signed_in("shop")

    browser.get(END, query_string={"id_token_hint": host.hint(), **more})

    assert not is_signed_in(browser)


def test_reason(host: Host) -> None:
    """A logout that a client asked for is told from one that the user began."""
    # RIL-OP-33
    by_client, by_user = host.signed_in("shop"), host.signed_in("shop")
    reasons: list[LogoutReason] = []

    def listen(_: Flask, ended: Any) -> None:
        reasons.append(ended.reason)

    with session_ended.connected_to(listen, host.app):
        by_client.get(END, query_string={"id_token_hint": host.hint()})
        confirmed(by_user, by_user.get(END))

    assert reasons == [LogoutReason.RP_INITIATED, LogoutReason.USER]


def test_a_mounted_app() -> None:
    """Below a path the pages, the cookie and the form stay below it."""
    host = host_app()
    browser = host.browser()
    below = {"base_url": "https://idp.test/idp/"}
    browser.post("/login/alice", **below)
    browser.post("/join/mail", **below)

    question = browser.get(END, **below)
    answer = browser.post(END, data={**Page(question).fields, "answer": "yes"}, **below)

    assert Page(question).action == f"/idp{END}"
    assert answer.headers["Location"] == f"/idp{CALLBACK}"
    assert attributes(answer)[COOKIE]["path"] == f"/idp{END}"


def test_cookies_are_gone_after_a_logout(host: Host) -> None:
    """The browser keeps neither the handle nor the check-session cookie."""
    # SM-OP-15
    browser = host.signed_in("shop")

    response = browser.get(END, query_string={"id_token_hint": host.hint()})

    gone = {name for name, c in attributes(response).items() if "max-age" in c}
    assert gone == {HANDLE, SESSION_ID}
