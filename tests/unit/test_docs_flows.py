"""What the guides show is run, in an app, and does what the guides say."""

from __future__ import annotations

import logging
import queue
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask import session
from flask.testing import FlaskClient

from idp_session import DeliveryState
from idp_session import Principal
from idp_session import SessionEventKind
from idp_session import SessionFilter
from idp_session.adapters.clock import SystemClock
from idp_session.flask import delivery_attempted
from idp_session.models import SendResult

from .docs_examples import blocks
from .hosts import Host
from .hosts import host_app
from .hosts import key_set
from .hosts import Page

GUIDES = Path(__file__).parents[2] / "docs" / "guides"


def shown(page: str, name: str) -> dict[str, Any]:
    """What the block of a guide defines in which a name is given its meaning."""
    [block] = [
        block
        for block in blocks(GUIDES / page)
        if f"def {name}(" in block or f"\n{name} = " in f"\n{block}"
    ]
    defined: dict[str, Any] = {"__name__": "block"}
    exec(block, defined)  # noqa: S102 - our own text

    return defined


def found(host: Host, wanted: SessionFilter | None = None) -> list[str | None]:
    """The subjects of the sessions that there are."""
    with host.app.app_context():
        page = host.extension.management.query(wanted or SessionFilter(anonymous=None))

    return [each.subject_id for each in page.sessions]


class TestSessionData:
    """What `guides/session-data.md` shows."""

    @pytest.fixture
    def guide(self) -> dict[str, Any]:
        return shown("session-data.md", "close_tenant")

    @pytest.fixture
    def host(self, guide: dict[str, Any]) -> Host:
        host = host_app()
        host.app.register_blueprint(guide["shop"])

        return host

    def test_a_basket_fills(self, host: Host) -> None:
        """Each product is added to what is there, and signing in keeps the basket."""
        browser = host.browser()
        browser.post("/basket/tea")
        browser.post("/basket/cake")
        browser.post("/login/alice")

        assert browser.get("/data").json == {"basket": ["tea", "cake"]}

    def test_a_tenant_is_closed(self, host: Host, guide: dict[str, Any]) -> None:
        """Every session with the attribute ends, and no other."""
        inside, outside = host.signed_in(), host.signed_in(subject="bob")
        inside.post("/tenant/acme")
        outside.post("/tenant/umbrella")

        with host.app.app_context():
            ended = guide["close_tenant"](host.extension, "acme")

        assert ended == 1
        assert found(host) == ["bob"]


class TestLimits:
    """What `guides/limits.md` shows."""

    @pytest.mark.parametrize(
        ("policy", "status", "left"),
        [
            pytest.param("end_oldest", 200, 5, id="make room"),
            pytest.param("refuse", 409, 5, id="refuse"),
        ],
    )
    def test_one_more(self, policy: str, status: int, left: int) -> None:
        """The settings of the guide leave five sessions, by either policy."""
        settings = shown("limits.md", "IDP_SESSION_SESSION_LIMIT_POLICY")
        config = {
            name: value for name, value in settings.items() if name.startswith("IDP_")
        } | {"IDP_SESSION_SESSION_LIMIT_POLICY": policy}
        host = host_app(config=config)
        log_in = shown("limits.md", "log_in")["log_in"]
        host.app.add_url_rule(
            "/sixth", view_func=lambda: log_in(host.extension, "alice"), endpoint="x"
        )

        for _ in range(5):
            host.signed_in()

        response = host.browser().get("/sixth")

        assert response.status_code == status
        assert ("5 places" in response.text) is (policy == "refuse")
        assert found(host) == ["alice"] * left

    def test_the_client_limit_of_the_guide(self) -> None:
        """With one session per client, the newest keeps the client."""
        settings = shown("limits.md", "IDP_SESSION_SESSION_LIMIT_POLICY")
        host = host_app(
            config={k: v for k, v in settings.items() if k.startswith("IDP_")}
        )
        first = host.signed_in("shop")
        host.signed_in("shop")

        assert first.get("/whoami").get_json()["subject"] is None
        assert found(host) == ["alice"]


