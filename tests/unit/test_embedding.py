"""The package in hosts of many kinds."""

from __future__ import annotations

import gc
import re
import weakref
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Blueprint
from flask import Flask
from flask.testing import FlaskClient
from flask.typing import ResponseReturnValue
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import TestResponse

from idp_session import LogoutReason
from idp_session import Principal
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.flask import IdpSession
from idp_session.flask import protocol_blueprint
from idp_session.flask import session_events_blueprint
from idp_session.flask import user_session
from idp_session.integrations.authlib import discovery_metadata
from idp_session.stores.sql import create_engine
from idp_session.stores.sql import metadata as our_metadata
from idp_session.stores.sql import upgrade

from .hosts import attributes
from .hosts import HANDLE
from .hosts import Host
from .hosts import host_app
from .hosts import ISSUER
from .hosts import key_set
from .hosts import Page
from .hosts import SHOP

EXTENSION = IdpSession()


def create_app(database: Path, **config: Any) -> Flask:
    """A factory as hosts have it, around one extension at module level."""
    app = Flask("factory")
    app.config.update(
        SECRET_KEY="a secret of more than thirty-two bytes",
        SERVER_NAME="idp.test",
        PREFERRED_URL_SCHEME="https",
        IDP_SESSION_ISSUER=ISSUER,
        IDP_SESSION_DATABASE_URL=f"sqlite:///{database}",
        IDP_SESSION_DELIVERY_IN_PROCESS=False,
    )
    app.config.update(config)
    signer = KeySetTokenSigner(key_set())
    EXTENSION.init_app(app, clients={"shop": SHOP}, signer=signer)
    app.register_blueprint(protocol_blueprint(), url_prefix="/connect")
    upgrade(app.extensions["idp_session"].engine)

    @app.post("/login/<subject>")
    def log_in(subject: str) -> ResponseReturnValue:
        return EXTENSION.sign_in(Principal(subject_id=subject))

    @app.get("/whoami")
    def whoami() -> ResponseReturnValue:
        return {"subject": user_session.user and user_session.user.subject_id}

    return app


Factory = Callable[..., Flask]


@pytest.fixture
def factory(tmp_path: Path) -> Iterator[Factory]:
    """Makes apps, and closes their databases."""
    engines = []

    def make(database: str, **config: Any) -> Flask:
        app = create_app(tmp_path / database, **config)
        engines.append(app.extensions["idp_session"].engine)

        return app

    yield make

    for engine in engines:
        engine.dispose()


def subject(browser: FlaskClient) -> Any:
    response: Any = browser.get("/whoami")

    return response.json["subject"]


class TestFactories:
    """Several apps in one process, from one extension."""

    def test_apps_know_nothing_of_each_other(self, factory: Factory) -> None:
        """What happens in one app happens in no other, even inside of a request."""
        one, two = factory("one"), factory("two")
        first, second = one.test_client(), two.test_client()
        first.post("/login/alice")
        second.post("/login/bob")

        with one.test_request_context("/"), two.app_context():
            EXTENSION.end_all(subject_id="alice", reason=LogoutReason.ADMIN)

        assert (subject(first), subject(second)) == ("alice", "bob")

    def test_a_handle_counts_in_its_own_app(self, factory: Factory) -> None:
        """The cookie of one app opens nothing in another."""
        browser, other = (factory(name).test_client() for name in ("one", "two"))
        browser.post("/login/alice")
        cookie = browser.get_cookie(HANDLE, domain="idp.test")
        assert cookie is not None
        other.set_cookie(HANDLE, cookie.value, domain="idp.test")

        assert subject(other) is None

    def test_apps_may_share_a_database(self, factory: Factory) -> None:
        """The same provider made twice, as by two workers, has the same sessions."""
        browser, other = (factory("same").test_client() for _ in range(2))
        browser.post("/login/alice")
        cookie = browser.get_cookie(HANDLE, domain="idp.test")
        assert cookie is not None
        other.set_cookie(HANDLE, cookie.value, domain="idp.test")

        assert subject(other) == "alice"

    def test_apps_may_be_set_up_differently(self, factory: Factory) -> None:
        """Each app has its own settings, whichever was made last."""
        one = factory("one", IDP_SESSION_COOKIE_NAME="first").test_client()
        two = factory("two", IDP_SESSION_COOKIE_NAME="second").test_client()

        assert "__Host-first" in attributes(one.post("/login/alice"))
        assert "__Host-second" in attributes(two.post("/login/alice"))

    def test_an_app_can_be_forgotten(self, tmp_path: Path) -> None:
        """Nothing at module level keeps an app: what a test has made goes with it."""
        app = create_app(tmp_path / "database")
        app.test_client().post("/login/alice")
        app.extensions["idp_session"].engine.dispose()
        forgotten = weakref.ref(app)
        del app
        gc.collect()

        assert forgotten() is None


