"""The host's own ``flask.session``: it is as it was, and no work where it is unused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from datetime import timedelta
from datetime import UTC
from typing import Any

import pytest
from flask import flash
from flask import Flask
from flask import get_flashed_messages
from flask import Response
from flask import session
from flask.sessions import SecureCookieSessionInterface
from flask.sessions import SessionInterface
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from itsdangerous import TimestampSigner
from werkzeug.test import TestResponse

from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.flask import IdpSession
from idp_session.flask.host_session import SparingSessionInterface
from idp_session.stores.memory import MemoryDeliveryQueue
from idp_session.stores.memory import MemorySessionStore

from .hosts import ISSUER
from .hosts import key_set

SECRET = "a secret key for tests"
NOW = 1_800_000_000
A_YEAR = 365 * 24 * 3600

#: What a host does before the extension comes.
SetUp = Callable[[Flask], None]
#: What a browser does with an app.
Visit = Callable[[FlaskClient], TestResponse]


class Clock:
    """What Flask takes for the time, in seconds."""

    now = NOW


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Two apps that are compared sign and set cookies at the same instant."""
    clock = Clock()

    def expires_at(_: SessionInterface, app: Flask, kept: Any) -> datetime | None:
        now = datetime.fromtimestamp(clock.now, UTC)

        return now + app.permanent_session_lifetime if kept.permanent else None

    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: clock.now)
    monkeypatch.setattr(SessionInterface, "get_expiration_time", expires_at)

    return clock


@pytest.fixture
def signings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows with everything that Flask makes to sign or to verify a cookie."""
    made: list[str] = []
    usual = SecureCookieSessionInterface.get_signing_serializer

    def noted(interface: SecureCookieSessionInterface, app: Flask) -> Any:
        made.append(app.name)

        return usual(interface, app)

    monkeypatch.setattr(SecureCookieSessionInterface, "get_signing_serializer", noted)

    return made


def nothing(_app: Flask) -> None:
    """Most hosts leave Flask's session as it comes."""


def app_of(set_up: SetUp = nothing, **config: Any) -> Flask:
    """A host before it has the extension."""
    app = Flask("host", static_folder=None)
    app.config.update(SECRET_KEY=SECRET, IDP_SESSION_ISSUER=ISSUER)
    app.config.update(config)
    set_up(app)

    for path, view in _VIEWS.items():
        app.add_url_rule(path, endpoint=path, view_func=view)

    return app


def with_ours(app: Flask) -> Flask:
    """The same host with the extension."""
    queue = MemoryDeliveryQueue()
    IdpSession().init_app(
        app,
        clients={},
        signer=KeySetTokenSigner(key_set()),
        store=MemorySessionStore(queue),
        queue=queue,
    )

    return app


def _read() -> str:
    return str(sorted(session.items()))


def _write() -> str:
    session["user"] = "alice"

    return "written"


def _make_permanent() -> str:
    session.permanent = True

    return "kept"


def _clear() -> str:
    session["user"] = "alice"
    session.clear()

    return "cleared"


def _flash() -> str:
    flash("hello")

    return "flashed"


