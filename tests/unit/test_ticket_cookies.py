"""What the cookies of a session look like, and what happens when they are changed."""

from __future__ import annotations

import base64
import json
import logging
import secrets
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from idp_session import Principal
from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.errors import SessionTooLargeError
from idp_session.flask import user_session
from idp_session.flask.transport.tickets import AT_MOST
from idp_session.flask.transport.tickets import CHUNK
from idp_session.flask.transport.tickets import joined
from idp_session.flask.transport.tickets import split

from .cookie_host import chunks
from .cookie_host import cookie_host
from .cookie_host import cookies_of
from .cookie_host import give
from .cookie_host import received
from .hosts import attributes
from .hosts import HANDLE
from .hosts import Host
from .hosts import ISSUER

SECRET_KEY = "a secret key for tests"
ROOM = 200


@pytest.fixture
def host() -> Host:
    return cookie_host()


@pytest.fixture
def long(host: Host) -> dict[str, str]:
    """The cookies of a session that needs two."""
    browser = host.signed_in("shop")
    browser.post("/data", json={"cart": secrets.token_hex(1400)})
    cookies = cookies_of(browser)
    assert len(cookies) == 2

    return cookies


def sealed(value: dict[str, Any]) -> dict[str, str]:
    """Cookies whose contents only the provider could have sealed."""
    text = AesGcmTicketProtector(SECRET_KEY).seal(
        json.dumps(value).encode(),
        purpose="session-cookie",
        context=json.dumps((ISSUER, HANDLE)),
    )
    parts = split(base64.urlsafe_b64encode(text).decode().rstrip("="))

    return {HANDLE if n == 0 else f"{HANDLE}.{n}": p for n, p in enumerate(parts)}


def opened(cookies: dict[str, str]) -> dict[str, Any]:
    """What is in cookies, for those who have the key."""
    text = joined(cookies, HANDLE)
    assert text is not None
    plaintext = AesGcmTicketProtector(SECRET_KEY).open(
        base64.urlsafe_b64decode(text + "=="),
        purpose="session-cookie",
        context=json.dumps((ISSUER, HANDLE)),
    )
    assert plaintext is not None
    value: dict[str, Any] = json.loads(plaintext)

    return value


@given(st.text(alphabet="abcXYZ019-_", max_size=3 * CHUNK))
def test_split_and_joined(text: str) -> None:
    """What was split comes back, from parts none of which is too long."""
    values = split(text)
    cookies = {"a" if n == 0 else f"a.{n}": value for n, value in enumerate(values)}

    assert joined(cookies, "a") == text
    assert max(map(len, values)) <= CHUNK
    assert min(map(len, values)) > 0


@pytest.mark.parametrize(
    ("length", "count"),
    [
        pytest.param(0, 1, id="nothing"),
        pytest.param(CHUNK - 2, 1, id="one, full"),
        pytest.param(CHUNK - 1, 2, id="one more"),
        pytest.param(2 * CHUNK - 2, 2, id="two, full"),
        pytest.param(AT_MOST, 2, id="the longest"),
    ],
)
def test_number_of_cookies(length: int, count: int) -> None:
    """No more than needed."""
    values = split("x" * length)

    assert len(values) == count
    assert joined({"a": values[0], "a.1": values[-1]}, "a") == "x" * length


def test_what_is_left_over_is_no_part(long: dict[str, str]) -> None:
    """A cookie that a longer session has left behind changes nothing."""
    assert joined({"a": "1.xy", "a.1": "old"}, "a") == "xy"


@pytest.mark.parametrize(
    "first",
    [
        pytest.param("", id="nothing"),
        pytest.param("xy", id="no count"),
        pytest.param("2.xy", id="a part is missing"),
        pytest.param("0.xy", id="no parts"),
        pytest.param("-1.xy", id="less than none"),
        pytest.param("10.xy", id="too many"),
        pytest.param("²​.xy", id="another kind of digit"),
        pytest.param("x.xy", id="no number"),
    ],
)
def test_what_cannot_be_joined(first: str) -> None:
    """It is no error, and no session."""
    assert joined({"a": first}, "a") is None