def _renamed(app: Flask) -> None:
    app.register_blueprint(protocol_blueprint(), url_prefix="/connect", name="oidc")


def _nested(app: Flask) -> None:
    outer = Blueprint("outer", __name__)
    outer.register_blueprint(protocol_blueprint(), url_prefix="/connect", name="oidc")
    app.register_blueprint(outer, url_prefix="/tenants")


def _at_the_root(app: Flask) -> None:
    app.register_blueprint(protocol_blueprint())


MOUNTED = [
    pytest.param(_renamed, "/connect", id="renamed"),
    pytest.param(_nested, "/tenants/connect", id="nested"),
    pytest.param(_at_the_root, "", id="without prefix"),
]


def sign_out(browser: FlaskClient, prefix: str, **options: Any) -> TestResponse:
    """Answer the question, and come to the last page."""
    question = Page(browser.get(f"{prefix}/endsession", **options))
    assert question.action is not None

    return browser.post(
        question.action,
        data=question.fields | {"answer": "yes"},
        follow_redirects=True,
        **options,
    )


@pytest.mark.parametrize(("register", "prefix"), MOUNTED)
class TestMounted:
    """The protocol blueprint wherever the host wants it."""

    def test_sign_out(self, register: Callable[[Flask], None], prefix: str) -> None:
        """A logout leads through all its pages, frames included."""
        host = host_app(register=register)
        browser = host.signed_in("mail")
        page = sign_out(browser, prefix)

        assert page.status_code == 200
        assert [frame[:23] for frame in Page(page).frames] == [
            "https://mail.test/front"
        ]
        assert browser.get("/whoami").json == {
            "subject": None,
            "sid": None,
            "clients": [],
        }

    def test_files(self, register: Callable[[Flask], None], prefix: str) -> None:
        """The pages find their style sheet."""
        host = host_app(register=register)
        text = host.signed_in().get(f"{prefix}/endsession").text
        found = re.search(r'rel="stylesheet" href="([^"]+)"', text)
        assert found is not None

        assert found[1] == f"{prefix}/static/idp_session.css"

        with host.browser().get(found[1]) as response:
            assert response.status_code == 200

    def test_discovery(self, register: Callable[[Flask], None], prefix: str) -> None:
        """The discovery document names the addresses that there are."""
        with host_app(register=register).app.test_request_context("/"):
            found = discovery_metadata()

        assert found["end_session_endpoint"] == f"{ISSUER}{prefix}/endsession"
        assert found["check_session_iframe"] == f"{ISSUER}{prefix}/checksession"

    def test_iframe(self, register: Callable[[Flask], None], prefix: str) -> None:
        """What any cache may keep sets no cookie, whatever the blueprint is called."""
        browser = host_app(register=register).signed_in()
        browser.delete_cookie("idsrv.session", domain="idp.test")
        response = browser.get(f"{prefix}/checksession")

        assert response.status_code == 200
        assert "Set-Cookie" not in response.headers


def test_a_renamed_event_stream_sets_no_cookie() -> None:
    """The stream is no use of the session, whatever its blueprint is called."""

    def register(app: Flask) -> None:
        app.register_blueprint(protocol_blueprint())
        app.register_blueprint(session_events_blueprint(), name="stream")

    browser = host_app(register=register).signed_in()
    browser.delete_cookie("idsrv.session", domain="idp.test")

    assert "Set-Cookie" not in browser.head("/session-events").headers