_VIEWS: dict[str, Callable[[], ResponseReturnValue]] = {
    "/unused": lambda: "nothing",
    "/read": _read,
    "/touched": lambda: str(bool(session)),
    "/write": _write,
    "/permanent": _make_permanent,
    "/clear": _clear,
    "/vary": lambda: Response("varies", headers={"Vary": "Accept-Language"}),
    "/flash": _flash,
    "/flashed": lambda: str(get_flashed_messages()),
    "/broken": lambda: str(1 // 0),
}


def asking(*paths: str, cookie: str | None = None) -> Visit:
    """Asks for some pages, one after the other.

    :param paths: Which.
    :param cookie: What the browser has for Flask's session beforehand.
    """

    def visit(browser: FlaskClient) -> TestResponse:
        if cookie is not None:
            browser.set_cookie("session", cookie)

        return [browser.get(path) for path in paths][-1]

    return visit


def a_year_later(clock: Clock, *paths: str) -> Visit:
    """Asks for the last of some pages much later than for the others."""

    def visit(browser: FlaskClient) -> TestResponse:
        clock.now = NOW
        asking(*paths[:-1])(browser)
        clock.now = NOW + A_YEAR

        return browser.get(paths[-1])

    return visit


def assert_alike(visit: Visit, set_up: SetUp = nothing, **config: Any) -> None:
    """The last answer is the same with the extension and without, to the byte."""
    plain = app_of(set_up, **config)
    ours = with_ours(app_of(set_up, **config))
    ours_answer, answer = visit(ours.test_client()), visit(plain.test_client())

    assert ours_answer.status == answer.status
    assert list(ours_answer.headers) == list(answer.headers)
    assert ours_answer.data == answer.data


@pytest.mark.parametrize(
    "visit",
    [
        pytest.param(asking("/unused"), id="unused"),
        pytest.param(asking("/read"), id="read while empty"),
        pytest.param(asking("/touched"), id="asked whether it is empty"),
        pytest.param(asking("/write"), id="written"),
        pytest.param(asking("/clear"), id="emptied again"),
        pytest.param(asking("/permanent"), id="made permanent"),
        pytest.param(asking("/vary"), id="a Vary of the view"),
        pytest.param(asking("/nowhere"), id="no such page"),
        pytest.param(asking("/broken"), id="a view that fails"),
        pytest.param(asking("/write", "/unused"), id="a cookie that is not used"),
        pytest.param(asking("/write", "/read"), id="a cookie that is read"),
        pytest.param(asking("/write", "/clear"), id="a cookie that is deleted"),
        pytest.param(asking("/write", "/clear", "/read"), id="a cookie that is gone"),
        pytest.param(asking("/permanent", "/unused"), id="a cookie that is renewed"),
        pytest.param(asking("/flashed"), id="no message"),
        pytest.param(asking("/flash"), id="a message is left"),
        pytest.param(asking("/flash", "/flashed"), id="a message is shown"),
        pytest.param(asking("/flash", "/flashed", "/flashed"), id="shown once"),
        pytest.param(asking("/read", cookie=""), id="an empty cookie"),
        pytest.param(asking("/read", cookie="e30.foreign.cookie"), id="a foreign one"),
        pytest.param(asking("/unused", cookie="foreign"), id="a foreign one, unused"),
    ],
)
def test_answers_are_the_same(visit: Visit) -> None:
    """Whatever a host does with ``flask.session``, browsers get the same answer."""
    assert_alike(visit)


@pytest.mark.parametrize("last", ["/read", "/unused", "/write"])
def test_an_expired_cookie(clock: Clock, last: str) -> None:
    """A cookie that is too old counts for nothing, as it does in Flask."""
    assert_alike(a_year_later(clock, "/write", last))


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"SESSION_COOKIE_NAME": "other"}, id="name"),
        pytest.param({"SESSION_COOKIE_PATH": "/somewhere"}, id="path"),
        pytest.param({"SESSION_COOKIE_DOMAIN": "localhost"}, id="domain"),
        pytest.param({"SESSION_COOKIE_PARTITIONED": True}, id="partitioned"),
        pytest.param({"SESSION_COOKIE_SECURE": True}, id="secure"),
        pytest.param({"SESSION_REFRESH_EACH_REQUEST": False}, id="not renewed"),
        pytest.param({"PERMANENT_SESSION_LIFETIME": timedelta(hours=1)}, id="lifetime"),
        pytest.param({"SECRET_KEY_FALLBACKS": [f"old {SECRET}"]}, id="fallbacks"),
    ],
)
@pytest.mark.parametrize("paths", [("/unused",), ("/permanent",), ("/write", "/clear")])
def test_settings_are_obeyed(paths: tuple[str, ...], config: dict[str, Any]) -> None:
    """The settings of Flask's session mean what they meant."""
    assert_alike(asking(*paths), **config)


