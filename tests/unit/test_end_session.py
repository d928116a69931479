"""The end-session endpoint: who is asked, who is told, and where the browser goes."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs
from urllib.parse import parse_qsl
from urllib.parse import unquote
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask import request_started
from flask.testing import FlaskClient
from joserfc import jws
from joserfc.jwk import OctKey
from werkzeug.test import TestResponse

from idp_session import Client
from idp_session import DeliveryState
from idp_session import LogoutReason
from idp_session.flask import session_ended
from idp_session.flask import user_session
from idp_session.models import SendResult

from .hosts import attributes
from .hosts import DONE
from .hosts import HANDLE
from .hosts import Host
from .hosts import host_app
from .hosts import Page
from .hosts import running
from .hosts import SESSION_ID
from .hosts import SHOP
from .hosts import STATE

END = "/connect/endsession"
CALLBACK = "/connect/endsession/callback"
COOKIE = "idp_session_logout"


@pytest.fixture
def host() -> Host:
    """A host over https."""
    return host_app()


def sid_of(browser: FlaskClient) -> str:
    session_id: str = browser.get("/whoami").get_json()["sid"]

    return session_id


def sent(browser: FlaskClient, method: str, given: dict[str, Any]) -> TestResponse:
    """A request with its parameters where the method has them."""
    if method == "GET":
        return browser.get(END, query_string=given)

    return browser.post(END, data=given)


def is_signed_in(browser: FlaskClient) -> bool:
    return browser.get("/whoami").get_json()["subject"] is not None


def is_question(response: TestResponse) -> bool:
    return response.status_code == 200 and "Do you want to sign out?" in response.text


def confirmed(
    browser: FlaskClient, question: TestResponse, answer: str = "yes"
) -> TestResponse:
    """What comes when the user answers."""
    page = Page(question)

    return browser.post(page.action or "", data={**page.fields, "answer": answer})


def unsigned(claims: dict[str, Any]) -> str:
    """A token with ``alg`` none."""
    parts = ({"alg": "none"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(p).encode()) for p in parts]

    return ".".join(part.decode().rstrip("=") for part in encoded) + "."


# What a valid hint does


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
    assert response.headers["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "base-uri 'none'; frame-ancestors 'none'; frame-src 'none'"
    )


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


# Who is asked


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


def _other_session(host: Host, _: FlaskClient) -> str:
    return host.hint(sid=sid_of(host.signed_in("shop")))


@pytest.mark.parametrize(
    "make_hint",
    [
        pytest.param(_other_session, id="other session of the user"),
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
            "id_token_hint": _other_session(host, browser),
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


# The question and its answer


def test_no(host: Host) -> None:
    """Whoever says no stays signed in, here, and nobody is told anything."""
    # RIL-OP-18
    browser = host.signed_in("shop")
    session_id = sid_of(browser)
    question = browser.get(
        END,
        query_string={
            "id_token_hint": _other_session(host, browser),
            "post_logout_redirect_uri": DONE,
        },
    )

    response = confirmed(browser, question, "no")

    assert (response.status_code, Page(response).onward) == (200, None)
    assert "You are still signed in" in response.text
    assert is_signed_in(browser)
    assert host.owed(session_id) == ()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({}, id="none"),
        pytest.param({"answer": ""}, id="empty"),
        pytest.param({"answer": "maybe"}, id="other"),
        pytest.param({"answer": ["no", "yes"]}, id="both"),
    ],
)
def test_only_a_yes_is_a_yes(host: Host, answer: dict[str, Any]) -> None:
    """Whoever does not say yes stays signed in."""
    browser = host.signed_in("shop")
    page = Page(browser.get(END))

    browser.post(END, data={**page.fields, **answer})

    assert is_signed_in(browser)


_FORGED: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "noise": lambda _: "x",
    "odd characters": lambda _: "ä\x00",
    "hexadecimal": lambda _: "00" * 100,
    "long": lambda _: "00" * 50_000,
    "tampered": lambda value: value[:-2] + ("00" if value[-2:] != "00" else "01"),
    "shortened": lambda value: value[:40],
}


@pytest.mark.parametrize("name", _FORGED)
def test_forged_confirmation(host: Host, name: str) -> None:
    """A form that is not ours ends nothing; the user is asked again."""
    # RIL-OP-17
    browser = host.signed_in("shop")
    genuine = Page(browser.get(END)).fields["confirmation"]

    response = browser.post(
        END, data={"confirmation": _FORGED[name](genuine), "answer": "yes"}
    )

    assert is_question(response)
    assert is_signed_in(browser)


def test_answer_without_confirmation(host: Host) -> None:
    """An answer without our form is a request like any other: the user is asked."""
    browser = host.signed_in("shop")

    response = browser.post(END, data={"answer": "yes"})

    assert is_question(response)
    assert is_signed_in(browser)


def test_confirmation_in_the_query(host: Host) -> None:
    """What confirms is the body of a form, never an address."""
    browser = host.signed_in("shop")
    fields = Page(browser.get(END)).fields

    response = browser.get(END, query_string={**fields, "answer": "yes"})

    assert is_question(response)
    assert is_signed_in(browser)


@pytest.mark.parametrize(
    "subject",
    [pytest.param("bob", id="other user"), pytest.param("alice", id="same user")],
)
def test_confirmation_of_another_browser(host: Host, subject: str) -> None:
    """The form of one session is worth nothing in another one."""
    mine = host.signed_in("shop")
    theirs = host.signed_in("shop", subject=subject)
    fields = Page(theirs.get(END)).fields

    response = mine.post(END, data={**fields, "answer": "yes"})

    assert is_question(response)
    assert is_signed_in(mine)


def test_confirmation_from_before_a_sign_in(host: Host) -> None:
    """A form from before the last sign-in is asked again."""
    browser = host.signed_in("shop")
    question = browser.get(END)
    browser.post("/login/alice")

    response = confirmed(browser, question)

    assert is_question(response)
    assert is_signed_in(browser)


def test_expired_confirmation(host: Host) -> None:
    """A form that was left open too long is asked again."""
    browser = host.signed_in("shop")
    question = browser.get(END)
    host.clock.tick(timedelta(minutes=10, seconds=1))

    response = confirmed(browser, question)

    assert is_question(response)
    assert is_signed_in(browser)


def test_confirmation_of_nobody(host: Host) -> None:
    """Without a session there is nothing to confirm: signed out is signed out."""
    response = host.browser().post(END, data={"confirmation": "00", "answer": "yes"})

    assert "You are signed out" in response.text


def test_second_click(host: Host) -> None:
    """A form that is sent twice ends one session, and owes everything once."""
    browser = host.signed_in("shop")
    session_id = sid_of(browser)
    handle = browser.get_cookie(HANDLE, domain="idp.test")
    assert handle is not None
    question = browser.get(
        END,
        query_string={
            "id_token_hint": _other_session(host, browser),
            "post_logout_redirect_uri": DONE,
        },
    )

    first = confirmed(browser, question)
    browser.set_cookie(HANDLE, handle.value, domain="idp.test")
    second = confirmed(browser, question)

    assert [r.headers["Location"] for r in (first, second)] == [DONE, DONE]
    assert [each.client_id for each in host.owed(session_id)] == ["shop"]


def test_late_answer(host: Host) -> None:
    """If the session ended while the page was open, the answer is still answered."""
    browser = host.signed_in("shop")
    question = browser.get(END)
    browser.post(f"/end/{sid_of(browser)}")

    response = confirmed(browser, question)

    assert "You are signed out" in response.text


def test_an_end_that_somebody_else_was_faster_with(host: Host) -> None:
    """Of two ends at once the slower one goes on as if it had been the one."""
    browser = host.signed_in("shop")
    session_id = sid_of(browser)

    given = {"id_token_hint": host.hint(), "post_logout_redirect_uri": DONE}

    def faster(_: Flask, **__: Any) -> None:
        assert user_session.user
        assert user_session.client_ids
        host.extension.end(session_id, reason=LogoutReason.ADMIN)

    with request_started.connected_to(faster, host.app):
        response = browser.get(END, query_string=given)

    assert response.headers["Location"] == DONE
    assert [each.reason for each in host.owed(session_id)] == [LogoutReason.ADMIN]


# Forms that other sites post


def test_post_without_cookies_goes_on_by_get(host: Host) -> None:
    """A post from another site, which brings no Lax cookie, is continued by GET."""
    # RIL-OP-08
    browser = host.signed_in("shop")
    hint = host.hint(sid=sid_of(browser))
    given = {
        "id_token_hint": hint,
        "post_logout_redirect_uri": DONE,
        "state": STATE,
    }

    posted = host.browser().post(END, data=given)
    location = posted.headers["Location"]
    response = browser.get(location)

    assert (posted.status_code, location.partition("?")[0]) == (303, END)
    assert hint not in location
    assert hint.split(".")[1] not in location
    assert parse_qs(urlsplit(response.headers["Location"]).query) == {"state": [STATE]}
    assert not is_signed_in(browser)


def test_post_without_cookies_and_without_hint(host: Host) -> None:
    """What comes by GET then is asked like anything else."""
    browser = host.signed_in("shop")

    posted = host.browser().post(END, data={"client_id": "shop"})
    response = browser.get(posted.headers["Location"])

    assert is_question(response)
    assert is_signed_in(browser)


def test_post_without_cookies_for_somebody_else(host: Host) -> None:
    """Another user's request, carried over, ends nothing."""
    browser = host.signed_in("shop")

    posted = host.browser().post(END, data={"id_token_hint": host.hint(sub="mallory")})
    response = browser.get(posted.headers["Location"])

    assert is_question(response)
    assert is_signed_in(browser)