class TestBehindAProxy:
    """A proxy that ends TLS, and mounts the provider below a path."""

    HEADERS = {  # noqa: RUF012 - not changed
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "idp.test",
        "X-Forwarded-Prefix": "/auth",
    }
    HOW: dict[str, Any] = {  # noqa: RUF012 - not changed
        "base_url": "http://10.0.0.5:8000",
        "headers": HEADERS,
    }

    def sending(self, cookies: dict[str, dict[str, str]]) -> dict[str, Any]:
        """A request with these cookies: the test client knows no proxies."""
        sent = "; ".join(f"{name}={each['']}" for name, each in cookies.items())

        return self.HOW | {"headers": self.HEADERS | {"Cookie": sent}}

    @pytest.fixture
    def host(self) -> Host:
        host = host_app(
            config={
                "IDP_SESSION_KEEP_IP_ADDRESS": "full",
                "SERVER_NAME": None,
                "TRUSTED_HOSTS": ["idp.test"],
                "IDP_SESSION_ISSUER": f"{ISSUER}/auth",
            }
        )
        host.app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            host.app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1
        )

        return host

    def test_the_whole_way(self, host: Host) -> None:
        """Sign-in, question and logout work below the path that the proxy adds."""
        browser = host.app.test_client(use_cookies=False)
        cookies = attributes(browser.post("/login/alice", **self.HOW))
        question = Page(browser.get("/connect/endsession", **self.sending(cookies)))
        assert question.action is not None
        answer = browser.post(
            question.action.removeprefix("/auth"),
            data=question.fields | {"answer": "yes"},
            **self.sending(cookies),
        )
        in_progress = attributes(answer)["idp_session_logout"]
        page = browser.get(
            answer.location.removeprefix("/auth"),
            **self.sending({"idp_session_logout": in_progress}),
        )

        assert cookies[HANDLE]["path"] == "/"
        assert question.action == "/auth/connect/endsession"
        assert answer.location == "/auth/connect/endsession/callback"
        assert answer.location.startswith(in_progress["path"])
        assert page.status_code == 200
        assert 'href="/auth/connect/static/idp_session.css"' in page.text
        assert host.state.management.query().sessions == ()

    def test_the_address_of_the_user(self, host: Host) -> None:
        """A session remembers the user's address, and not the proxy's."""
        host.browser().post("/login/alice", **self.HOW)
        (session,) = host.state.management.query().sessions

        assert session.ip_address == "203.0.113.7"

    def test_discovery(self, host: Host) -> None:
        """The path that the proxy adds is in the addresses once."""
        with host.app.test_request_context("/", base_url=f"{ISSUER}/auth"):
            found = discovery_metadata()["end_session_endpoint"]

        assert found == f"{ISSUER}/auth/connect/endsession"

    def test_other_hosts_are_refused(self, host: Host) -> None:
        """A request for a host that is not trusted is answered 400, and signs nobody in."""
        headers = self.HEADERS | {"X-Forwarded-Host": "evil.test"}
        response = host.browser().post(
            "/login/alice", **(self.HOW | {"headers": headers})
        )

        assert response.status_code == 400
        assert "Set-Cookie" not in response.headers
        assert host.state.management.query().sessions == ()


class TestDatabaseOfTheHost:
    """Our tables beside those of the host."""

    def test_one_engine_for_both(self, tmp_path: Path) -> None:
        """The host makes and drops its own tables, and ours stay, and the reverse."""
        engine = create_engine(f"sqlite:///{tmp_path / 'both'}")
        theirs = sa.MetaData()
        people = sa.Table(
            "people", theirs, sa.Column("name", sa.String, primary_key=True)
        )
        upgrade(engine)
        theirs.create_all(engine)
        host = host_app(engine=engine)
        browser = host.signed_in("shop")

        with engine.begin() as connection:
            connection.execute(sa.insert(people).values(name="alice"))

        theirs.drop_all(engine)
        tables = sa.inspect(engine).get_table_names()
        whoami: Any = browser.get("/whoami").json
        engine.dispose()

        assert whoami["subject"] == "alice"
        assert "people" not in tables
        assert set(our_metadata.tables) <= set(tables)

    def test_our_tables_are_in_no_metadata_of_the_host(self) -> None:
        """Names of ours are told apart from those of the host by their beginning."""
        assert {name.partition("_")[0] for name in our_metadata.tables} == {"idp"}


class TestAsync:
    """Views that are coroutines."""

    def test_session(self) -> None:
        """An async view signs in, reads and changes the session of its request."""
        host = host_app()

        @host.app.post("/async/<subject>")
        async def log_in_later(subject: str) -> ResponseReturnValue:
            host.extension.sign_in(Principal(subject_id=subject))
            user_session.add_client_id("shop")
            user_session.data.set("lang", "de")

            return {"subject": user_session.user and user_session.user.subject_id}

        browser = host.browser()
        answer = browser.post("/async/alice")
        whoami: Any = browser.get("/whoami").json

        assert answer.json == {"subject": "alice"}
        assert (whoami["subject"], whoami["clients"]) == ("alice", ["shop"])
