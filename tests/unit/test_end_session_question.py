"""The end-session endpoint: who is asked before anything ends."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest
from joserfc import jws
from joserfc.jwk import OctKey

from .end_session_steps import CALLBACK
from .end_session_steps import confirmed
from .end_session_steps import END
from .end_session_steps import is_question
from .end_session_steps import is_signed_in
from .end_session_steps import other_session
from .end_session_steps import sent
from .end_session_steps import sid_of
from .hosts import DONE
from .hosts import Host
from .hosts import host_app
from .hosts import Page
from .hosts import STATE


@pytest.fixture
def host() -> Host:
    """A host over https."""
    return host_app()


def unsigned(claims: dict[str, Any]) -> str:
    """A token with ``alg`` none."""
    parts = ({"alg": "none"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(p).encode()) for p in parts]

    return ".".join(part.decode().rstrip("=") for part in encoded) + "."


@pytest.mark.parametrize(
    "query",
    [
        pytest.param({}, id="no parameters"),
        pytest.param({"state": STATE}, id="only state"),
        pytest.param({"client_id": "shop"}, id="client_id"),
        pytest.param({"client_id": "else"}, id="unknown client_id"),
        pytest.param({"post_logout_redirect_uri": DONE, "state": "s"}, id="URI"),
        pytest.param(
            {"client_id": "shop", "post_logout_redirect_uri": DONE, "state": "s"},
            id="client_id and its URI",
        ),
        pytest.param({"logout_hint": "alice"}, id="logout_hint"),
        pytest.param({"id_token_hint": ""}, id="empty hint"),
        pytest.param({"id_token_hint": "x"}, id="noise"),
        pytest.param({"id_token_hint": "a.b.c"}, id="three parts of noise"),
        pytest.param({"id_token_hint": "ä\x00\ud7ff." * 3}, id="odd characters"),
        pytest.param({"id_token_hint": "A" * 100_000}, id="long"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_hint_the_user_is_asked(
    host: Host, query: dict[str, str], method: str
) -> None:
    """A bare request ends nothing; after a yes there is no redirect to a client."""
    # RIL-OP-15, RIL-OP-17, RIL-OP-18, RIL-OP-19, RIL-OP-22, RIL-OP-28
    browser = host.signed_in("shop")

    question = sent(browser, method, query)
    signed_in = is_signed_in(browser)
    answer = confirmed(browser, question)
    last = browser.get(answer.headers["Location"])

    assert is_question(question)
    assert signed_in
    assert answer.headers["Location"] == CALLBACK
    assert "You are signed out" in last.text
    assert Page(last).onward is None
    assert not is_signed_in(browser)


def _foreign(host: Host, **claims: Any) -> str:
    """A token for the client ``shop`` by somebody else's key."""
    now = int(host.clock.now().timestamp())
    payload = {
        "iss": "https://idp.test",
        "sub": "alice",
        "aud": "shop",
        "iat": now,
        "exp": now + 60,
        **claims,
    }
    key = OctKey.import_key("the client's own secret, of 32 octets")

    return jws.serialize_compact({"alg": "HS256"}, json.dumps(payload), key)


_BAD_HINTS: dict[str, Callable[[Host], str]] = {
    "alg none": lambda host: unsigned(
        {
            "iss": "https://idp.test",
            "sub": "alice",
            "aud": "shop",
            "iat": int(host.clock.now().timestamp()),
            "exp": int(host.clock.now().timestamp()) + 60,
        }
    ),
    "signed by the client": _foreign,
    "signed by another client": lambda host: host.hint("news", aud="shop"),
    "other issuer": lambda host: host.hint(iss="https://evil.test"),
    "no audience": lambda host: host.hint(aud=None),
    "ambiguous audience": lambda host: host.hint(aud=["shop", "mail"]),
    "unknown audience": lambda host: host.hint(aud="else"),
    "no subject": lambda host: host.hint(sub=None),
    "logout token": lambda host: host.hint(
        typ="logout+jwt",
        events={"http://schemas.openid.net/event/backchannel-logout": {}},
    ),
    "logout token in disguise": lambda host: host.hint(
        events={"http://schemas.openid.net/event/backchannel-logout": {}}
    ),
    "access token": lambda host: host.hint(typ="at+jwt"),
    "tampered": lambda host: host.hint()[:-4] + "AAAA",
    "issued in the future": lambda host: host.hint(iat=4_000_000_000),
}


@pytest.mark.parametrize("name", _BAD_HINTS)
def test_a_hint_that_fails_is_not_used(host: Host, name: str) -> None:
    """A hint that is no ID token of ours chooses neither user nor client nor way."""
    # RIL-OP-11, RIL-OP-25, RIL-OP-26, RIL-OP-28, RIL-OP-30
    browser = host.signed_in("shop", "news")

    question = browser.get(
        END,
        query_string={
            "id_token_hint": _BAD_HINTS[name](host),
            "post_logout_redirect_uri": DONE,
            "state": "s",
        },
    )
    signed_in = is_signed_in(browser)
    answer = confirmed(browser, question)
    last = browser.get(answer.headers["Location"])

    assert signed_in
    assert "Shop asks" not in Page(question).text
    assert answer.headers["Location"] == CALLBACK
    assert Page(last).onward is None


@pytest.mark.parametrize("name", _BAD_HINTS)
def test_a_hint_that_fails_leads_nobody_away(host: Host, name: str) -> None:
    """With nobody signed in there is no redirect either."""
    # RIL-OP-23
    response = host.browser().get(
        END,
        query_string={
            "id_token_hint": _BAD_HINTS[name](host),
            "post_logout_redirect_uri": DONE,
        },
    )

    assert (response.status_code, Page(response).onward) == (200, None)


@pytest.mark.parametrize(
    "make_hint",
    [
        pytest.param(other_session, id="other session of the user"),
        pytest.param(lambda host, _: host.hint(sub="bob"), id="other user"),
        pytest.param(
            lambda host, browser: host.hint(sub="bob", sid=sid_of(browser)),
            id="other user, this session",
        ),
        pytest.param(lambda host, _: host.hint(sid="5e55"), id="session of the past"),
        pytest.param(lambda host, _: host.hint("mail"), id="client that has no part"),
    ],
)
def test_a_hint_for_something_else(host: Host, make_hint: Any) -> None:
    """A genuine hint that is not for this session and user makes us ask."""
    # RIL-OP-13, RIL-OP-17
    browser = host.signed_in("shop")

    response = browser.get(
        END, query_string={"id_token_hint": make_hint(host, browser)}
    )

    assert is_question(response)
    assert is_signed_in(browser)


def test_after_a_yes_a_genuine_hint_leads_back(host: Host) -> None:
    """The redirect of a genuine request is done when the user has agreed."""
    # RIL-OP-01, RIL-OP-18
    browser = host.signed_in("shop")
    question = browser.get(
        END,
        query_string={
            "id_token_hint": other_session(host, browser),
            "post_logout_redirect_uri": DONE,
            "state": STATE,
        },
    )

    answer = confirmed(browser, question)

    location = answer.headers["Location"]
    assert "Shop asks to sign you out" in Page(question).text
    assert parse_qs(location.removeprefix(f"{DONE}?")) == {"state": [STATE]}


def test_confirm_every_logout() -> None:
    """A host may want the user to be asked in any case."""
    # RIL-OP-16
    host = host_app(config={"IDP_SESSION_CONFIRM_EVERY_LOGOUT": True})
    browser = host.signed_in("shop")

    response = browser.get(
        END, query_string={"id_token_hint": host.hint(sid=sid_of(browser))}
    )

    assert is_question(response)
