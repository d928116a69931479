"""From where a session is used: what of it is kept, and when it is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from idp_session import ServerSideSession
from idp_session.stores.sql import SqlSessionStore
from idp_session.stores.sql import upgrade

from .hosts import Host
from .hosts import host_app

HALF_OF_IDLE = timedelta(hours=1)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def host_with(**settings: Any) -> Host:
    return host_app(config={f"IDP_SESSION_{k.upper()}": v for k, v in settings.items()})


def only_session(host: Host) -> ServerSideSession:
    (session,) = host.state.store.find_by_subject("alice")

    return session


def signed_in_from(
    host: Host, address: str | None, user_agent: str = FIREFOX
) -> FlaskClient:
    browser = host.browser()
    browser.post("/login/alice", **from_where(address, user_agent))

    return browser


def from_where(address: str | None, user_agent: str = FIREFOX) -> dict[str, Any]:
    return {
        "environ_overrides": {"REMOTE_ADDR": address},
        "headers": {"User-Agent": user_agent},
    }


@pytest.mark.parametrize(
    ("keep", "address", "kept"),
    [
        pytest.param("no", "203.0.113.77", None, id="not at all"),
        pytest.param("full", "203.0.113.77", "203.0.113.77", id="full IPv4"),
        pytest.param("full", "2001:DB8::0:1", "2001:db8::1", id="full IPv6"),
        pytest.param("full", "::ffff:203.0.113.7", "203.0.113.7", id="mapped"),
        pytest.param("full", "fe80::1%eth0", "fe80::1", id="zone"),
        pytest.param("shortened", "203.0.113.77", "203.0.113.0/24", id="IPv4"),
        pytest.param(
            "shortened", "2001:db8:1234:5678::9", "2001:db8:1234::/48", id="IPv6"
        ),
        pytest.param("shortened", "::ffff:1.2.3.4", "1.2.3.0/24", id="short mapped"),
        pytest.param("full", "unknown", None, id="no address"),
        pytest.param("full", "<b>203.0.113.7</b>", None, id="markup"),
        pytest.param("full", "", None, id="empty"),
        pytest.param("full", None, None, id="socket of a file"),
    ],
)
def test_address_that_is_kept(keep: str, address: str | None, kept: str | None) -> None:
    """Only an address is kept, and only as much of it as the settings say."""
    host = host_with(keep_ip_address=keep)

    signed_in_from(host, address)

    assert only_session(host).ip_address == kept


@pytest.mark.parametrize(
    ("keep", "sent", "kept"),
    [
        pytest.param(True, FIREFOX, FIREFOX, id="kept"),
        pytest.param(False, FIREFOX, None, id="not kept"),
        pytest.param(True, "", None, id="none sent"),
        pytest.param(True, "a\x00b\x1b[31m\tc", "ab[31mc", id="control characters"),
        pytest.param(True, "x" * 2000, "x" * 512, id="long"),
    ],
)
def test_browser_that_is_kept(*, keep: bool, sent: str, kept: str | None) -> None:
    """What the browser says it is, is kept if that is wanted, short and printable."""
    host = host_with(keep_user_agent=keep)

    host.browser().post("/login/alice", environ_overrides={"HTTP_USER_AGENT": sent})

    assert only_session(host).user_agent == kept


def test_session_that_has_moved(two_browsers: tuple[Host, FlaskClient]) -> None:
    """A renewal says where the session is used now."""
    host, browser = two_browsers
    host.clock.tick(HALF_OF_IDLE)

    browser.get("/whoami", **from_where("198.51.100.9", "Newer Browser"))

    session = only_session(host)
    assert (session.ip_address, session.user_agent) == ("198.51.100.9", "Newer Browser")


def test_what_is_not_wanted_any_more(two_browsers: tuple[Host, FlaskClient]) -> None:
    """What an earlier setting kept goes with the next renewal."""
    host, browser = two_browsers
    host.clock.tick(HALF_OF_IDLE)
    later = host_app(
        store=host.state.store, queue=host.state.queue, clock=host.clock
    ).browser()
    handle = browser.get_cookie("__Host-idp_session", domain="idp.test")
    assert handle is not None
    later.set_cookie("__Host-idp_session", handle.value, domain="idp.test", secure=True)

    later.get("/whoami", **from_where("198.51.100.9"))

    assert only_session(host).ip_address is None


def test_second_sign_in_from_elsewhere(two_browsers: tuple[Host, FlaskClient]) -> None:
    """Whoever signs in again does so from where they are now."""
    host, browser = two_browsers

    browser.post("/login/alice", **from_where("198.51.100.9"))

    assert only_session(host).ip_address == "198.51.100.9"


def test_use_that_no_browser_made(two_browsers: tuple[Host, FlaskClient]) -> None:
    """A client that keeps the session alive does not change where its user is."""
    host, _ = two_browsers
    before = only_session(host)
    host.clock.tick(HALF_OF_IDLE)

    with host.app.test_request_context(environ_overrides={"REMOTE_ADDR": "192.0.2.5"}):
        host.extension.touch(before.session_id)

    after = only_session(host)
    assert after.renewed_at > before.renewed_at
    assert after.origin == before.origin


@pytest.fixture
def two_browsers() -> tuple[Host, FlaskClient]:
    """A host that keeps addresses, and somebody who has signed in from one."""
    host = host_with(keep_ip_address="full", client_activity_renews=True)

    return host, signed_in_from(host, "203.0.113.77")


@contextmanager
def statements_of(engine: sa.Engine) -> Iterator[list[str]]:
    seen: list[str] = []

    @sa.event.listens_for(engine, "before_cursor_execute")
    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement.split()[0])

    yield seen

    sa.event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(timedelta(0), ["SELECT"], id="ordinary"),
        pytest.param(HALF_OF_IDLE, ["SELECT", "UPDATE"], id="renewal"),
    ],
)
def test_what_it_costs(
    sqlite_engine: sa.Engine, after: timedelta, expected: list[str]
) -> None:
    """An ordinary request writes nothing from another address, a renewal once."""
    upgrade(sqlite_engine)
    host = host_app(
        config={"IDP_SESSION_KEEP_IP_ADDRESS": "full"}, engine=sqlite_engine
    )
    browser = signed_in_from(host, "203.0.113.77")
    host.clock.tick(after)

    with statements_of(sqlite_engine) as statements:
        answer = browser.get("/plain", **from_where("198.51.100.9", "Newer Browser"))

    assert statements == expected
    assert "Set-Cookie" not in answer.headers
    (session,) = SqlSessionStore(sqlite_engine).find_by_subject("alice")
    assert (session.ip_address == "198.51.100.9") is bool(after)


def test_sessions_in_cookies() -> None:
    """Where nobody could list it, nothing of it is kept, and no cookie grows."""
    host = host_app(
        config={"IDP_SESSION_TICKETS": "cookie", "IDP_SESSION_KEEP_IP_ADDRESS": "full"},
        store=None,
    )
    short, long = host.browser(), host.browser()

    short.post("/login/alice", headers={"User-Agent": "x"})
    long.post("/login/alice", headers={"User-Agent": "x" * 500})

    assert abs(_size(short) - _size(long)) < 20


def _size(browser: FlaskClient) -> int:
    cookie = browser.get_cookie("__Host-idp_session", domain="idp.test")
    assert cookie is not None

    return len(cookie.value)