def test_post_by_nobody(host: Host) -> None:
    """Where nobody is signed in the way leads on all the same."""
    # RIL-OP-20
    browser = host.browser()
    given = {"id_token_hint": host.hint(), "post_logout_redirect_uri": DONE}

    response = browser.post(END, data=given, follow_redirects=False)
    response = browser.get(response.headers["Location"])

    assert response.headers["Location"] == DONE


@pytest.mark.parametrize(
    "carried",
    [
        pytest.param("", id="empty"),
        pytest.param("ä", id="odd"),
        pytest.param("00" * 80, id="forged"),
    ],
)
def test_forged_carried_request(host: Host, carried: str) -> None:
    """What was not sealed here is not a request."""
    browser = host.signed_in("shop")

    response = browser.get(END, query_string={"logout_request": carried})

    assert is_question(response)


def test_a_carried_request_expires(host: Host) -> None:
    """A sealed request in an address is good for some minutes."""
    browser = host.signed_in("shop")
    posted = host.browser().post(END, data={"id_token_hint": host.hint()})
    host.clock.tick(timedelta(minutes=11))

    response = browser.get(posted.headers["Location"])

    assert is_question(response)


def test_a_carried_request_is_no_confirmation(host: Host) -> None:
    """The sealed request that anybody can get does not stand for the user's yes."""
    browser = host.signed_in("shop")
    posted = host.browser().post(END, data={})
    carried = parse_qs(urlsplit(posted.headers["Location"]).query)["logout_request"][0]

    response = browser.post(END, data={"confirmation": carried, "answer": "yes"})

    assert is_question(response)
    assert is_signed_in(browser)


