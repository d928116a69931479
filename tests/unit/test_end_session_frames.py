"""The end-session endpoint: the front channel, and the page at the end."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from idp_session import Client

from .end_session_steps import CALLBACK
from .end_session_steps import COOKIE
from .end_session_steps import END
from .end_session_steps import is_signed_in
from .end_session_steps import sid_of
from .hosts import attributes
from .hosts import directives
from .hosts import DONE
from .hosts import Host
from .hosts import host_app
from .hosts import Page
from .hosts import SHOP
from .hosts import STATE


@pytest.fixture
def host() -> Host:
    """A host over https."""
    return host_app()


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
    policy = directives(browser.get(CALLBACK))

    assert policy["frame-src"] == "https://mail.test https://news.test:8443"
    assert policy["frame-ancestors"] == "'none'"


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
        "path": END,
        "samesite": "Lax",
    }
    assert attributes(after)[COOKIE]["max-age"] == "0"
    assert attributes(after)[COOKIE]["path"] == END


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
    assert directives(response)["frame-src"] == "'none'"


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


def test_frames_are_in_a_sandbox(host: Host) -> None:
    """A frame may sign out as its page does, and nothing else."""
    browser = host.signed_in("mail")
    browser.get(END, query_string={"id_token_hint": host.hint("mail")})

    assert (
        'sandbox="allow-scripts allow-same-origin allow-forms '
        'allow-storage-access-by-user-activation"'
    ) in browser.get(CALLBACK).text


@pytest.mark.parametrize(
    ("delivers", "advice"),
    [
        pytest.param(False, '<p id="advice" class="quiet">', id="only asked"),
        pytest.param(True, '<p id="advice" class="quiet" hidden>', id="confirmed"),
    ],
)
def test_what_to_do_where_nobody_confirms(
    host: Host, *, delivers: bool, advice: str
) -> None:
    """Without scripts, too, the page says what a frame is worth; not if all confirmed."""
    # FCL-OP-16
    browser = host.signed_in("mail")
    browser.get(END, query_string={"id_token_hint": host.hint("mail")})

    if delivers:
        host.deliver()

    assert advice in browser.get(CALLBACK).text