def test_nothing_can_be_read(host: Host) -> None:
    """The cookie shows neither who it is nor where they go, nor its own handle."""
    browser = host.signed_in("shop")
    browser.post("/data", json={"favourite": "tea-and-biscuits"})
    session_id = browser.get("/whoami").get_json()["sid"]
    text = joined(cookies_of(browser), HANDLE) or ""
    handle = opened(cookies_of(browser))["h"]

    readable = text.encode() + base64.urlsafe_b64decode(text + "==")

    for secret in ("alice", "shop", "tea-and", "favourite", "pwd", session_id, handle):
        assert secret.encode() not in readable


def test_a_session_grows_and_shrinks(host: Host) -> None:
    """There are as many cookies as it needs; those that it no longer needs go."""
    browser = host.signed_in("shop")
    grown = browser.post("/data", json={"cart": secrets.token_hex(1400)})
    size = len(cookies_of(browser))
    shrunk = browser.post("/data", json={"cart": "tea"})

    assert attributes(grown).keys() == {HANDLE, f"{HANDLE}.1"}
    assert size == 2
    gone = attributes(shrunk)[f"{HANDLE}.1"]
    assert (gone[""], gone["max-age"]) == ("", "0")
    assert {"secure", "httponly"} < gone.keys()
    assert list(cookies_of(browser)) == [HANDLE]
    assert browser.get("/data").get_json() == {"cart": "tea"}


def test_all_cookies_have_the_same_attributes(host: Host) -> None:
    """A part is as secret as the whole."""
    browser = host.browser()
    browser.post("/login/alice?remember=1")

    set_ = attributes(browser.post("/data", json={"cart": secrets.token_hex(1400)}))

    first, second = set_[HANDLE], set_[f"{HANDLE}.1"]
    assert {**first, "": None} == {**second, "": None}
    assert "expires" in first


def test_all_cookies_go(host: Host, long: dict[str, str]) -> None:
    """Signing out leaves no part, not even of sessions long gone."""
    browser = give(host.browser(), {**long, f"{HANDLE}.7": "old"})

    browser.post("/logout")

    assert cookies_of(browser) == {}


def test_unreadable_cookies_go_when_somebody_signs_out(host: Host) -> None:
    """As an unknown handle does."""
    browser = give(host.browser(), {HANDLE: "1.xy", f"{HANDLE}.1": "z"})

    browser.post("/logout")

    assert cookies_of(browser) == {}


def test_no_cookie_is_too_long_for_a_browser(host: Host, long: dict[str, str]) -> None:
    """Name and value stay well below 4096 characters."""
    assert max(len(n) + len(v) for n, v in long.items()) < 3600


def _swapped(cookies: dict[str, str]) -> dict[str, str]:
    return dict(zip(cookies, reversed(cookies.values()), strict=True))


def _without(number: int) -> Any:
    return lambda cookies: {
        name: value for n, (name, value) in enumerate(cookies.items()) if n != number
    }