# Odd requests


@pytest.mark.parametrize(
    "name",
    ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_repeated_parameters(host: Host, name: str, method: str) -> None:
    """A parameter that is given twice is not used at all, wherever it stands."""
    browser = host.signed_in("shop")
    given = {
        "id_token_hint": host.hint(),
        "client_id": "shop",
        "post_logout_redirect_uri": DONE,
        "state": "s",
    }
    twice = {**given, name: [given[name], given[name]]}

    response = sent(browser, method, twice)

    expected = {
        "id_token_hint": None,
        "client_id": f"{DONE}?state=s",
        "post_logout_redirect_uri": CALLBACK,
        "state": DONE,
    }
    assert response.headers.get("Location") == expected[name]


def test_repeated_in_query_and_body(host: Host) -> None:
    """Once in the address and once in the body is twice."""
    browser = host.signed_in("shop")
    given = {"id_token_hint": host.hint()}

    response = browser.post(END, query_string=given, data=given)

    assert is_question(response)


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("%00", id="NUL"),
        pytest.param("id_token_hint=%ff%fe", id="not UTF-8"),
        pytest.param("client_id=%ff&state=%80", id="bytes"),
        pytest.param("client_id=%00", id="NUL in the client"),
        pytest.param("post_logout_redirect_uri=%0d%0aX:y", id="line ends"),
        pytest.param("%zz=%&&==&;", id="broken"),
        pytest.param("state=" + "x" * 100_000, id="long"),
        pytest.param("&".join(f"a{n}=1" for n in range(2000)), id="many"),
        pytest.param("confirmation[]=1&answer[]=2", id="other names"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_odd_requests(host: Host, query: str, method: str) -> None:
    """Nothing that is written into a request is a failure of the server."""
    browser = host.signed_in("shop")

    in_query = browser.open(f"{END}?{query}", method=method)
    in_body = browser.open(
        END,
        method=method,
        data=query,
        content_type="application/x-www-form-urlencoded",
    )

    assert {in_query.status_code, in_body.status_code} <= {200, 413}
    assert is_signed_in(browser)


@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param("application/json", id="JSON"),
        pytest.param("multipart/form-data", id="multipart without boundary"),
        pytest.param("application/x-www-form-urlencoded; charset=utf-7", id="charset"),
        pytest.param("x" * 1000, id="noise"),
    ],
)
def test_odd_bodies(host: Host, content_type: str) -> None:
    """A body that is no form is a request without parameters."""
    browser = host.signed_in("shop")

    response = browser.post(END, data=b"\xff{", content_type=content_type)

    assert is_question(response)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods(host: Host, method: str) -> None:
    """There are two ways to ask."""
    assert host.signed_in().open(END, method=method).status_code == 405