class TestLifetimes:
    """What `guides/lifetimes.md` shows."""

    @pytest.mark.parametrize(
        ("uses", "signed_in"),
        [
            pytest.param([4, 4], True, id="used"),
            pytest.param([6], False, id="idle"),
            pytest.param([4] * 16, False, id="absolute"),
        ],
    )
    def test_a_kiosk(self, *, uses: list[int], signed_in: bool) -> None:
        """Five minutes without use or an hour in all end the session at the kiosk."""
        host = host_app()
        sign_in = shown("lifetimes.md", "sign_in_at_the_kiosk")["sign_in_at_the_kiosk"]
        host.app.add_url_rule(
            "/kiosk", "kiosk", lambda: sign_in(host.extension, "alice")
        )
        browser = host.browser()
        browser.get("/kiosk")

        for minutes in uses:
            host.clock.tick(timedelta(minutes=minutes))
            seen = browser.get("/whoami").get_json()

        assert (seen["subject"] == "alice") is signed_in

    def test_a_page_that_wants_a_fresh_sign_in(self) -> None:
        """The view of the guide lets in whoever has proved who they are recently."""
        host = host_app(config={"IDP_SESSION_AUTHENTICATION_LIFETIME": 600})
        view = shown("lifetimes.md", "change_of_address")["change_of_address"]
        host.app.add_url_rule("/address", "address", view)
        browser = host.signed_in()
        fresh = browser.get("/address")
        host.clock.tick(timedelta(minutes=11))
        stale = browser.get("/address")

        assert fresh.status_code == 200
        assert stale.location == "/login?next=/address"
        assert browser.get("/whoami").get_json()["subject"] == "alice"

    def test_a_recent_code(self) -> None:
        """A method counts for five minutes after it was proved."""
        host = host_app()
        has_recent_code = shown("lifetimes.md", "has_recent_code")["has_recent_code"]

        with host.app.test_request_context():
            before = has_recent_code(host.clock.now())
            host.extension.sign_in(Principal(subject_id="alice", amr=("pwd", "otp")))
            at_once = has_recent_code(host.clock.now())
            later = has_recent_code(host.clock.now() + timedelta(minutes=5))

        assert (bool(before), at_once, later) == (False, True, False)


class TestManagement:
    """What `guides/management.md` shows."""

    def test_a_changed_password(self) -> None:
        """The user is signed out everywhere but in the browser that changed it."""
        host = host_app()
        guide = shown("management.md", "password_changed")
        host.app.add_url_rule(
            "/changed", "changed", lambda: str(guide["password_changed"]("alice"))
        )
        here, there = host.signed_in(), host.signed_in()

        assert here.get("/changed").text == "1"
        assert here.get("/whoami").get_json()["subject"] == "alice"
        assert there.get("/whoami").get_json()["subject"] is None

    def test_sessions_with_a_client(self) -> None:
        """The list has the sessions in which the client takes part."""
        host = host_app()
        guide = shown("management.md", "sessions_with")
        host.signed_in("shop")
        host.signed_in("mail", subject="bob")

        with host.app.app_context():
            page = guide["sessions_with"]("mail")

        assert [each.subject_id for each in page.sessions] == ["bob"]

    @pytest.mark.parametrize(
        ("subject", "ended"),
        [pytest.param("alice", True, id="own"), pytest.param("bob", False, id="other")],
    )
    def test_a_device(self, subject: str, *, ended: bool) -> None:
        """A session of somebody else is not ended by whoever knows its id."""
        host = host_app()
        end_device = shown("management.md", "end_device")["end_device"]
        session_id = host.signed_in().get("/whoami").get_json()["sid"]

        with host.app.app_context():
            user = Principal(subject_id=subject)
            assert end_device(host.extension, user, session_id) is ended

        assert found(host) == ([] if ended else ["alice"])


class _Socket:
    def __init__(self) -> None:
        self.sent: queue.SimpleQueue[str] = queue.SimpleQueue()

    def send(self, word: str) -> None:
        self.sent.put(word)

    def close(self) -> None:
        self.sent.put("closed")


