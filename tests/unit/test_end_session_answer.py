"""The end-session endpoint: the question and its answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask import request_started

from idp_session import LogoutReason
from idp_session.flask import user_session

from .end_session_steps import confirmed
from .end_session_steps import END
from .end_session_steps import is_question
from .end_session_steps import is_signed_in
from .end_session_steps import other_session
from .end_session_steps import sid_of
from .hosts import DONE
from .hosts import HANDLE
from .hosts import Host
from .hosts import host_app
from .hosts import Page


@pytest.fixture
def host() -> Host:
    """A host over https."""
    return host_app()


def test_no(host: Host) -> None:
    """Whoever says no stays signed in, here, and nobody is told anything."""
    # RIL-OP-18
    browser = host.signed_in("shop")
    session_id = sid_of(browser)
    question = browser.get(
        END,
        query_string={
            "id_token_hint": other_session(host, browser),
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
            "id_token_hint": other_session(host, browser),
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