def test_markup_is_escaped() -> None:
    """Names of clients and users are words on the page and nothing else."""
    # RIL-OP-29
    host = host_app()
    browser = host.browser()
    browser.post("/login/alice?name=<script>alert(1)</script>")

    response = browser.get(
        END,
        query_string={
            "client_id": "news",
            "state": "<script>",
            "logout_hint": "<script>",
            "id_token_hint": "'\"><script>",
        },
    )
    page = Page(response)

    assert "script" not in page.tags
    assert "b" not in page.tags
    assert '<b>News</b> & "more" asks to sign you out' in page.text
    assert "You are signed in as <script>alert(1)</script>" in page.text


# Front channel, and the page at the end


def test_frames(host: Host) -> None:
    """Every client that wants it is told in a frame, before the way leads on."""
    # FCL-OP-01..05, FCL-OP-07, FCL-OP-09, FCL-OP-12, FCL-OP-14
    browser = host.signed_in("shop", "mail", "news")
    session_id = sid_of(browser)

    response = browser.get(
        END,
        query_string={
            "id_token_hint": host.hint(),
            "post_logout_redirect_uri": DONE,
            "state": STATE,
        },
    )
    last = browser.get(response.headers["Location"])
    page = Page(last)

    told = f"iss=https%3A%2F%2Fidp.test&sid={session_id}"
    assert response.headers["Location"] == CALLBACK
    assert page.frames == [
        f"https://mail.test/front?a=1&b=%7e&{told}",
        f"https://news.test:8443/front?{told}",
    ]
    assert parse_qs((page.onward or "").removeprefix(f"{DONE}?")) == {"state": [STATE]}


def test_frames_are_escaped_in_the_page(host: Host) -> None:
    """The addresses are attributes of HTML."""
    # FCL-OP-09
    browser = host.signed_in("mail")

    browser.get(END, query_string={"id_token_hint": host.hint("mail")})
    response = browser.get(CALLBACK)

    assert "front?a=1&amp;b=%7e&amp;iss=" in response.text


def test_frame_origins(host: Host) -> None:
    """The policy names exactly the origins that are framed, and keeps the rest."""
    # FCL-OP-13
    browser = host.signed_in("shop", "mail", "news")

    browser.get(END, query_string={"id_token_hint": host.hint()})
    policy = browser.get(CALLBACK).headers["Content-Security-Policy"]

    assert policy.endswith("; frame-src https://mail.test https://news.test:8443")
    assert "frame-ancestors 'none'" in policy


def test_frames_are_bounded_in_time() -> None:
    """The page says how long it waits at the most."""
    # FCL-OP-13
    host = host_app(config={"IDP_SESSION_FRONT_CHANNEL_WAIT": 1.5})
    browser = host.signed_in("mail")

    browser.get(END, query_string={"id_token_hint": host.hint("mail")})

    assert 'data-wait="1500"' in browser.get(CALLBACK).text


