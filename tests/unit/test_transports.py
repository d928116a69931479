"""One behaviour, wherever the handle comes from."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from typing import Protocol

import pytest
from flask.typing import ResponseReturnValue
from werkzeug.http import parse_dict_header

from idp_session import LogoutReason
from idp_session import Principal
from idp_session.flask import IdpSession
from idp_session.flask import user_session

from .hosts import attributes
from .hosts import HANDLE
from .hosts import Host
from .hosts import host_app
from .hosts import ISSUER

HANDSHAKE = {
    "Connection": "keep-alive, Upgrade",
    "Upgrade": "websocket",
    "Origin": ISSUER,
}


def sign_in(extension: IdpSession) -> str:
    return extension.sign_in(Principal(subject_id="alice", amr=("pwd",)))


def look(_: IdpSession) -> dict[str, Any]:
    user = user_session.user

    return {
        "subject": user and user.subject_id,
        "clients": list(user_session.client_ids),
        "basket": user_session.data.get("basket"),
    }


def fill(_: IdpSession) -> str:
    user_session.data.set("basket", ["apple"])

    return "filled"


def join(_: IdpSession) -> str:
    user_session.add_client_id("shop")

    return "joined"


def sign_out(extension: IdpSession) -> bool:
    return extension.sign_out() is not None


#: What hosts do; none of it knows where the handle comes from.
CODE: dict[str, Callable[[IdpSession], Any]] = {
    code.__name__: code for code in (sign_in, look, fill, join, sign_out)
}


class Visitor(Protocol):
    """Somebody who lets code of the host run, and keeps what is given for it."""

    #: The handle as the visitor has it now.
    handle: str | None

    def run(self, name: str) -> Any:
        """What the code returns."""


class CookieVisitor:
    """A browser."""

    def __init__(self, host: Host) -> None:
        self.browser = host.browser()

    @property
    def handle(self) -> str | None:
        cookie = self.browser.get_cookie(HANDLE, domain="idp.test")

        return None if cookie is None else cookie.value

    def run(self, name: str) -> Any:
        return self.browser.post(f"/run/{name}").json


class HeaderVisitor:
    """An app without a cookie jar, or a command-line tool."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.handle: str | None = None

    def run(self, name: str) -> Any:
        response = self.host.browser().post(
            f"/run/{name}", headers={"Authorization": f"Session {self.handle or ''}"}
        )

        if info := response.headers.get("Authentication-Info"):
            self.handle = parse_dict_header(info)["handle"] or None

        assert "Set-Cookie" not in response.headers
        return response.json


class SocketVisitor(CookieVisitor):
    """A page that has signed in, and does the rest through a WebSocket."""

    def run(self, name: str) -> Any:
        if name == "sign_in":
            return super().run(name)

        response = self.browser.get(f"/socket/{name}", headers=HANDSHAKE)

        assert "Set-Cookie" not in response.headers
        return response.json


