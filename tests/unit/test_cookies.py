"""The two cookies: what they look like, and when they are written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from idp_session import Principal
from idp_session.flask.transport import check_session_cookie
from idp_session.flask.transport import handle_cookie
from idp_session.options import SessionOptions
from idp_session.testing import ManualClock

from .hosts import attributes
from .hosts import HANDLE
from .hosts import Host
from .hosts import host_app
from .hosts import ISSUER
from .hosts import SESSION_ID

HTTP = {
    "IDP_SESSION_ISSUER": "http://idp.test",
    "PREFERRED_URL_SCHEME": "http",
    "IDP_SESSION_CHECK_SESSION_COOKIE_SECURE": False,
    "IDP_SESSION_CHECK_SESSION_COOKIE_SAME_SITE": "Lax",
}


@pytest.fixture
def host() -> Host:
    """A host over https."""
    return host_app()


def test_handle_cookie_over_https(host: Host) -> None:
    """Over https the handle is bound to the host, hidden, and sent from frames."""
    cookie = attributes(host.browser().post("/login/alice"))[HANDLE]

    assert len(cookie.pop("")) == 43
    assert cookie == {"secure": "", "httponly": "", "path": "/", "samesite": "None"}


def test_handle_cookie_over_http() -> None:
    """Over http, in development, any client takes the cookie."""
    host = host_app(config=HTTP)

    cookie = attributes(host.browser().post("/login/alice"))["idp_session"]

    assert len(cookie.pop("")) == 43
    assert cookie == {"httponly": "", "path": "/", "samesite": "Lax"}


def test_check_session_cookie(host: Host) -> None:
    """The check-session cookie is the session id, readable by scripts, until the end."""
    # SM-OP-14, SM-OP-15
    response = host.browser().post("/login/alice")

    assert attributes(response)[SESSION_ID] == {
        "": response.text,
        "secure": "",
        "path": "/",
        "samesite": "None",
    }


def test_check_session_cookie_over_http() -> None:
    """Browsers take a Secure cookie on loopback, so http alone changes nothing."""
    config = {"IDP_SESSION_ISSUER": "http://idp.test", "PREFERRED_URL_SCHEME": "http"}
    host = host_app(config=config)

    cookie = attributes(host.browser().post("/login/alice"))[SESSION_ID]

    assert (cookie["samesite"], "secure" in cookie) == ("None", True)


def test_remembered_handle() -> None:
    """A remembered session's handle stays until its absolute end; its copy does not."""
    host = host_app(config={"IDP_SESSION_REMEMBERED_ABSOLUTE_LIFETIME": 86400})

    cookies = attributes(host.browser().post("/login/alice?remember=1"))

    assert cookies[HANDLE]["expires"] == "Fri, 02 Jan 2026 12:00:00 GMT"
    assert "expires" not in cookies[SESSION_ID]


@pytest.mark.parametrize(
    ("settings", "root", "expected"),
    [
        pytest.param({}, "/", "__Host-idp_session", id="https"),
        pytest.param({}, "/idp", "idp_session", id="below a path"),
        pytest.param({"cookie_path": "/"}, "/idp", "__Host-idp_session", id="path /"),
        pytest.param({"cookie_path": "/x"}, "/", "idp_session", id="path"),
        pytest.param({"cookie_domain": "test"}, "/", "idp_session", id="domain"),
        pytest.param({"cookie_secure": False}, "/", "idp_session", id="not secure"),
        pytest.param({"cookie_name": "id"}, "/", "__Host-id", id="name"),
        pytest.param({"issuer": "http://idp.test"}, "/", "idp_session", id="http"),
        pytest.param(
            {"issuer": "http://localhost", "cookie_secure": True},
            "/",
            "idp_session",
            id="secure over http",
        ),
    ],
)
def test_prefix(settings: dict[str, Any], root: str, expected: str) -> None:
    """The prefix is there exactly where browsers accept it."""
    options = SessionOptions(**({"issuer": ISSUER} | settings))

    assert handle_cookie(options, root=root).name == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param({}, "None", id="secure"),
        pytest.param({"cookie_secure": False}, "Lax", id="not secure"),
        pytest.param({"cookie_same_site": "Strict"}, "Strict", id="chosen"),
        pytest.param(
            {"cookie_same_site": "Lax", "issuer": "http://idp.test"}, "Lax", id="http"
        ),
    ],
)
def test_same_site(settings: dict[str, Any], expected: str) -> None:
    """Frames reach a session whose cookie may be sent to them; options win."""
    options = SessionOptions(**({"issuer": ISSUER} | settings))

    assert handle_cookie(options, root="/").same_site == expected


def test_path_is_the_application_root() -> None:
    """Both cookies are sent below the application root, unless an option says else."""
    options = SessionOptions(issuer=ISSUER)

    assert handle_cookie(options, root="/idp").path == "/idp"
    assert check_session_cookie(options, root="/idp").path == "/idp"