class TestChannels:
    """What `guides/channels.md` shows."""

    def test_a_socket_follows_its_session(self) -> None:
        """The socket is told of a change, and closed at the end."""
        host = host_app()
        serve = shown("channels.md", "serve")["serve"]
        browser = host.signed_in()
        session_id = browser.get("/whoami").get_json()["sid"]
        socket = _Socket()

        def connected() -> None:
            with host.app.app_context():
                serve(socket, host.extension, _Session(session_id))

        thread = threading.Thread(target=connected)
        thread.start()

        with host.app.app_context():
            while not host.extension.channels.open_count:
                thread.join(0.01)

        browser.post("/data", json={"a": 1})
        browser.post("/logout")
        heard = [socket.sent.get(timeout=30), socket.sent.get(timeout=30)]
        thread.join(30)

        with host.app.app_context():
            host.extension.channels.stop()

        assert heard == [SessionEventKind.DATA_CHANGED, "closed"]
        assert not thread.is_alive()

    def test_the_events_are_mounted(self) -> None:
        """The stream is where the guide says, and says that nobody is signed in."""
        host = host_app()
        shown("channels.md", "mount")["mount"](host.app)
        address = "/account/session-events"

        assert host.browser().get(address).status_code == 204
        assert host.signed_in().head(address).status_code == 200


class _Session:
    """As much of a user session as the guide's socket asks for."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id


class TestBackChannel:
    """What `guides/back-channel-logout.md` shows."""

    def test_a_refusal_is_complained_of(self, caplog: pytest.LogCaptureFixture) -> None:
        """A client that refuses its tokens is named in the log."""
        guide = shown("back-channel-logout.md", "complain")
        host = host_app()
        host.sender.answers["https://shop.test/back"] = SendResult(status=400)
        host.signed_in("shop").post("/logout")

        with caplog.at_level(logging.ERROR, logger=host.app.name):
            host.deliver()

        delivery_attempted.disconnect(guide["complain"])
        assert "shop does not take logout tokens" in caplog.text

    def test_a_logout_arrives(self) -> None:
        """The client of the guide signs out whom the provider of the guide ended."""
        guide = shown("relying-party.md", "add_logout")
        shop = shown("back-channel-logout.md", "shop")["shop"]
        host = host_app(
            config={"IDP_SESSION_ISSUER": guide["ISSUER"]},
            clients=(shop,),
            clock=SystemClock(),
        )
        browser = host.signed_in("shop")
        session_id = browser.get("/whoami").get_json()["sid"]
        visitor = _client_of_the_guide(guide, session_id)
        before = visitor.get("/").text
        browser.post("/logout")
        host.deliver()
        [(address, token)] = host.sender.sent
        response = visitor.post(
            address.removeprefix("https://shop.example"), data={"logout_token": token}
        )

        assert (before, response.status_code) == ("True", 200)
        assert visitor.get("/").text == "False"
        assert [each.state for each in host.owed(session_id)] == [
            DeliveryState.DELIVERED
        ]


def _client_of_the_guide(guide: dict[str, Any], session_id: str) -> FlaskClient:
    app = Flask("shop")
    app.secret_key = "a secret of the client's own"
    guide["add_logout"](app, key_set())
    id_token = {"iss": guide["ISSUER"], "sub": "alice", "sid": session_id}

    @app.post("/callback")
    def callback() -> str:
        guide["after_sign_in"]("local-1", id_token)

        return str(session["local_id"])

    @app.get("/")
    def home() -> str:
        return str(guide["is_signed_in"]())

    visitor = app.test_client()
    visitor.post("/callback")

    return visitor


class TestFrontChannel:
    """What `guides/front-channel-logout.md` shows."""

    def test_the_frame(self) -> None:
        """The page after a logout loads the address with issuer and session id."""
        shop = shown("front-channel-logout.md", "shop")["shop"]
        host = host_app(clients=(shop,))
        browser = host.signed_in("shop")
        session_id = browser.get("/whoami").get_json()["sid"]
        form = Page(browser.get("/connect/endsession"))
        answer = form.fields | {"answer": "yes"}
        page = browser.post("/connect/endsession", data=answer, follow_redirects=True)

        assert Page(page).frames == [
            "https://shop.example/front-channel-logout"
            f"?iss=https%3A%2F%2Fidp.test&sid={session_id}"
        ]


class TestAuthlib:
    """What `guides/authlib.md` shows."""

    def test_the_endpoints_are_there(self) -> None:
        """The server of the guide answers at the end-session endpoint."""
        add_to = shown("authlib.md", "add_to")["add_to"]
        host = host_app(
            register=lambda app: add_to(app, lambda client_id: None, lambda *_: None)
        )
        response = host.browser().get("/connect/endsession")

        assert response.status_code == 200
        assert "signed out" in response.text