def _changed(number: int, position: int) -> Any:
    def change(cookies: dict[str, str]) -> dict[str, str]:
        name = list(cookies)[number]
        text = cookies[name]
        other = "A" if text[position] != "A" else "B"

        return {**cookies, name: text[:position] + other + text[position:][1:]}

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_changed(0, 0), id="the count"),
        pytest.param(_changed(0, 2), id="the version"),
        pytest.param(_changed(0, 20), id="the nonce"),
        pytest.param(_changed(0, 100), id="the first part"),
        pytest.param(_changed(1, 0), id="the second part"),
        pytest.param(_changed(1, -5), id="the tag"),
        pytest.param(_without(0), id="no first part"),
        pytest.param(_without(1), id="no second part"),
        pytest.param(_swapped, id="swapped"),
        pytest.param(lambda c: {**c, HANDLE: "1" + c[HANDLE][1:]}, id="cut short"),
        pytest.param(lambda c: {**c, HANDLE: c[HANDLE] + "ä"}, id="not ASCII"),
        pytest.param(lambda c: {**c, HANDLE: c[HANDLE] + "=="}, id="padding inside"),
        pytest.param(lambda c: {**c, HANDLE: c[HANDLE] + "$"}, id="another character"),
        pytest.param(lambda _: {HANDLE: "1."}, id="empty"),
        pytest.param(lambda _: {HANDLE: "1." + "A" * 100}, id="noise"),
        pytest.param(lambda _: {HANDLE: "x" * 43}, id="a handle of the other mode"),
    ],
)
def test_a_changed_cookie_is_nobodys(
    host: Host, long: dict[str, str], change: Any
) -> None:
    """Whatever was changed: no error, and nobody is signed in."""
    assert received(host, long) == "alice"
    assert received(host, change(long)) is None


def test_parts_of_two_sessions(host: Host, long: dict[str, str]) -> None:
    """Parts that were not sealed together are nobody's."""
    browser = host.signed_in("shop", subject="bob")
    browser.post("/data", json={"cart": secrets.token_hex(1400)})
    other = cookies_of(browser)

    mixed = {**long, f"{HANDLE}.1": other[f"{HANDLE}.1"]}

    assert received(host, other) == "bob"
    assert received(host, mixed) is None


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"SECRET_KEY": "a foreign key for tests"}, id="key"),
        pytest.param({"IDP_SESSION_ISSUER": "https://other.test"}, id="issuer"),
    ],
)
def test_a_cookie_of_another_provider(host: Host, config: dict[str, str]) -> None:
    """It opens nowhere else, even where the key is the same."""
    cookies = cookies_of(host.signed_in())

    assert received(cookie_host(config=config), cookies) is None


def test_a_cookie_under_another_name(host: Host) -> None:
    """Two apps with one key may share a host."""
    (value,) = chunks(host.signed_in())
    other = cookie_host(config={"IDP_SESSION_COOKIE_NAME": "other"})
    browser = other.browser()
    browser.set_cookie("__Host-other", value, domain="idp.test", secure=True)

    assert browser.get("/whoami").get_json()["subject"] is None


def test_a_key_of_the_past(host: Host) -> None:
    """It opens what it has sealed; what is written then has the new key."""
    config = {
        "SECRET_KEY": "the new secret key for tests",
        "SECRET_KEY_FALLBACKS": [SECRET_KEY],
    }
    new = cookie_host(config=config)
    browser = give(new.browser(), cookies_of(host.signed_in("shop")))

    clients = browser.post("/join/mail").get_json()["clients"]

    assert clients == ["shop", "mail"]
    without = cookie_host(config={"SECRET_KEY": config["SECRET_KEY"]})
    assert received(without, cookies_of(browser)) == "alice"


