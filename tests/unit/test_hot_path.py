"""What an ordinary request of a signed-in user costs, and that it stays so."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder
from werkzeug.test import run_wsgi_app

from idp_session.flask import user_session
from idp_session.stores.sql import create_engine
from idp_session.stores.sql import upgrade

from ..freeing import without_collector
from ..services import scratch_database
from .hosts import Host
from .hosts import host_app

#: Function calls of a request beyond those of the same view in an app without us,
#: as they were counted when this was written. Who makes them fewer lowers it.
_CALLS = 75

_ORDINARY = [
    pytest.param(timedelta(0), (), id="just signed in"),
    pytest.param(timedelta(minutes=1), ("shop", "mail"), id="clients are known"),
    pytest.param(timedelta(minutes=59), ("shop",), id="a renewal is not yet due"),
]


_WRITES = {"INSERT", "UPDATE", "DELETE", "REPLACE", "BEGIN"}


class Statements(list[str]):
    """What drivers were given to execute, on all connections of an engine."""

    def of(self, engine: sa.Engine) -> Statements:
        """Listen to an engine, below SQLAlchemy."""
        engine.dispose()
        sa.event.listen(engine, "connect", lambda driver, _: self._listen(driver))

        return self

    def _listen(self, driver: Any) -> None:
        if hasattr(driver, "set_trace_callback"):
            # sqlite3 tells of what it begins and commits by itself, too.
            driver.set_trace_callback(self.append)
        elif hasattr(driver, "cursor_factory"):
            driver.cursor_factory = _counting(driver.cursor_factory, self)
        else:
            driver.cursorclass = _counting(driver.cursorclass, self)


def _counting(cursor_class: type[Any], statements: list[str]) -> type[Any]:
    class CountingCursor(cursor_class):  # type: ignore[misc]  # psycopg's or PyMySQL's
        def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
            statements.append(str(query))

            return super().execute(query, *args, **kwargs)

    return CountingCursor


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """An engine of which only this test has connections."""
    with scratch_database(request.param, tmp_path) as url:
        engine = create_engine(url)
        upgrade(engine)
        yield engine
        engine.dispose()


@pytest.fixture
def statements(engine: sa.Engine) -> Statements:
    return Statements().of(engine)


@pytest.fixture
def host(engine: sa.Engine, statements: Statements) -> Host:
    host = host_app(engine=engine)
    host.app.add_url_rule("/me", view_func=_subject)

    return host


def _subject() -> str:
    user = user_session.user

    return "nobody" if user is None else user.subject_id


def assert_one_lookup(statements: list[str]) -> None:
    """One statement, by the primary key, and none that writes or begins anything."""
    [statement] = [" ".join(re.sub('[`"]', "", each).split()) for each in statements]
    columns, _, condition = statement.partition(" WHERE ")

    assert columns.startswith("SELECT")
    assert columns.split()[-2:] == ["FROM", "idp_sessions"]
    assert re.fullmatch(r"idp_sessions\.key = \S+", condition)


def _verb(statement: str) -> str:
    return statement.split()[0].upper()


@pytest.mark.parametrize(("later", "client_ids"), _ORDINARY)
def test_one_statement(
    host: Host, statements: Statements, later: timedelta, client_ids: tuple[str, ...]
) -> None:
    """An ordinary request reads one row by its key, and writes nothing."""
    browser = host.signed_in(*client_ids)
    browser.get("/me")
    host.clock.tick(later)
    statements.clear()

    answer = browser.get("/me")

    assert answer.text == "alice"
    assert_one_lookup(statements)


@pytest.mark.parametrize(("later", "client_ids"), _ORDINARY)
def test_one_statement_that_is_listened_to(
    host: Host,
    engine: sa.Engine,
    statements: Statements,
    later: timedelta,
    client_ids: tuple[str, ...],
) -> None:
    """With somebody listening to the engine it is one as well, and they hear of it."""
    browser = host.signed_in(*client_ids)
    host.clock.tick(later)
    heard: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)

    sa.event.listen(engine, "before_cursor_execute", listen)
    # What SQLAlchemy asks of a new connection is not part of the request.
    browser.get("/me")
    heard.clear()
    statements.clear()

    browser.get("/me")

    assert_one_lookup(heard)
    # SQLAlchemy resets the connection afterwards, which reads and writes no table.
    assert_one_lookup([each for each in statements if "idp_session" in each])
    assert not set(map(_verb, statements)) & _WRITES


@pytest.mark.parametrize(("later", "client_ids"), _ORDINARY)
def test_no_cookie_is_sent(
    host: Host, later: timedelta, client_ids: tuple[str, ...]
) -> None:
    """The browser has its cookies, and gets none of them again."""
    browser = host.signed_in(*client_ids)
    host.clock.tick(later)

    answer = browser.get("/me")

    assert sum(map(len, answer.headers.getlist("Set-Cookie"))) == 0


def test_a_known_client_writes_nothing(host: Host, statements: Statements) -> None:
    """A client that signs the user in for the tenth time is only looked up."""
    browser = host.signed_in("shop")
    browser.post("/join/shop")
    statements.clear()

    browser.post("/join/shop")

    verbs = [_verb(each) for each in statements if "idp_session" in each]

    assert verbs == ["SELECT", "SELECT"]
    assert not set(map(_verb, statements)) & _WRITES


def test_a_renewal_is_noticed(host: Host, statements: Statements) -> None:
    """The requests above wrote nothing because nothing was due: this one does."""
    browser = host.signed_in()
    host.clock.tick(timedelta(hours=1))
    statements.clear()

    browser.get("/me")

    assert "UPDATE" in map(_verb, statements)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_the_path_is_short(host: Host) -> None:
    """Who makes the way of every request a tenth longer is told so here."""
    plain = Flask("plain", static_folder=None)
    plain.config.update(host.app.config)
    plain.add_url_rule("/me", view_func=lambda: "alice")
    browser = host.signed_in()

    calls = _calls(host.app, browser) - _calls(plain, plain.test_client())

    assert _CALLS / 2 < calls <= _CALLS * 1.1


def _calls(app: Flask, browser: FlaskClient) -> int:
    """How many Python functions are called for a request, when all is warm."""
    environ = EnvironBuilder("/me", base_url="https://idp.test").get_environ()
    browser.get("/me")
    cookies = [f"{each.key}={each.value}" for each in _cookies(browser)]

    if cookies:
        environ["HTTP_COOKIE"] = "; ".join(cookies)

    # What others have left behind is not freed at the expense of this request.
    with without_collector():
        counts = [_counted(app, dict(environ)) for _ in range(3)]

    return counts[-1]


def _cookies(browser: FlaskClient) -> list[Any]:
    return list((browser._cookies or {}).values())


def _counted(app: Flask, environ: dict[str, Any]) -> int:
    count = 0

    def profile(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(profile)

    try:
        body, _, _ = run_wsgi_app(app, environ)
        list(body)
    finally:
        sys.setprofile(before)

    return count
