"""The guides for those who come from Flask-Session and Flask-Login are right."""

from __future__ import annotations

from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cachelib import FileSystemCache
from flask import Flask
from flask import session
from flask.testing import FlaskClient
from flask_login import current_user
from flask_session import Session

from idp_session import LogoutReason
from idp_session import SessionFilter
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.flask import IdpSession
from idp_session.flask import user_session
from idp_session.stores.sql import create_engine
from idp_session.stores.sql import upgrade

from .docs_examples import Examples
from .docs_examples import examples
from .hosts import HANDLE
from .hosts import key_set

# Flask-Login 0.6.3 asks the time in a way that Python 3.12 complains of.
pytestmark = pytest.mark.filterwarnings(
    "ignore:datetime.datetime.utcnow:DeprecationWarning:flask_login"
)

ALICE = {"username": "alice", "password": "alice"}
URL = "https://idp.test"
GREETING = "This is the account of alice."


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Examples]:
    """The examples, over a database with tables."""
    database = tmp_path / "test.sqlite"
    engine = create_engine(f"sqlite:///{database}")
    upgrade(engine)
    engine.dispose()

    with examples(monkeypatch, database) as found:
        yield found


@pytest.fixture
def signer() -> KeySetTokenSigner:
    return KeySetTokenSigner(key_set())


def carried(browser: FlaskClient, app: Flask) -> FlaskClient:
    """The same browser after the provider was replaced."""
    other = app.test_client()

    for name in ("session", "remember_token"):
        if cookie := browser.get_cookie(name, domain="idp.test"):
            other.set_cookie(name, cookie.value, domain="idp.test")

    return other


def end_everywhere(app: Flask, subject_id: str) -> None:
    """What an administrator does."""
    with app.app_context():
        IdpSession().end_all(subject_id=subject_id, reason=LogoutReason.ADMIN)


