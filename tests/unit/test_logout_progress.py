"""The signed-out page says how the sign-out goes on, to whoever has the page."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp_session import Client
from idp_session import LogoutReason
from idp_session.flask import session_ended
from idp_session.models import SendFailure
from idp_session.models import SendResult
from idp_session.testing import make_participant

from .hosts import directives
from .hosts import DONE
from .hosts import Host
from .hosts import host_app
from .hosts import Page

END = "/connect/endsession"
CALLBACK = "/connect/endsession/callback"
PROGRESS = "/connect/endsession/progress"
HEADER = "X-Logout-Progress"

SHOP_AT = "https://shop.test/back"
MAIL_AT = "https://mail.test/back"
WIKI_AT = "https://wiki.test/back"
WIKI = Client(client_id="wiki", name="<b>Wiki</b>", back_channel_logout_uri=WIKI_AT)
SHOP = Client(
    client_id="shop",
    name="Shop",
    post_logout_redirect_uris=(DONE,),
    back_channel_logout_uri=SHOP_AT,
)
MAIL = Client(
    client_id="mail",
    name="Mail",
    front_channel_logout_uri="https://mail.test/front",
    back_channel_logout_uri=MAIL_AT,
)

UNAVAILABLE = SendResult(status=503)


class Progress(HTMLParser):
    """What the script of a page would find in it."""

    def __init__(self, response: TestResponse) -> None:
        super().__init__()
        #: The attributes of the list.
        self.list: dict[str, str] = {}
        #: The states of the rows, by key.
        self.rows: dict[str, str] = {}
        self.scripts: list[str] = []
        self.feed(response.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}

        if tag == "script":
            self.scripts.append(given["src"].rpartition("/")[2])
        elif given.get("id") == "applications":
            self.list = given
        elif tag == "li" and "data-application" in given:
            self.rows[given["data-application"]] = given["data-state"]


@pytest.fixture
def host() -> Host:
    """A host none of whose clients answers as it should."""
    host = host_app(clients=(SHOP, MAIL, WIKI))
    host.sender.answers.update({SHOP_AT: UNAVAILABLE, WIKI_AT: UNAVAILABLE})

    return host


def signed_out(host: Host, *client_ids: str) -> TestResponse:
    """The page after a logout from these applications."""
    browser = host.signed_in(*client_ids)
    browser.get(END, query_string={"id_token_hint": host.hint(client_ids[0])})
    host.deliver()

    return browser.get(CALLBACK)


def asked(host: Host, token: str, browser: FlaskClient | None = None) -> TestResponse:
    return (browser or host.browser()).get(PROGRESS, headers={HEADER: token})


def test_the_page_hears_how_it_goes_on(host: Host) -> None:
    """What was waiting is signed out once the client has answered."""
    token = Progress(signed_out(host, "shop", "mail")).list["data-token"]
    before = asked(host, token).get_json()
    host.sender.answers.clear()
    host.clock.tick(timedelta(minutes=5))
    host.deliver()

    after = asked(host, token).get_json()

    assert before == {
        "applications": [
            {
                "key": "shop",
                "name": "Shop",
                "state": "waiting",
                "waiting": True,
            },
            {
                "key": "mail",
                "name": "Mail",
                "state": "signed-out",
                "waiting": False,
            },
        ],
        "complete": False,
    }
    assert after["complete"] is True
    assert {each["state"] for each in after["applications"]} == {"signed-out"}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(SendResult(status=400), id="refused"),
        pytest.param(SendResult(failure=SendFailure.ADDRESS_REFUSED), id="failed"),
    ],
)
def test_what_was_given_up_is_said_so(host: Host, answer: SendResult) -> None:
    """Nobody is kept waiting for what will not happen; a way out is named."""
    host.sender.answers[WIKI_AT] = answer

    response = signed_out(host, "wiki")

    page = Progress(response)
    assert page.rows == {"wiki": "not-told"}
    assert page.scripts == []
    assert (
        "<b>Wiki</b> could not be told; sign out there, or close your browser"
        in Page(response).text
    )


def test_a_page_with_nothing_to_wait_for_asks_nothing(host: Host) -> None:
    """Where everything is decided there is no script, no token, no connection."""
    host.sender.answers.clear()

    response = signed_out(host, "shop", "wiki")

    page = Progress(response)
    assert page.rows == {"shop": "signed-out", "wiki": "signed-out"}
    assert (page.scripts, page.list.get("data-token")) == ([], None)
    assert "connect-src" not in response.headers["Content-Security-Policy"]


def test_a_page_that_waits_may_ask_its_provider_only(host: Host) -> None:
    """The policy lets the script talk to the provider, and everything else stays."""
    response = signed_out(host, "shop")

    page = Progress(response)
    assert page.scripts == ["applications.js", "logout_progress.js"]
    assert page.list["data-progress"] == PROGRESS
    assert page.list["data-lifetime"] == "600000"
    assert directives(response) == {
        "default-src": "'none'",
        "img-src": "'self'",
        "frame-src": "'none'",
        "script-src": "'nonce'",
        "style-src": "'nonce'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }


def test_a_page_that_leads_on_asks_nothing(host: Host) -> None:
    """It is gone before there would be an answer."""
    host.sender.answers[MAIL_AT] = UNAVAILABLE
    browser = host.signed_in("shop", "mail")
    browser.get(
        END,
        query_string={
            "id_token_hint": host.hint(),
            "post_logout_redirect_uri": DONE,
        },
    )

    page = Progress(browser.get(CALLBACK))

    assert page.scripts == ["applications.js", "signed_out.js"]
    assert "data-token" not in page.list


@pytest.mark.parametrize(
    ("reasons", "config"),
    [
        pytest.param(frozenset({LogoutReason.ADMIN}), {}, id="client"),
        pytest.param(None, {"IDP_SESSION_LOGOUT_REASONS": "admin"}, id="settings"),
    ],
)
def test_who_does_not_want_to_hear_of_it_is_not_waited_for(
    reasons: frozenset[LogoutReason] | None, config: dict[str, str]
) -> None:
    """Nobody keeps trying to tell it, and the page does not say so either."""
    quiet = dataclasses.replace(SHOP, logout_reasons=reasons)
    loud = dataclasses.replace(WIKI, logout_reasons=frozenset(LogoutReason))
    host = host_app(clients=(quiet, loud), config=config)
    browser = host.signed_in("shop", "wiki")
    browser.get(END, query_string={"id_token_hint": host.hint("shop")})

    page = Progress(browser.get(CALLBACK))

    assert page.rows == {"wiki": "waiting"}


def test_a_frame_alone_is_not_waited_for() -> None:
    """Of a client without back channel nothing more will be known."""
    front = Client(client_id="front", front_channel_logout_uri="https://f.test/front")
    host = host_app(clients=(front,))
    browser = host.signed_in("front")
    browser.post(END, data={"id_token_hint": host.hint("front")})

    page = Progress(browser.get(CALLBACK))

    assert page.rows == {"front": "asked"}
    assert page.scripts == ["applications.js", "signed_out.js"]


def test_the_answer_is_for_the_page_alone(host: Host) -> None:
    """It is stored nowhere, and no other site may load it."""
    response = asked(host, Progress(signed_out(host, "shop")).list["data-token"])

    assert response.mimetype == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def _of_another_purpose(host: Host) -> str:
    plaintext = json.dumps({"session_id": "1", "until": 9e9}).encode()

    return host.state.protector.seal(plaintext, purpose="logout-in-progress").hex()


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param("5e55", id="a session id"),
        pytest.param("00" * 100, id="forged"),
        pytest.param("no hex", id="noise"),
        pytest.param("ä", id="not ASCII"),
        pytest.param("ab" * 5000, id="long"),
    ],
)
def test_without_the_token_nothing_is_shown(host: Host, token: str) -> None:
    """Whoever makes one up hears nothing of anybody's logout."""
    signed_out(host, "shop")

    response = asked(host, token)

    assert (response.status_code, response.data) == (404, b"")
    assert response.headers["Cache-Control"] == "no-store"


