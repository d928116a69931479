"""``flask idp-session doctor``."""

from __future__ import annotations

import json
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.middleware.proxy_fix import ProxyFix

from idp_session.adapters.clock import SystemClock
from idp_session.adapters.crypto import AesGcmTicketProtector
from idp_session.adapters.key_ring import KeyRing
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.ports import Clock
from idp_session.stores.sql import create_engine
from idp_session.stores.sql import downgrade
from idp_session.stores.sql import upgrade
from idp_session.stores.sql.schema import VERSION_TABLE
from idp_session.testing import ManualClock

from ..services import scratch_database
from .doctor_host import Directory
from .doctor_host import findings
from .doctor_host import GOOD
from .doctor_host import levels
from .doctor_host import run
from .doctor_host import SECRET
from .hosts import Host
from .hosts import host_app
from .hosts import MAIL
from .hosts import SHOP

LOCAL = "http://127.0.0.1:5000"
_DEVELOPED = {"SERVER_NAME": None, "IDP_SESSION_ISSUER": LOCAL}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = create_engine(f"sqlite:///{tmp_path / 'database.sqlite'}")
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def good(tmp_path: Path, database: sa.Engine) -> Host:
    """A host in which nothing is wrong."""
    ring = KeyRing(tmp_path / "keys", protector=AesGcmTicketProtector(SECRET))
    host = host_app(
        config=GOOD,
        engine=database,
        clients=Directory(SHOP, MAIL),
        signer=KeySetTokenSigner(ring),
        clock=SystemClock(),
    )
    host.app.wsgi_app = ProxyFix(host.app.wsgi_app)  # type: ignore[method-assign]

    return host


def test_nothing_is_wrong(good: Host) -> None:
    """A set-up that is right gets no advice, and the exit code 0."""
    result = run(good)
    found = json.loads(run(good, "--json").stdout)

    assert result.exit_code == 0, result.output
    assert "0 errors, 0 warnings" in result.output
    assert "->" not in result.output
    assert {each["advice"] for each in found["findings"]} == {""}