def test_options_of_the_check_session_cookie() -> None:
    """Name, path, domain and the rest are options."""
    options = SessionOptions(
        issuer=ISSUER,
        cookie_path="/p",
        check_session_cookie_name="browser.state",
        check_session_cookie_domain="idp.test",
        check_session_cookie_same_site="Strict",
        check_session_cookie_secure=False,
    )

    spec = check_session_cookie(options, root="/")

    assert (spec.name, spec.path, spec.domain) == ("browser.state", "/p", "idp.test")
    assert (spec.same_site, spec.secure, spec.http_only) == ("Strict", False, False)


@pytest.mark.parametrize(
    "value", [pytest.param(None, id="missing"), pytest.param("5e55", id="different")]
)
@pytest.mark.parametrize(
    "path", [pytest.param("/plain", id="a view"), pytest.param("/404", id="no view")]
)
def test_check_session_cookie_is_healed(
    host: Host, value: str | None, path: str
) -> None:
    """Any request of a signed-in browser repairs a missing or different copy."""
    browser = host.browser()
    session_id = browser.post("/login/alice").text
    browser.delete_cookie(SESSION_ID, domain="idp.test")
    if value:
        browser.set_cookie(SESSION_ID, value, domain="idp.test")

    cookies = attributes(browser.get(path))

    assert [cookies.keys(), cookies[SESSION_ID][""]] == [{SESSION_ID}, session_id]


def test_check_session_cookie_of_nobody_is_removed(host: Host) -> None:
    """An anonymous request that carries a copy gets it removed, with its attributes."""
    browser = host.browser()
    browser.set_cookie(SESSION_ID, "5e55", domain="idp.test")

    cookies = attributes(browser.get("/plain"))

    assert cookies == {
        SESSION_ID: {
            "": "",
            "expires": "Thu, 01 Jan 1970 00:00:00 GMT",
            "max-age": "0",
            "secure": "",
            "path": "/",
            "samesite": "None",
        }
    }


@pytest.mark.parametrize(
    "signed_in", [pytest.param(True, id="alice"), pytest.param(False, id="nobody")]
)
def test_ordinary_requests_write_no_cookie(host: Host, *, signed_in: bool) -> None:
    """Where cookies say what they should, nothing is set and caching is left alone."""
    browser = host.signed_in() if signed_in else host.browser()

    response = browser.get("/whoami")

    assert attributes(response) == {}
    assert "Cache-Control" not in response.headers


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/connect/checksession", id="check-session iframe"),
        pytest.param("/connect/static/idp_session.css", id="file of the package"),
    ],
)
def test_what_is_the_same_for_everybody(host: Host, path: str) -> None:
    """Pages that caches share set no cookie, not even to repair one."""
    browser = host.signed_in()
    browser.set_cookie(SESSION_ID, "5e55", domain="idp.test")

    response = browser.get(path, buffered=True)

    assert response.status_code == 200
    assert attributes(response) == {}
    assert "no-store" not in response.headers["Cache-Control"]


def test_a_view_that_only_sounds_static() -> None:
    """A view whose name ends in "static" is a view like any other."""
    host = host_app()
    host.app.add_url_rule(
        "/ecstatic",
        "ecstatic",
        lambda: host.extension.user_session.session_id or "nobody",
    )
    browser = host.signed_in()
    browser.delete_cookie(SESSION_ID, domain="idp.test")

    response = browser.get("/ecstatic")

    assert attributes(response)[SESSION_ID][""] == response.text


@pytest.mark.parametrize(
    "make_request",
    [
        pytest.param("/login/alice", id="sign-in"),
        pytest.param("/login/bob", id="user switch"),
        pytest.param("/logout", id="sign-out"),
    ],
)
def test_cookies_are_not_cached(host: Host, make_request: str) -> None:
    """A response with a cookie is stored by no cache."""
    browser = host.signed_in()

    response = browser.post(make_request)

    assert attributes(response)
    assert "no-store" in response.headers["Cache-Control"]


def test_sign_out_removes_both_cookies(host: Host) -> None:
    """What is removed has the attributes of what was set, or browsers would keep it."""
    browser = host.signed_in()

    cookies = attributes(browser.post("/logout"))

    assert {name: cookie["max-age"] for name, cookie in cookies.items()} == {
        HANDLE: "0",
        SESSION_ID: "0",
    }
    assert {"secure", "httponly"} < cookies[HANDLE].keys()
    assert cookies[HANDLE]["samesite"] == "None"


def test_the_handle_changes_at_each_sign_in(host: Host) -> None:
    """A handle from before a sign-in opens nothing afterwards; the id stays."""
    browser = host.browser()
    first = browser.post("/login/alice")
    second = browser.post("/login/alice")
    thief = host.browser()
    thief.set_cookie(HANDLE, attributes(first)[HANDLE][""], domain="idp.test")

    assert first.text == second.text
    assert attributes(second).keys() == {HANDLE}
    assert thief.get("/whoami").get_json()["subject"] is None