def test_frames_are_shown_once(host: Host) -> None:
    """A reload, a bookmark, a second visit: no frames, no way on."""
    # FCL-OP-15
    browser = host.signed_in("mail")
    browser.get(
        END,
        query_string={
            "id_token_hint": host.hint("mail"),
            "post_logout_redirect_uri": "https://mail.test/",
        },
    )

    first, second = Page(browser.get(CALLBACK)), Page(browser.get(CALLBACK))

    assert (len(first.frames), first.onward) == (1, "https://mail.test/")
    assert (second.frames, second.onward) == ([], None)


def test_the_logout_cookie(host: Host) -> None:
    """What the page shows comes with a cookie for it alone, and goes with it."""
    browser = host.signed_in("mail")

    before = browser.get(END, query_string={"id_token_hint": host.hint("mail")})
    after = browser.get(CALLBACK)

    cookie = attributes(before)[COOKIE]
    assert "mail" not in bytes.fromhex(cookie.pop("")).decode("latin1")
    assert cookie == {
        "secure": "",
        "httponly": "",
        "path": CALLBACK,
        "samesite": "Lax",
    }
    assert attributes(after)[COOKIE]["max-age"] == "0"
    assert attributes(after)[COOKIE]["path"] == CALLBACK


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param("5e55", id="a session id"),
        pytest.param("00" * 100, id="forged"),
        pytest.param("x", id="noise"),
    ],
)
def test_forged_logout_cookie(host: Host, value: str) -> None:
    """Who makes one up sees nothing of anybody's logout."""
    # FCL-OP-15
    browser = host.browser()
    browser.set_cookie(COOKIE, value, domain="idp.test", path=CALLBACK)

    response = browser.get(CALLBACK)

    assert "You are signed out" in response.text
    assert Page(response).frames == []
    assert attributes(response)[COOKIE]["max-age"] == "0"


@pytest.mark.parametrize(
    "query", [{"logoutId": "5e55"}, {"sid": "x"}, {"session_id": "x"}], ids=str
)
def test_the_address_alone_shows_nothing(host: Host, query: dict[str, str]) -> None:
    """A bare or forged id in the address shows no frames to anybody."""
    # FCL-OP-15
    host.signed_in("mail").get(END, query_string={"id_token_hint": host.hint("mail")})

    response = host.browser().get(CALLBACK, query_string=query)

    assert Page(response).frames == []
    assert attributes(response) == {}


def test_the_logout_page_expires(host: Host) -> None:
    """A page that was not fetched for long shows nothing any more."""
    browser = host.signed_in("mail")
    browser.get(END, query_string={"id_token_hint": host.hint("mail")})
    host.clock.tick(timedelta(minutes=10, seconds=1))

    assert Page(browser.get(CALLBACK)).frames == []


def test_the_callback_does_not_lie(host: Host) -> None:
    """Who is signed in and comes to the last page by its address is told so."""
    response = host.signed_in().get(CALLBACK)

    assert "You are still signed in" in response.text
    assert "You are signed out" not in response.text


def test_only_participants_are_told(host: Host) -> None:
    """A client that is registered but has no part in the session hears nothing."""
    # FCL-OP-12
    browser = host.signed_in("shop")
    session_id = sid_of(browser)

    browser.get(END, query_string={"id_token_hint": host.hint()})
    page = Page(browser.get(CALLBACK))

    assert page.frames == []
    assert [each.client_id for each in host.owed(session_id)] == ["shop"]


def test_a_client_that_is_gone(host: Host) -> None:
    """A participant that is registered no more is left out."""
    browser = host.signed_in("shop", "mail")
    hint = host.hint()
    del host.clients.by_id["mail"]

    browser.get(END, query_string={"id_token_hint": hint})
    page = Page(browser.get(CALLBACK))

    assert page.frames == []
    assert "Mail" not in page.text
    assert "0 of 1 application confirmed" in page.text


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("javascript:alert(1)", id="script"),
        pytest.param("com.example.app:/front", id="app"),
        pytest.param("https://a b/", id="space"),
        pytest.param("https://x;frame-src *//", id="policy"),
        pytest.param("", id="empty"),
        pytest.param("https://[", id="broken"),
    ],
)
def test_a_registered_frame_that_is_none(uri: str) -> None:
    """What cannot be framed safely is not framed, and keeps nobody from logging out."""
    odd = Client(client_id="odd", front_channel_logout_uri=uri)
    host = host_app(clients=(SHOP, odd))
    browser = host.signed_in("shop", "odd")

    browser.get(END, query_string={"id_token_hint": host.hint()})
    response = browser.get(CALLBACK)

    assert Page(response).frames == []
    assert response.headers["Content-Security-Policy"].endswith("frame-src 'none'")