def test_an_error_is_an_exit_code(good: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever deploys by script notices an error, and is told what to change."""
    monkeypatch.setenv("FLASK_DEBUG", "1")
    result = run(good)

    assert result.exit_code == 1
    assert "error    debugging: Debug mode is on" in result.output
    assert "-> Unset FLASK_DEBUG" in result.output
    assert "1 error, 0 warnings" in result.output


def test_debugging_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """While one writes a provider, debug mode is a warning and no error."""
    monkeypatch.setenv("FLASK_DEBUG", "1")

    assert levels(host_app(config=GOOD | _DEVELOPED), "debugging") == ["warning"]


def test_warnings_are_no_exit_code(good: Host) -> None:
    """A warning stops no deployment."""
    good.app.config["TRUSTED_HOSTS"] = None
    result = run(good)

    assert result.exit_code == 0
    assert "0 errors, 1 warning" in result.output


def test_no_secret_is_printed(good: Host) -> None:
    """What the command prints can be shown to somebody who helps."""
    printed = run(good).output + run(good, "--json").output

    assert SECRET not in printed


@pytest.mark.parametrize(
    ("config", "about", "level"),
    [
        pytest.param(
            {"SECRET_KEY": "only 24 bytes, not more!"},
            "secret key",
            "warning",
            id="short secret",
        ),
        pytest.param(
            {"SECRET_KEY_FALLBACKS": [SECRET]},
            "secret key",
            "warning",
            id="the same secret twice",
        ),
        pytest.param(
            {"SECRET_KEY_FALLBACKS": [f"secret {n} of the past" for n in range(3)]},
            "secret key",
            "warning",
            id="many fallbacks",
        ),
        pytest.param({"TESTING": True}, "debugging", "warning", id="testing"),
        pytest.param(
            {"TRUSTED_HOSTS": ["other.test"]}, "hosts", "error", id="other hosts"
        ),
        pytest.param({"TRUSTED_HOSTS": None}, "hosts", "warning", id="any host"),
        pytest.param(
            {"SERVER_NAME": "other.test"}, "hosts", "warning", id="other server name"
        ),
        pytest.param(
            {"IDP_SESSION_ISSUER": "http://idp.test"}, "issuer", "error", id="http"
        ),
        pytest.param(_DEVELOPED, "issuer", "warning", id="http on this machine"),
        pytest.param(
            {"IDP_SESSION_COOKIE_SECURE": False, "IDP_SESSION_COOKIE_SAME_SITE": "Lax"},
            "handle cookie",
            "error",
            id="not Secure",
        ),
        pytest.param(
            {"IDP_SESSION_COOKIE_PATH": "/idp"},
            "handle cookie",
            "warning",
            id="no __Host-",
        ),
        pytest.param(
            {"IDP_SESSION_COOKIE_SAME_SITE": "Strict"},
            "handle cookie",
            "error",
            id="SameSite=Strict",
        ),
        pytest.param(
            {
                "IDP_SESSION_ISSUER": "http://idp.test",
                "IDP_SESSION_COOKIE_SECURE": True,
            },
            "handle cookie",
            "error",
            id="Secure over http",
        ),
        pytest.param(
            {"IDP_SESSION_COOKIE_DOMAIN": "other.test"},
            "handle cookie",
            "error",
            id="domain of others",
        ),
        pytest.param(
            {"IDP_SESSION_CHECK_SESSION_COOKIE_DOMAIN": "other.test"},
            "check-session cookie",
            "error",
            id="other domain",
        ),
        pytest.param(
            {"IDP_SESSION_CHECK_SESSION_COOKIE_SAME_SITE": "Lax"},
            "check-session cookie",
            "warning",
            id="hidden from frames",
        ),
    ],
)
def test_a_setting_that_is_not_good(
    config: dict[str, Any], about: str, level: str
) -> None:
    """Each is found, and comes with a word of advice."""
    found = findings(host_app(config=GOOD | config), about)

    assert level in [each["level"] for each in found]
    assert all(each["advice"] for each in found if each["level"] != "ok")


@pytest.mark.parametrize(
    ("middleware", "level"),
    [
        pytest.param(lambda app: app, "warning", id="none"),
        pytest.param(lambda app: ProxyFix(app, x_proto=0), "error", id="no scheme"),
        pytest.param(lambda app: ProxyFix(ProxyFix(app)), "ok", id="wrapped"),
    ],
)
def test_proxy(middleware: Callable[[Any], Any], level: str) -> None:
    """Behind a proxy that ends TLS, somebody has to tell the app so."""
    host = host_app(config=GOOD)
    host.app.wsgi_app = middleware(host.app.wsgi_app)  # type: ignore[method-assign]

    assert levels(host, "proxy") == [level]


def test_no_proxy_in_development() -> None:
    """Over plain http nobody needs a ProxyFix."""
    assert levels(host_app(config=GOOD | _DEVELOPED), "proxy") == ["ok"]


def test_endpoints_are_missing() -> None:
    """A provider that nobody can sign out at is told so."""
    host = host_app(config=GOOD, register=lambda _: None)

    assert "no end-session endpoint" in findings(host, "issuer")[1]["message"]


class TestDatabase:
    """The database, its tables and its clock."""

    @pytest.mark.parametrize(
        ("prepare", "words"),
        [
            pytest.param(
                lambda engine: downgrade(engine, "base"), "no tables", id="none"
            ),
            pytest.param(
                lambda engine: downgrade(engine, "0001"), "revision 0001", id="old"
            ),
        ],
    )
    def test_tables(
        self, good: Host, prepare: Callable[[sa.Engine], None], words: str
    ) -> None:
        """Tables of another revision are an error that names the command to run."""
        assert good.state.engine is not None
        prepare(good.state.engine)
        (found,) = findings(good, "database")

        assert found["level"] == "error"
        assert words in found["message"]
        assert "db upgrade" in found["advice"]

    def test_newer_tables(self, good: Host) -> None:
        """Tables that a newer version has made are left to that version."""
        assert good.state.engine is not None

        with good.state.engine.begin() as connection:
            connection.execute(
                sa.update(sa.table(VERSION_TABLE, sa.column("version_num"))).values(
                    version_num="9999"
                )
            )

        assert "newer version" in findings(good, "database")[0]["message"]

    def test_it_does_not_answer(self, tmp_path: Path) -> None:
        """A database that is not there is an error, and no password is printed."""
        engine = create_engine("postgresql+psycopg://me:pass-word@127.0.0.1:1/nothing")
        host = host_app(config=GOOD, engine=engine)
        result = run(host)
        engine.dispose()

        assert result.exit_code == 1
        assert "cannot be used" in result.output
        assert "pass-word" not in result.output

    def test_in_memory(self) -> None:
        """A database in memory forgets what is owed."""
        engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
        upgrade(engine)
        found = levels(host_app(config=GOOD, engine=engine), "database")
        engine.dispose()

        assert found == ["ok", "error"]

    def test_a_store_of_the_host(self) -> None:
        """Of a store that is not ours it is said that it was not looked at."""
        assert levels(host_app(config=GOOD), "database") == ["warning"]

    @pytest.mark.parametrize("name", ["postgres", "mariadb"])
    @pytest.mark.parametrize(
        ("clock", "level"),
        [
            pytest.param(SystemClock(), "ok", id="the same time"),
            pytest.param(ManualClock(), "error", id="another time"),
        ],
    )
    def test_clock(self, name: str, tmp_path: Path, clock: Clock, level: str) -> None:
        """The clock of the database server is compared with ours."""
        with scratch_database(name, tmp_path) as url:
            engine = create_engine(url)
            upgrade(engine)
            found = levels(host_app(config=GOOD, engine=engine, clock=clock), "clock")
            engine.dispose()

        assert found == [level]


class TestKeys:
    """The signing keys."""

    def test_no_ring(self) -> None:
        """Of keys that are not in a ring nobody knows how old they are."""
        assert levels(host_app(config=GOOD), "signing keys") == ["warning"]

    def test_old(self, tmp_path: Path, clock: ManualClock) -> None:
        """A key that was never replaced is due."""
        ring = KeyRing(
            tmp_path / "keys",
            protector=AesGcmTicketProtector(SECRET),
            algorithms=["ES256"],
            rotate_every=None,
            clock=clock,
        )
        ring.load()
        clock.tick(timedelta(days=500))
        host = host_app(config=GOOD, signer=KeySetTokenSigner(ring), clock=clock)
        old, _ = findings(host, "signing keys")

        assert old["level"] == "warning"
        assert "500 days" in old["message"]

    def test_another_secret(self, tmp_path: Path) -> None:
        """A file of keys that does not open is an error, and no crash."""
        KeyRing(tmp_path / "keys", protector=AesGcmTicketProtector(SECRET)).load()
        other = AesGcmTicketProtector("another secret of many, many bytes")
        ring = KeyRing(tmp_path / "keys", protector=other)
        host = host_app(config=GOOD, signer=KeySetTokenSigner(ring))

        assert levels(host, "signing keys") == ["error"]


class TestDeliveries:
    """What is owed."""

    @pytest.mark.parametrize(
        ("later", "level", "words"),
        [
            pytest.param(timedelta(0), "ok", "1 logout notification is", id="just now"),
            pytest.param(timedelta(hours=1), "error", "Nobody sends", id="late"),
        ],
    )
    @pytest.mark.parametrize("in_process", [True, False])
    def test_backlog(
        self, later: timedelta, level: str, words: str, *, in_process: bool
    ) -> None:
        """What has been due for long shows that nobody sends."""
        host = host_app(config=GOOD | {"SERVER_NAME": "idp.test"})
        host.signed_in("shop").post("/logout")
        host.clock.tick(later)
        host.app.extensions["idp_session"] = replace(
            host.state,
            options=replace(host.state.options, delivery_in_process=in_process),
        )
        (found,) = findings(host, "deliveries")

        assert found["level"] == level
        assert words in found["message"]
