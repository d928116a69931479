"""What cannot be done where sessions are in cookies, and how it is refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp_session import LogoutReason
from idp_session import SessionFilter
from idp_session.adapters.broadcast import LocalBroadcast
from idp_session.errors import ConfigurationError
from idp_session.errors import HandleNotIssuableError
from idp_session.errors import NotInCookieModeError
from idp_session.flask import session_events_blueprint
from idp_session.flask import user_session
from idp_session.stores.memory import MemoryDeliveryQueue
from idp_session.stores.memory import MemorySessionStore

from .authlib_host import authlib_host
from .authlib_host import AUTHORIZE
from .authlib_host import SHOP
from .authlib_host import TOKEN
from .cookie_host import cookie_host
from .cookie_host import cookies_of
from .hosts import Host

SUBJECT = SessionFilter(subject_id="alice")
ADMIN = LogoutReason.ADMIN


@pytest.fixture
def host() -> Host:
    return cookie_host()


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(lambda e: e.management.query(), id="query"),
        pytest.param(lambda e: e.management.get("x"), id="get"),
        pytest.param(lambda e: e.management.participants("x"), id="participants"),
        pytest.param(lambda e: e.management.end(SUBJECT, reason=ADMIN), id="end some"),
        pytest.param(
            lambda e: e.management.end_all(subject_id="alice", reason=ADMIN),
            id="management.end_all",
        ),
        pytest.param(
            lambda e: e.end_all(
                subject_id="alice", reason=LogoutReason.PASSWORD_CHANGE
            ),
            id="end_all",
        ),
        pytest.param(lambda e: e.end("x" * 32, reason=ADMIN), id="end another"),
        pytest.param(
            lambda e: e.management.end_for_clients(
                SUBJECT, client_ids=("shop",), reason=ADMIN
            ),
            id="end for clients",
        ),
        pytest.param(lambda e: e.channels.bind("x", print), id="bind"),
        pytest.param(lambda e: e.session_from("x"), id="session from a handle"),
    ],
)
def test_management(host: Host, operation: Any) -> None:
    """None of it looks as if it had been done."""
    host.signed_in("shop")

    with (
        host.app.app_context(),
        pytest.raises(NotInCookieModeError, match='IDP_SESSION_TICKETS = "server"'),
    ):
        operation(host.extension)


def test_leaving_one_client(host: Host) -> None:
    """What is owed is written down once, so nobody leaves before the end."""
    browser = host.signed_in("shop")

    with pytest.raises(NotInCookieModeError, match="some clients only"):
        browser.post("/leave/shop")

    assert browser.get("/whoami").get_json()["clients"] == ["shop"]


def test_ending_without_notification(host: Host) -> None:
    """Nobody is told, and a code of the session is worth nothing afterwards."""
    browser = host.signed_in("shop")
    session_id = browser.get("/whoami").get_json()["sid"]

    browser.post(f"/end/{session_id}?silently")

    assert host.state.queue.of_session(session_id) == ()
    assert host.state.queue.has_ended(session_id)


def test_the_handshake_of_a_socket(host: Host) -> None:
    """Nobody is signed in on a socket, from which nothing could be kept."""
    browser = host.signed_in("shop")

    with host.app.test_request_context(
        headers={
            "Connection": "Upgrade",
            "Cookie": "; ".join(f"{n}={v}" for n, v in cookies_of(browser).items()),
            "Origin": "https://idp.test",
            "Upgrade": "websocket",
        }
    ):
        assert user_session.user is None

        with pytest.raises(HandleNotIssuableError):
            user_session.set_attribute("device", "phone")


def test_the_session_of_another_browser(host: Host) -> None:
    """An administrator's browser has a session, but not that one."""
    alice, admin = host.signed_in("shop"), host.signed_in(subject="root")
    session_id = alice.get("/whoami").get_json()["sid"]

    with pytest.raises(NotInCookieModeError, match="another browser"):
        admin.post(f"/end/{session_id}")

    assert alice.get("/whoami").get_json()["subject"] == "alice"


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("list", id="list"),
        pytest.param("show x", id="show"),
        pytest.param("end --subject alice --yes", id="end"),
        pytest.param("end --subject alice", id="end, asked"),
    ],
)
def test_commands(host: Host, command: str) -> None:
    """One line that names the setting, and the exit code of a failure."""
    result = host.app.test_cli_runner().invoke(
        args=["idp-session", "sessions", *command.split()]
    )

    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "IDP_SESSION_TICKETS" in result.stderr
    assert result.stdout == ""