def test_a_long_state_and_frames(host: Host) -> None:
    """A state that no cookie holds comes back all the same, after the frames."""
    state = "s" * 3000
    browser = host.signed_in("shop", "mail")

    response = browser.post(
        END,
        data={
            "id_token_hint": host.hint(),
            "post_logout_redirect_uri": DONE,
            "state": state,
        },
    )
    page = Page(response)

    assert (response.status_code, len(page.frames)) == (200, 1)
    assert page.onward == f"{DONE}?state={state}"
    assert not is_signed_in(browser)


# Back channel


def test_everybody_is_owed_word_once(host: Host) -> None:
    """Each participant, the asking client included, is owed one notification."""
    # RIL-OP-31, BCL-OP-01, BCL-OP-35
    browser = host.signed_in("shop", "mail", "news", "shop")
    session_id = sid_of(browser)

    browser.get(END, query_string={"id_token_hint": host.hint()})
    browser.get(END, query_string={"id_token_hint": host.hint()})
    browser.post("/logout")

    owed = host.owed(session_id)
    assert [each.client_id for each in owed] == ["shop", "mail", "news"]
    assert {each.state for each in owed} == {DeliveryState.PENDING}


def test_the_page_counts_confirmations(host: Host) -> None:
    """The last page says which applications have confirmed, and which have not."""
    # FCL-OP-16
    host.sender.answers["https://mail.test/back"] = SendResult(status=500)
    browser = host.signed_in("shop", "mail", "news")
    browser.get(END, query_string={"id_token_hint": host.hint()})
    host.deliver()

    text = Page(browser.get(CALLBACK)).text

    assert "Signing you out of Shop, Mail and <b>News</b>" in text
    assert "1 of 3 applications confirmed." in text
    assert "Shop signed out" in text
    assert "Mail asked in this browser" in text


def test_an_application_that_is_not_reached(host: Host) -> None:
    """Of a client without frame that did not answer, the page says that we go on."""
    host.sender.answers["https://shop.test/back"] = SendResult(status=503)
    browser = host.signed_in("shop")
    browser.get(END, query_string={"id_token_hint": host.hint()})
    host.deliver()

    text = Page(browser.get(CALLBACK)).text

    assert "0 of 1 application confirmed." in text
    assert "Shop not reached yet; we keep trying" in text


def test_the_response_waits_for_quick_clients() -> None:
    """What clients answer at once, the last page knows."""
    host = host_app(
        config={
            "IDP_SESSION_DELIVERY_IN_PROCESS": True,
            "IDP_SESSION_BACK_CHANNEL_WAIT": 5,
        }
    )

    with running(host):
        browser = host.signed_in("shop", "mail")
        browser.get(END, query_string={"id_token_hint": host.hint()})
        text = Page(browser.get(CALLBACK)).text

    assert "2 of 2 applications confirmed." in text


def test_a_client_that_hangs_keeps_nobody_waiting() -> None:
    """The response comes within its bound, whatever the clients do."""
    # BCL-OP-27
    host = host_app(
        config={
            "IDP_SESSION_DELIVERY_IN_PROCESS": True,
            "IDP_SESSION_BACK_CHANNEL_WAIT": 0.2,
        }
    )
    host.sender.open.clear()

    with running(host):
        browser = host.signed_in("shop")
        given = {"id_token_hint": host.hint(), "post_logout_redirect_uri": DONE}
        began_at = time.monotonic()
        response = browser.get(END, query_string=given)
        lasted = time.monotonic() - began_at

    assert response.headers["Location"] == DONE
    assert 0.2 <= lasted < 2


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
    assert attributes(answer)[COOKIE]["path"] == f"/idp{CALLBACK}"


def test_cookies_are_gone_after_a_logout(host: Host) -> None:
    """The browser keeps neither the handle nor the check-session cookie."""
    # SM-OP-15
    browser = host.signed_in("shop")

    response = browser.get(END, query_string={"id_token_hint": host.hint()})

    gone = {name for name, c in attributes(response).items() if "max-age" in c}
    assert gone == {HANDLE, SESSION_ID}