def test_a_stale_handle_is_removed_by_a_sign_out(host: Host) -> None:
    """Signing out takes a handle away even if it opened nothing."""
    browser = host.browser()
    browser.set_cookie(HANDLE, "x" * 43, domain="idp.test")

    response = browser.post("/logout")

    assert response.get_json() == {"ended": None}
    assert attributes(response).keys() == {HANDLE}


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(f"{HANDLE}=", id="empty"),
        pytest.param(f"{HANDLE}=short", id="short"),
        pytest.param(f"{HANDLE}=" + "x" * 43, id="unknown"),
        pytest.param(f"{HANDLE}=" + "x" * 100_000, id="long"),
        pytest.param(f"{HANDLE}=\xff\xfe\x80" + "x" * 40, id="not UTF-8"),
        pytest.param(f"{HANDLE}=ä" + "x" * 42, id="not ASCII"),
        pytest.param(f'{HANDLE}="\\000{"x" * 40}"', id="NUL"),
        pytest.param(f'{HANDLE}="\\012\\015Set-Cookie: a=b"', id="line ends"),
        pytest.param(f"{HANDLE}; =; ;;{SESSION_ID}", id="no values"),
        pytest.param(f"{SESSION_ID}=\xff; {SESSION_ID}=2", id="twice"),
        pytest.param("\x00\xff=;\t{}[]", id="noise"),
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/whoami", id="view"),
        pytest.param("/connect/endsession", id="logout"),
        pytest.param("/connect/endsession/callback", id="callback"),
    ],
)
def test_malformed_cookies(host: Host, header: str, path: str) -> None:
    """Whatever a cookie holds: nobody is signed in and nothing breaks."""
    client = host.app.test_client(use_cookies=False)

    response = client.get(path, headers={"Cookie": header})

    assert response.status_code == 200
    assert "alice" not in response.text


def test_a_handle_in_the_wrong_cookie(host: Host) -> None:
    """Over https only the prefixed cookie counts: a subdomain cannot plant one."""
    browser = host.browser()
    handle = attributes(host.browser().post("/login/mallory"))[HANDLE][""]
    browser.set_cookie("idp_session", handle, domain="idp.test")

    assert browser.get("/whoami").get_json()["subject"] is None


def test_no_check_session() -> None:
    """Without session management there is no copy, and an old one is removed."""
    host = host_app(config={"IDP_SESSION_CHECK_SESSION": False})
    browser = host.browser()

    first = browser.post("/login/alice")
    browser.set_cookie(SESSION_ID, first.text, domain="idp.test")
    second = browser.get("/plain")

    assert attributes(first).keys() == {HANDLE}
    assert attributes(second)[SESSION_ID]["max-age"] == "0"


def test_sign_in_and_out_in_one_request() -> None:
    """The last word counts: what was issued and withdrawn is withdrawn."""
    host = host_app()

    @host.app.post("/both")
    def both() -> str:
        host.extension.sign_in(Principal(subject_id="alice"))
        host.extension.sign_out()
        return ""

    cookies = attributes(host.browser().post("/both"))

    assert [cookie[""] for cookie in cookies.values()] == ["", ""]


@pytest.fixture
def statements(
    sqlite_engine: sa.Engine,
) -> Iterator[list[str]]:
    """The first word of each statement that reaches the database."""
    seen: list[str] = []

    def listen(_1: Any, _2: Any, statement: str, *_: Any) -> None:
        seen.append(statement.split()[0])

    sa.event.listen(sqlite_engine, "before_cursor_execute", listen)
    yield seen
    sa.event.remove(sqlite_engine, "before_cursor_execute", listen)


@pytest.fixture
def sql_browser(sqlite_engine: sa.Engine) -> FlaskClient:
    """A signed-in browser of a host with a database."""
    return host_app(engine=sqlite_engine).signed_in("shop")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/plain", ["SELECT"], id="ordinary"),
        pytest.param("/404", ["SELECT"], id="no view"),
        pytest.param("/whoami", ["SELECT", "SELECT"], id="with its clients"),
        pytest.param("/data", ["SELECT", "SELECT"], id="with its data"),
        pytest.param("/connect/checksession", [], id="check-session iframe"),
        pytest.param("/connect/static/signed_out.js", [], id="static"),
    ],
)
def test_statements_of_a_request(
    sql_browser: FlaskClient, statements: list[str], path: str, expected: list[str]
) -> None:
    """An ordinary request reads its session once and writes nothing."""
    del statements[:]

    sql_browser.get(path, buffered=True)

    assert statements == expected


def test_an_anonymous_request_reads_nothing(
    sqlite_engine: sa.Engine, statements: list[str]
) -> None:
    """Without a handle there is nothing to look for."""
    host = host_app(engine=sqlite_engine)

    host.browser().get("/whoami")

    assert statements == []


def test_a_known_client_writes_nothing(
    sql_browser: FlaskClient, statements: list[str]
) -> None:
    """Adding a client that takes part already only reads."""
    del statements[:]

    sql_browser.post("/join/shop")

    assert set(statements) == {"SELECT"}


def test_clock_is_the_hosts(clock: ManualClock) -> None:
    """The end of a cookie comes from the clock that the host gave."""
    clock.tick(3600)
    host = host_app(clock=clock)

    cookie = attributes(host.browser().post("/login/alice?remember=1"))[HANDLE]

    assert cookie["expires"] == "Wed, 01 Apr 2026 13:00:00 GMT"