class TestFromFlaskLogin:
    """A small provider with Flask-Login, before and after."""

    @pytest.fixture
    def before(self, found: Examples) -> Flask:
        app: Flask = found["before_flask_login"].create_app()

        return app

    @pytest.fixture
    def moving(self, found: Examples) -> ModuleType:
        return found["moving_from_flask_login"]

    @pytest.fixture
    def after(self, found: Examples, signer: KeySetTokenSigner) -> Flask:
        app: Flask = found["after_flask_login"].create_app(signer)

        return app

    @pytest.fixture
    def bridged(self, after: Flask, moving: ModuleType, found: Examples) -> Flask:
        moving.add_bridge(after, found["accounts"].find_account)

        return after

    @pytest.mark.parametrize("stage", ["before", "after", "bridged"])
    def test_signs_in_and_out(self, stage: str, request: pytest.FixtureRequest) -> None:
        """Each of the apps is a provider with a login and a logout."""
        browser = request.getfixturevalue(stage).test_client()
        stranger = browser.get("/account", base_url=URL)
        wrong = browser.post("/login", data=ALICE | {"password": "?"}, base_url=URL)
        browser.post("/login", data=ALICE | {"remember": "1"}, base_url=URL)
        welcome = browser.get("/account", base_url=URL)
        browser.post("/logout", base_url=URL)

        assert (stranger.status_code, wrong.status_code) == (401, 401)
        assert welcome.text == GREETING
        assert browser.get("/account", base_url=URL).status_code == 401

    def test_the_session_is_ended_for_flask_login_too(self, after: Flask) -> None:
        """Whom an administrator signs out, Flask-Login does not know any more."""
        browser = after.test_client()
        browser.post("/login", data=ALICE, base_url=URL)
        end_everywhere(after, "alice")

        assert browser.get("/account", base_url=URL).status_code == 401

    def test_a_user_who_is_gone_is_nobody(self, after: Flask) -> None:
        """A session whose account was deleted opens no page."""
        browser = after.test_client()
        carol = {"username": "carol", "password": "carol"}
        browser.post("/login", data=carol, base_url=URL)

        assert browser.get("/account", base_url=URL).status_code == 401

    @pytest.mark.parametrize("remember", [False, True], ids=["session", "remembered"])
    def test_those_signed_in_are_taken_over(
        self, before: Flask, bridged: Flask, *, remember: bool
    ) -> None:
        """Who was signed in before is so afterwards, without a password."""
        old = before.test_client()
        form = ALICE | ({"remember": "1"} if remember else {})
        old.post("/login", data=form, base_url=URL)

        if remember:
            old.delete_cookie("session", domain="idp.test")

        browser = carried(old, bridged)
        page = browser.get("/login", base_url=URL)

        assert page.text == "Welcome back."
        assert browser.get_cookie(HANDLE, domain="idp.test")
        assert browser.get_cookie("remember_token", domain="idp.test") is None
        assert browser.get("/account", base_url=URL).text == GREETING

    def test_who_is_remembered_needs_the_same_secret(
        self, before: Flask, bridged: Flask
    ) -> None:
        """A fallback opens the old session, and not the cookie of "remember me"."""
        bridged.config.update(
            SECRET_KEY="the secret of a later day",
            SECRET_KEY_FALLBACKS=[before.config["SECRET_KEY"]],
        )
        old = before.test_client()
        old.post("/login", data=ALICE | {"remember": "1"}, base_url=URL)
        with_session = carried(old, bridged).get("/login", base_url=URL)
        old.delete_cookie("session", domain="idp.test")
        without = carried(old, bridged).get("/login", base_url=URL)

        assert with_session.text == "Welcome back."
        assert without.text.startswith("Your name")

    def test_a_remembered_sign_in_stays_remembered(
        self, before: Flask, bridged: Flask
    ) -> None:
        """The cookie lasts beyond the browser's end if the old one did."""
        old = before.test_client()
        old.post("/login", data=ALICE | {"remember": "1"}, base_url=URL)

        page = carried(old, bridged).get("/login", base_url=URL)

        cookies: SimpleCookie = SimpleCookie()
        for header in page.headers.getlist("Set-Cookie"):
            cookies.load(header)
        assert cookies[HANDLE]["expires"]

    def test_a_taken_over_sign_in_is_not_fresh(
        self, before: Flask, bridged: Flask
    ) -> None:
        """A client that asks for a recent authentication does not get an old one."""
        old = before.test_client()
        old.post("/login", data=ALICE, base_url=URL)
        browser = carried(old, bridged)

        with browser:
            browser.get("/login", base_url=URL)
            assert user_session.user is not None
            assert user_session.user.authenticated_at is not None
            assert user_session.user.authenticated_at.year == 2000

    def test_an_end_elsewhere_is_final(self, before: Flask, bridged: Flask) -> None:
        """Whose session an administrator has ended is not taken over again."""
        old = before.test_client()
        old.post("/login", data=ALICE | {"remember": "1"}, base_url=URL)
        browser = carried(old, bridged)
        browser.get("/login", base_url=URL)
        end_everywhere(bridged, "alice")

        assert browser.get("/login", base_url=URL).text.startswith("Your name")

    def test_a_sign_out_is_final(self, before: Flask, bridged: Flask) -> None:
        """Nobody is taken over again who has signed out since."""
        old = before.test_client()
        old.post("/login", data=ALICE | {"remember": "1"}, base_url=URL)
        browser = carried(old, bridged)
        browser.get("/login", base_url=URL)
        browser.post("/logout", base_url=URL)

        assert browser.get("/login", base_url=URL).text.startswith("Your name")
        assert browser.get("/account", base_url=URL).status_code == 401

    def test_a_sign_out_before_the_take_over_is_final(
        self, before: Flask, bridged: Flask
    ) -> None:
        """Who signs out before anything was taken over is signed out."""
        old = before.test_client()
        old.post("/login", data=ALICE | {"remember": "1"}, base_url=URL)
        browser = carried(old, bridged)
        browser.post("/logout", base_url=URL)

        assert browser.get("/account", base_url=URL).status_code == 401

    def test_a_new_sign_in_wins(self, before: Flask, bridged: Flask) -> None:
        """Who signs in as somebody else is that person from then on."""
        old = before.test_client()
        old.post("/login", data=ALICE, base_url=URL)
        browser = carried(old, bridged)
        bob = {"username": "bob", "password": "bob"}
        browser.post("/login", data=bob, base_url=URL)
        signed_in = browser.get("/account", base_url=URL).text
        browser.post("/logout", base_url=URL)

        assert signed_in.endswith("bob.")
        assert browser.get("/login", base_url=URL).text.startswith("Your name")