class HandVisitor:
    """A job that was given the handle."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.handle: str | None = None

    def run(self, name: str) -> Any:
        extension = self.host.extension

        with self.host.app.app_context(), extension.session_from(self.handle) as own:
            result = CODE[name](extension)

        self.handle = own.handle

        return result


VISITORS = [
    pytest.param(CookieVisitor, id="cookie"),
    pytest.param(HeaderVisitor, id="header"),
    pytest.param(HandVisitor, id="by hand"),
]
SOCKET = pytest.param(SocketVisitor, id="socket")


@pytest.fixture
def host() -> Host:
    host = host_app(config={"IDP_SESSION_AUTHORIZATION_SCHEME": "Session"})

    def run(name: str) -> ResponseReturnValue:
        return host.app.json.response(CODE[name](host.extension))

    host.app.add_url_rule("/run/<name>", "run", run, methods=["POST"])
    host.app.add_url_rule("/socket/<name>", "socket", run, websocket=True)

    return host


@pytest.fixture
def visitor(host: Host, request: pytest.FixtureRequest) -> Visitor:
    made: Visitor = request.param(host)

    return made


every_visitor = pytest.mark.parametrize("visitor", [*VISITORS, SOCKET], indirect=True)
every_issuer = pytest.mark.parametrize("visitor", VISITORS, indirect=True)


@every_visitor
def test_a_stranger_is_nobody(visitor: Visitor) -> None:
    """Who has no handle is not signed in, and nothing begins by looking."""
    found = visitor.run("look")

    assert found == {"subject": None, "clients": [], "basket": None}
    assert visitor.handle is None


@every_visitor
def test_the_user_is_seen(visitor: Visitor) -> None:
    """Who has signed in is known the next time."""
    visitor.run("sign_in")

    assert visitor.run("look")["subject"] == "alice"


@every_visitor
def test_data_is_kept(visitor: Visitor) -> None:
    """What is set is there the next time, under the same handle."""
    visitor.run("sign_in")
    before = visitor.handle
    visitor.run("fill")

    assert visitor.run("look")["basket"] == ["apple"]
    assert visitor.handle == before


@every_visitor
def test_clients_join(visitor: Visitor) -> None:
    """A client that joins is told of the logout, however the user came."""
    visitor.run("sign_in")
    visitor.run("join")

    assert visitor.run("look")["clients"] == ["shop"]


@every_visitor
def test_the_session_is_ended(host: Host, visitor: Visitor) -> None:
    """After the end its clients are owed a notice, and its handle is worth nothing."""
    session_id = visitor.run("sign_in")
    visitor.run("join")

    assert visitor.run("sign_out") is True
    assert visitor.run("look")["subject"] is None
    assert len(host.owed(session_id)) == 1


@every_visitor
def test_use_renews(host: Host, visitor: Visitor) -> None:
    """Looking is a use of the session, which moves its end away."""
    session_id = visitor.run("sign_in")
    before = host.state.store.find(session_id)
    host.clock.tick(3600)
    visitor.run("look")
    after = host.state.store.find(session_id)

    assert before is not None
    assert after is not None
    assert after.expires_at > before.expires_at


@every_visitor
def test_an_end_elsewhere_is_seen(host: Host, visitor: Visitor) -> None:
    """A session that an administrator has ended is over for every visitor."""
    session_id = visitor.run("sign_in")

    with host.app.app_context():
        host.extension.end(session_id, reason=LogoutReason.ADMIN)

    assert visitor.run("look")["subject"] is None


@every_issuer
def test_a_sign_in_replaces_the_handle(host: Host, visitor: Visitor) -> None:
    """Signing in again gives another handle, and the old one opens nothing."""
    visitor.run("sign_in")
    old = HandVisitor(host)
    old.handle = visitor.handle
    visitor.run("sign_in")

    assert visitor.handle not in {None, old.handle}
    assert visitor.run("look")["subject"] == "alice"
    assert old.run("look")["subject"] is None


@every_issuer
def test_a_basket_survives_the_sign_in(visitor: Visitor) -> None:
    """A stranger's data begins a session, and is the user's after the sign-in."""
    visitor.run("fill")
    anonymous = visitor.handle
    visitor.run("sign_in")

    assert anonymous is not None
    assert visitor.handle not in {None, anonymous}
    assert visitor.run("look")["basket"] == ["apple"]


@every_issuer
def test_the_handle_is_taken_back(visitor: Visitor) -> None:
    """Who has signed out has no handle any more."""
    visitor.run("sign_in")
    visitor.run("sign_out")

    assert visitor.handle is None


@every_visitor
def test_no_handle_is_logged(
    visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even at the level of debugging is there a handle in a log."""
    handles = set()

    with caplog.at_level(logging.DEBUG):
        for name in ("sign_in", "fill", "join", "look", "sign_out"):
            visitor.run(name)
            handles.add(visitor.handle)

    told = caplog.text + "".join(str(record.__dict__) for record in caplog.records)
    assert len(handles - {None}) == 1
    assert not [handle for handle in handles - {None} if str(handle) in told]


def test_all_of_them_lead_to_one_session(host: Host) -> None:
    """A handle is a handle: what one transport has kept the others find."""
    browser = CookieVisitor(host)
    browser.run("sign_in")
    job, tool = HandVisitor(host), HeaderVisitor(host)
    job.handle = tool.handle = browser.handle
    job.run("fill")
    tool.run("join")

    found = browser.run("look")

    assert (found["basket"], found["clients"]) == (["apple"], ["shop"])
    assert attributes(browser.browser.post("/run/look")) == {}