@pytest.mark.parametrize(
    "clients",
    [
        pytest.param(None, id="none"),
        pytest.param("shop", id="a text"),
        pytest.param([["shop"]], id="too short"),
        pytest.param([["shop", "now", None, ISSUER]], id="no instant"),
        pytest.param([["shop", 10**30, None, ISSUER]], id="no year"),
        pytest.param([["shop", 1, None, None]], id="no issuer"),
        pytest.param([[["shop"], 1, None, ISSUER]], id="no client"),
        pytest.param(7, id="a number"),
    ],
)
def test_a_corrupt_client_list(
    host: Host, caplog: pytest.LogCaptureFixture, clients: Any
) -> None:
    """It is cleared and logged once, and the user stays signed in."""
    value = opened(cookies_of(host.signed_in("shop")))
    browser = give(host.browser(), sealed({**value, "p": clients}))

    with caplog.at_level(logging.WARNING):
        first = browser.get("/whoami").get_json()
        second = browser.get("/whoami").get_json()

    assert first == second
    assert (first["subject"], first["clients"]) == ("alice", [])
    (record,) = caplog.records
    assert "client list of session" in record.message
    assert first["sid"] in record.message
    assert browser.post("/join/mail").get_json()["clients"] == ["mail"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"v": 2}, id="version"),
        pytest.param({"r": []}, id="no members"),
        pytest.param({"i": ["x"] * 5}, id="no instants"),
        pytest.param({"h": None}, id="no handle"),
        pytest.param({"d": None}, id="no data"),
        pytest.param({"t": 5}, id="no ticket"),
    ],
)
def test_corrupt_contents(host: Host, changes: dict[str, Any]) -> None:
    """What we have sealed but cannot read is nobody's, and no error."""
    value = opened(cookies_of(host.signed_in("shop")))

    assert received(host, sealed(value)) == "alice"
    assert received(host, sealed({**value, **changes})) is None


def test_pairwise_subjects_and_instants_come_back(host: Host) -> None:
    """What is owed says what the client was told when it joined."""
    browser = host.signed_in()
    value = opened(cookies_of(browser))
    joined_at = value["i"][0]
    clients = [["shop", joined_at + 1, "pair", ISSUER], ["mail", joined_at, None, None]]
    browser = give(browser, sealed({**value, "p": clients}))

    ended = browser.post("/logout").get_json()["ended"]

    owed = [(d.client_id, d.subject, d.issuer) for d in host.owed(ended)]
    assert owed == [("mail", "alice", ISSUER), ("shop", "pair", ISSUER)]


class TestTooLarge:
    """What does not fit into the headers of a request."""

    @pytest.fixture
    def browser(self, host: Host) -> FlaskClient:
        @host.app.post("/try/<client_id>")
        def try_client(client_id: str) -> str:
            try:
                user_session.add_client_id(client_id)
            except SessionTooLargeError as error:
                return f"{error.size > error.at_most == AT_MOST}: {error}"

            return ""

        @host.app.post("/remember/<int:size>")
        def remember(size: int) -> str:
            alice = Principal(subject_id="alice")

            try:
                host.extension.sign_in(alice, items={"note": "x" * size})
            except SessionTooLargeError:
                return "too large"

            return ""

        return host.signed_in("shop")

    def test_clients(self, browser: FlaskClient) -> None:
        """A client more than fits is refused, and nothing has changed."""
        messages: list[str] = []
        while not (messages and messages[-1]):
            messages.append(browser.post(f"/try/{secrets.token_hex(8)}").text)

        before = cookies_of(browser)
        again = browser.post(f"/try/{secrets.token_hex(8)}").text

        assert len(messages) > 50
        assert again.startswith("True: the session would take")
        assert "IDP_SESSION_TICKETS" in again
        assert cookies_of(browser) == before
        assert sum(len(n) + len(v) + 3 for n, v in before.items()) < 6100
        assert len(browser.get("/whoami").get_json()["clients"]) == len(messages)

    def test_a_sign_in(self, browser: FlaskClient) -> None:
        """It is refused, and whoever was signed in still is."""
        before = cookies_of(browser)

        answer = browser.post("/remember/9000").text

        assert answer == "too large"
        assert cookies_of(browser) == before
        assert browser.get("/whoami").get_json()["clients"] == ["shop"]

    def test_data(self, browser: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
        """It is not kept, which is logged as an error; the response is as usual."""
        browser.post("/data", json={"cart": "tea"})
        before = cookies_of(browser)

        with caplog.at_level(logging.ERROR):
            response = browser.post("/data", json={"cart": "x" * 9000, "note": "y"})

        assert response.status_code == 200
        assert cookies_of(browser) == before
        assert browser.get("/data").get_json() == {"cart": "tea"}
        (record,) = caplog.records
        assert "data was not kept" in record.message
        assert "xxx" not in record.message