class TestFromFlaskSession:
    """A small provider with Flask-Session, before and after."""

    @pytest.fixture
    def before(self, found: Examples, tmp_path: Path) -> Flask:
        cache = FileSystemCache(str(tmp_path / "cache"))
        app: Flask = found["before_flask_session"].create_app(cache)

        return app

    @pytest.fixture
    def after(self, found: Examples, signer: KeySetTokenSigner) -> Flask:
        app: Flask = found["after_flask_session"].create_app(signer)

        return app

    @pytest.fixture
    def bridged(self, after: Flask, found: Examples, tmp_path: Path) -> Flask:
        after.config.update(
            SESSION_TYPE="cachelib",
            SESSION_CACHELIB=FileSystemCache(str(tmp_path / "cache")),
        )
        Session(after)
        found["moving_from_flask_session"].add_bridge(
            after, found["after_flask_session"].idp_session
        )

        return after

    @pytest.mark.parametrize("stage", ["before", "after", "bridged"])
    def test_does_the_same(self, stage: str, request: pytest.FixtureRequest) -> None:
        """The app does after the move what it did before."""
        browser = request.getfixturevalue(stage).test_client()
        browser.post("/language/de", base_url=URL)
        browser.post("/login", data=ALICE, base_url=URL)
        signed_in = browser.get("/", base_url=URL).text
        browser.post("/logout", base_url=URL)

        assert signed_in == "alice, de"
        assert browser.get("/", base_url=URL).text == "None, en"

    def test_those_signed_in_are_taken_over(
        self, before: Flask, bridged: Flask
    ) -> None:
        """Who was signed in before is so afterwards, and their data is there."""
        old = before.test_client()
        old.post("/login", data=ALICE, base_url=URL)
        old.post("/language/de", base_url=URL)
        browser = carried(old, bridged)

        page = browser.get("/login", base_url=URL)

        assert page.text == "Welcome back."
        assert browser.get("/", base_url=URL).text == "alice, de"

    def test_once_only(self, before: Flask, bridged: Flask) -> None:
        """Who signs out afterwards is not taken over a second time."""
        old = before.test_client()
        old.post("/login", data=ALICE, base_url=URL)
        browser = carried(old, bridged)
        browser.get("/login", base_url=URL)
        browser.post("/logout", base_url=URL)

        assert browser.get("/login", base_url=URL).text.startswith("Your name")

    @pytest.mark.parametrize("name", ["alice", "bob"])
    def test_a_new_sign_in_replaces_the_old_one(
        self, before: Flask, bridged: Flask, name: str
    ) -> None:
        """Who has signed in anew is not taken over after the end of that session."""
        old = before.test_client()
        old.post("/login", data=ALICE, base_url=URL)
        browser = carried(old, bridged)
        form = {"username": name, "password": name}
        browser.post("/login", data=form, base_url=URL)
        signed_in = browser.get("/", base_url=URL).text
        end_everywhere(bridged, name)

        assert signed_in == f"{name}, en"
        assert browser.get("/login", base_url=URL).text.startswith("Your name")

    def test_an_end_elsewhere_is_final(self, before: Flask, bridged: Flask) -> None:
        """Whose session an administrator has ended is not taken over again."""
        old = before.test_client()
        old.post("/login", data=ALICE, base_url=URL)
        browser = carried(old, bridged)
        browser.get("/login", base_url=URL)
        end_everywhere(bridged, "alice")

        assert browser.get("/login", base_url=URL).text.startswith("Your name")

    def test_a_sign_out_before_the_take_over_is_final(
        self, before: Flask, bridged: Flask
    ) -> None:
        """Who signs out before anything was taken over is signed out."""
        old = before.test_client()
        old.post("/login", data=ALICE, base_url=URL)
        browser = carried(old, bridged)
        browser.post("/logout", base_url=URL)

        assert browser.get("/login", base_url=URL).text.startswith("Your name")

    def test_strangers_are_not_taken_over(self, bridged: Flask) -> None:
        """Without an old session the bridge is a login page."""
        page = bridged.test_client().get("/login", base_url=URL)

        assert page.text.startswith("Your name")


class TestLoginRequired:
    """The decorator of the guide."""

    @pytest.fixture
    def app(self, found: Examples, signer: KeySetTokenSigner) -> Flask:
        app: Flask = found["after_flask_session"].create_app(signer)

        guarded = found["login_required"].login_required(lambda: "The secret.")
        app.add_url_rule("/secret", "secret", guarded)

        return app

    def test_strangers_are_sent_to_the_login(self, app: Flask) -> None:
        """Who is not signed in comes to the login page, with where to go on."""
        response = app.test_client().get("/secret?a=1", base_url=URL)

        assert response.status_code == 302
        assert response.location == "/login?next=/secret?a%3D1"

    def test_users_see_the_page(self, app: Flask) -> None:
        """Who is signed in sees the page."""
        browser = app.test_client()
        browser.post("/login", data=ALICE, base_url=URL)

        assert browser.get("/secret", base_url=URL).text == "The secret."


def test_all_three_in_one_app(
    found: Examples, tmp_path: Path, signer: KeySetTokenSigner
) -> None:
    """Flask-Session and Flask-Login go on beside the package, each with its own."""
    after = found["after_flask_login"]
    app: Flask = after.create_app(signer)
    app.config.update(
        SESSION_TYPE="cachelib",
        SESSION_CACHELIB=FileSystemCache(str(tmp_path / "cache")),
    )
    Session(app)

    @app.get("/both")
    def both() -> dict[str, Any]:
        session["count"] = session.get("count", 0) + 1
        user_session.data.set("count", user_session.data.get("count", 10) + 1)

        return {
            "name": current_user.name,
            "counts": [session["count"], user_session.data.get("count")],
        }

    browser = app.test_client()
    browser.post("/login", data=ALICE, base_url=URL)
    browser.get("/both", base_url=URL)
    seen = browser.get("/both", base_url=URL).json
    browser.post("/logout", base_url=URL)

    assert seen == {"name": "alice", "counts": [2, 12]}

    with browser, browser.session_transaction(base_url=URL) as left:
        assert left["count"] == 2

    with app.app_context():
        idp_session: IdpSession = after.idp_session
        everybody = SessionFilter(anonymous=None)
        assert idp_session.management.query(everybody).sessions == ()