def test_delivering_from_the_command_line(host: Host) -> None:
    """What is owed is delivered as ever: that needs no list of sessions."""
    browser = host.signed_in("shop", "mail")
    browser.post("/logout")

    with host.app.app_context():
        claimed = host.state.background.claim(10)
        delivered = [host.state.delivery.deliver(each).client_id for each in claimed]

    assert delivered == ["shop", "mail"]


def test_session_events(host: Host) -> None:
    """A page cannot be told what happens to a session that is not here."""
    with pytest.raises(NotInCookieModeError, match="tell a page"):
        host.app.register_blueprint(session_events_blueprint())


def test_session_events_that_were_there_first() -> None:
    """Whatever comes first, the extension or the blueprint, the error says why."""
    host = cookie_host(register=_with_events)

    with pytest.raises(NotInCookieModeError, match="tell a page"):
        host.browser().get("/session-events")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param(
            {"store": MemorySessionStore(MemoryDeliveryQueue())},
            "give no store",
            id="store",
        ),
        pytest.param({"broadcast": LocalBroadcast()}, "no broadcast", id="broadcast"),
    ],
)
def test_collaborators(given: dict[str, Any], words: str) -> None:
    """What would never be asked is refused at the start."""
    with pytest.raises(ConfigurationError, match=words):
        cookie_host(**given)


def _with_events(app: Flask) -> None:
    state = app.extensions.pop("idp_session")
    app.register_blueprint(session_events_blueprint())
    app.extensions["idp_session"] = state


def _fill(browser: FlaskClient) -> None:
    size = 4400

    # What does not fit is not kept, so this comes closer from above.
    while len(cookies_of(browser)) == 1:
        browser.post("/data", json={"cart": "x" * size})
        size -= 10


class TestOAuth:
    """Clients of a provider whose sessions are in cookies."""

    @pytest.fixture
    def host(self) -> Host:
        return authlib_host(
            config={"IDP_SESSION_TICKETS": "cookie"},
            store=None,
            queue=MemoryDeliveryQueue(),
        )

    @staticmethod
    def _asks(browser: FlaskClient) -> str:
        response = browser.get(
            AUTHORIZE,
            query_string={
                "response_type": "code",
                "client_id": "shop",
                "redirect_uri": SHOP.redirect_uris[0],
                "scope": "openid",
            },
        )

        return response.headers["Location"]

    @staticmethod
    def _exchanged(host: Host, code: str) -> TestResponse:
        # The backend of the client has no cookie.
        return host.browser().post(
            TOKEN,
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": SHOP.redirect_uris[0],
                "client_id": "shop",
                "client_secret": SHOP.secret,
            },
        )

    def test_a_code_is_exchanged(self, host: Host) -> None:
        """A backend without the cookie gets its tokens while the session lives."""
        browser = host.signed_in()
        (code,) = parse_qs(urlsplit(self._asks(browser)).query)["code"]

        response = self._exchanged(host, code)

        assert response.status_code == 200
        assert browser.get("/whoami").get_json()["clients"] == ["shop"]

    def test_a_code_of_an_ended_session(self, host: Host) -> None:
        """It is worth nothing: the client has been told already."""
        browser = host.signed_in()
        (code,) = parse_qs(urlsplit(self._asks(browser)).query)["code"]
        browser.post("/logout")

        response = self._exchanged(host, code)

        assert response.status_code == 400
        assert response.get_json()["error"] == "invalid_grant"

    def test_a_client_that_does_not_fit(self, host: Host) -> None:
        """It is refused as OAuth says, and is not recorded."""
        browser = host.signed_in()
        _fill(browser)
        before = cookies_of(browser)

        answer = parse_qs(urlsplit(self._asks(browser)).query)

        assert answer["error"] == ["access_denied"]
        assert cookies_of(browser) == before