def test_without_a_header_nothing_is_shown(host: Host) -> None:
    """The address alone is worth nothing, with whatever is written behind it."""
    token = Progress(signed_out(host, "shop")).list["data-token"]

    response = host.browser().get(PROGRESS, query_string={"token": token})

    assert response.status_code == 404


def test_what_was_sealed_for_something_else_is_not_taken(host: Host) -> None:
    """The cookie of the logout page is no token."""
    assert asked(host, _of_another_purpose(host)).status_code == 404


def test_a_token_is_good_for_as_long_as_the_page(host: Host) -> None:
    """Ten minutes after the logout, not after the page was shown, it is over."""
    browser = host.signed_in("shop")
    browser.get(END, query_string={"id_token_hint": host.hint()})
    host.deliver()
    host.clock.tick(timedelta(minutes=4))
    page = Progress(browser.get(CALLBACK))
    token = page.list["data-token"]
    host.clock.tick(timedelta(minutes=6))
    in_time = asked(host, token)
    host.clock.tick(timedelta(seconds=1))

    too_late = asked(host, token)

    assert page.list["data-lifetime"] == "360000"
    assert (in_time.status_code, too_late.status_code) == (200, 404)


def test_only_one_logout_is_spoken_of(host: Host) -> None:
    """Another logout of the same person, at other applications, is not in it."""
    first = Progress(signed_out(host, "shop")).list["data-token"]
    signed_out(host, "wiki")

    answer = asked(host, first).get_json()

    assert [each["name"] for each in answer["applications"]] == ["Shop"]