def test_a_cookie_of_an_old_secret() -> None:
    """What a secret of the past has signed is read, as it is in Flask."""
    old = app_of(SECRET_KEY=f"old {SECRET}").test_client()
    old.get("/write")
    cookie = old.get_cookie("session")

    assert cookie is not None
    assert_alike(
        asking("/read", cookie=cookie.value), SECRET_KEY_FALLBACKS=[f"old {SECRET}"]
    )


def _reading_at_the_end(app: Flask) -> None:
    @app.after_request
    def read(response: Response) -> Response:
        response.headers["X-Empty"] = str(not session)

        return response


def _writing_at_the_end(app: Flask) -> None:
    @app.after_request
    def write(response: Response) -> Response:
        session["last"] = "page"

        return response


def _reading_in_front(app: Flask) -> None:
    @app.before_request
    def read() -> None:
        session.get("user")


@pytest.mark.parametrize(
    "set_up", [_reading_at_the_end, _writing_at_the_end, _reading_in_front]
)
@pytest.mark.parametrize("paths", [("/unused",), ("/write", "/unused")])
def test_a_hook_of_the_host(set_up: SetUp, paths: tuple[str, ...]) -> None:
    """A hook before or behind each request may read and change it."""
    assert_alike(asking(*paths), set_up)


def test_a_host_that_has_no_key_any_more() -> None:
    """Without a key nothing can be written, and Flask says why."""
    app = with_ours(app_of(TESTING=True))
    app.secret_key = None
    browser = app.test_client()

    assert browser.get("/read").text == "[]"
    with pytest.raises(RuntimeError, match="no secret key was set"):
        browser.get("/write")


def test_a_test_of_the_host() -> None:
    """Tests may change the session between requests."""
    browser = with_ours(app_of()).test_client()

    with browser.session_transaction() as changed:
        changed["user"] = "bob"

    assert browser.get("/read").text == "[('user', 'bob')]"


class _Host(SecureCookieSessionInterface):
    """A host's own kind."""


def _with_its_own(app: Flask) -> None:
    app.session_interface = _Host()


def _with_other_settings(app: Flask) -> None:
    interface = SecureCookieSessionInterface()
    interface.salt = "another salt"
    app.session_interface = interface


@pytest.mark.parametrize("set_up", [_with_its_own, _with_other_settings])
def test_a_session_of_the_hosts_own_kind_is_left_alone(set_up: SetUp) -> None:
    """Who has chosen how sessions are kept keeps that."""
    app = app_of(set_up)
    chosen = app.session_interface

    assert with_ours(app).session_interface is chosen
    assert_alike(asking("/write"), set_up)


def test_a_host_that_chooses_afterwards() -> None:
    """Who chooses how sessions are kept when the extension is there has it so."""
    app = with_ours(app_of())
    app.session_interface = chosen = SecureCookieSessionInterface()

    app.test_client().get("/write")

    assert app.session_interface is chosen


def test_other_apps_are_left_alone() -> None:
    """An app without the extension has Flask's sessions as they come."""
    ours, other = with_ours(app_of()), app_of()

    assert type(ours.session_interface) is SparingSessionInterface
    assert type(other.session_interface) is SecureCookieSessionInterface


def test_an_unused_session_is_no_work(signings: list[str]) -> None:
    """Without a cookie, and without a use, nothing is made to verify or sign one."""
    with_ours(app_of()).test_client().get("/unused")

    assert signings == []


def test_a_used_session_is_noticed(signings: list[str]) -> None:
    """Nothing was made above because nothing was needed: here it is."""
    browser = with_ours(app_of()).test_client()

    browser.get("/write")
    browser.get("/read")

    assert signings == ["host", "host"]
