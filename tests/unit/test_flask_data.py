"""Session data and anonymous sessions in a host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Response

from idp_session.flask import session_ended
from idp_session.flask import user_session
from idp_session.models import LogoutReason
from idp_session.models import SessionEvent
from idp_session.models import SessionEventKind

from .hosts import attributes
from .hosts import HANDLE
from .hosts import Host
from .hosts import host_app
from .hosts import SESSION_ID

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "session-data.md"


@pytest.fixture
def host() -> Host:
    return host_app()


def test_data_is_kept_until_the_next_request(host: Host) -> None:
    """What one request sets the next one finds; no cookie is written for it."""
    browser = host.signed_in()

    response = browser.post("/data", json={"a": 1})

    assert "Set-Cookie" not in response.headers
    assert browser.get("/data").json == {"a": 1}


def test_kept_data_is_told_to_the_channels(host: Host) -> None:
    """Whoever holds a connection of the session hears of what was kept, once."""
    browser = host.signed_in()
    session_id = browser.get("/whoami").get_json()["sid"]
    heard: list[SessionEvent] = []
    host.state.channels.bind(session_id, heard.append)

    browser.post("/data", json={"a": 1})
    browser.post("/data", json={"a": 1})

    assert [event.kind for event in heard] == [SessionEventKind.DATA_CHANGED]


def test_an_anonymous_visitor_gets_one_cookie(host: Host) -> None:
    """The handle, out of reach of scripts, until the browser is closed."""
    browser = host.browser()

    cookies = attributes(browser.post("/data", json={"a": 1}))

    assert set(cookies) == {HANDLE}
    assert "httponly" in cookies[HANDLE]
    assert "expires" not in cookies[HANDLE]
    assert browser.get("/data").json == {"a": 1}
    assert browser.get("/whoami").json == {"subject": None, "sid": None, "clients": []}


def test_a_sign_in_keeps_data_and_replaces_the_handle(host: Host) -> None:
    """The visitor's basket is the user's, and the visitor's handle is nobody's."""
    browser = host.browser()
    planted = attributes(browser.post("/data", json={"a": 1}))[HANDLE][""]

    cookies = attributes(browser.post("/login/alice"))

    other = host.browser()
    other.set_cookie(HANDLE, planted, domain="idp.test", secure=True)
    assert set(cookies) == {HANDLE, SESSION_ID}
    assert cookies[HANDLE][""] != planted
    assert browser.get("/data").json == {"a": 1}
    assert other.get("/data").json == {}
    assert other.get("/whoami").get_json()["subject"] is None


def test_a_logout_page_for_an_anonymous_visitor(host: Host) -> None:
    """Nobody is signed in there, so nobody has to be asked."""
    browser = host.browser()
    browser.post("/data", json={"a": 1})

    response = browser.get("/connect/endsession", follow_redirects=True)

    assert response.status_code == 200
    assert 'name="confirmation"' not in response.text


@pytest.mark.parametrize(
    ("status", "kept"),
    [
        pytest.param(200, {"a": 1}, id="success"),
        pytest.param(404, {"a": 1}, id="not found"),
        pytest.param(500, {}, id="failure"),
        pytest.param(503, {}, id="not available"),
    ],
)
def test_what_failed_is_not_kept(host: Host, status: int, kept: Any) -> None:
    """A request that has failed leaves no half of its work."""

    @host.app.post("/fail")
    def fail() -> Response:
        user_session.data.set("a", 1)

        return Response(status=status)

    browser = host.signed_in()
    browser.post("/fail")

    assert browser.get("/data").json == kept


def test_an_anonymous_session_is_no_live_session(host: Host) -> None:
    """No code is exchanged for a session of nobody, and no signal tells of its end."""
    heard: list[Any] = []
    host.browser().post("/data", json={"a": 1})
    [session] = host.state.store.find_expired(host.clock.tick(3600), limit=9)
    host.clock.tick(-3600)

    def hear(_: object, **arguments: Any) -> None:
        heard.append(arguments)

    with host.app.app_context(), session_ended.connected_to(hear, host.app):
        is_live = host.extension.is_live(session.session_id)
        ended = host.extension.end(session.session_id, reason=LogoutReason.ADMIN)

    assert not is_live
    assert ended is not None
    assert heard == []


def test_data_in_a_database(sqlite_engine: sa.Engine) -> None:
    """All of it works on a database as it does in memory."""
    browser = host_app(engine=sqlite_engine).browser()
    browser.post("/data", json={"a": 1})
    browser.post("/login/alice")
    browser.post("/data", json={"b": [2]})

    found = browser.get("/data").json
    browser.post("/logout")

    assert found == {"a": 1, "b": [2]}
    assert browser.get("/data").json == {}


def test_the_guide_works(host: Host) -> None:
    """What the guide says about data and attributes does what it says."""
    block = GUIDE.read_text().split("```python\n")[1].split("```")[0]
    guide: dict[str, Any] = {"__name__": __name__}
    exec(block, guide)  # noqa: S102 - our own text
    host.app.register_blueprint(guide["shop"])
    browser, other = host.browser(), host.signed_in(subject="bob")
    browser.post("/basket/apple")
    browser.post("/login/alice")
    browser.post("/basket/pear")
    browser.post("/tenant/acme")

    basket = browser.get("/data").json
    with host.app.app_context():
        ended = guide["close_tenant"](host.extension, "acme")

    assert basket == {"basket": ["apple", "pear"]}
    assert ended == 1
    assert browser.get("/whoami").get_json()["subject"] is None
    assert other.get("/whoami").get_json()["subject"] == "bob"