def test_asking_is_no_use_of_a_session() -> None:
    """The session of the browser that asks is not read, renewed or found expired."""
    host = host_app(config={"IDP_SESSION_IDLE_TIMEOUT": 60})
    host.sender.answers[SHOP_AT] = UNAVAILABLE
    token = Progress(signed_out(host, "shop")).list["data-token"]
    browser = host.signed_in("wiki", subject="bob")
    ended: list[object] = []
    host.clock.tick(timedelta(minutes=9))

    with session_ended.connected_to(lambda _, **given: ended.append(given), host.app):
        response = asked(host, token, browser)

    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers
    assert ended == []


def test_names_are_escaped(host: Host) -> None:
    """A client chooses its name: in the page it is text, in the answer a string."""
    response = signed_out(host, "wiki")

    page = Progress(response)
    assert "&lt;b&gt;Wiki&lt;/b&gt;" in response.text
    answer = asked(host, page.list["data-token"]).get_json()
    assert answer["applications"][0]["name"] == "<b>Wiki</b>"


def test_a_client_id_that_is_no_text() -> None:
    """Half a character in a client id keeps nobody from seeing the page."""
    odd = Client(client_id="\udcffodd", back_channel_logout_uri=WIKI_AT)
    host = host_app(clients=(odd, SHOP))
    host.sender.answers[WIKI_AT] = UNAVAILABLE
    browser = host.signed_in("shop")
    session_id = browser.get("/whoami").get_json()["sid"]
    host.state.store.add_participant(
        make_participant(session_id, client_id="\udcffodd")
    )
    browser.get(END, query_string={"id_token_hint": host.hint()})

    page = Progress(browser.get(CALLBACK))

    keys = {
        each["key"]
        for each in asked(host, page.list["data-token"]).get_json()["applications"]
    }
    assert set(page.rows) == keys == {"shop", "?odd"}


def test_below_a_path_the_page_asks_there(host: Host) -> None:
    """A mounted app is asked where it is mounted."""
    browser = host.browser()
    below = {"base_url": "https://idp.test/idp/"}
    browser.post("/login/alice", **below)
    browser.post("/join/shop", **below)
    browser.get(END, query_string={"id_token_hint": host.hint()}, **below)

    page = Progress(browser.get(CALLBACK, **below))

    assert page.list["data-progress"] == f"/idp{PROGRESS}"
