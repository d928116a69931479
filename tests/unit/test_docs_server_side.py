"""The guide to sessions on the server is right."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from idp_session import LogoutReason
from idp_session import Principal
from idp_session.errors import ConfigurationError
from idp_session.flask import IdpSession
from idp_session.flask import user_session
from idp_session.models import SessionLimit
from idp_session.stores.sql import create_engine
from idp_session.stores.sql import current_revision
from idp_session.stores.sql import head_revision
from idp_session.stores.sql import metadata
from idp_session.stores.sql import SqlDeliveryQueue
from idp_session.stores.sql import SqlSessionStore
from idp_session.stores.sql import upgrade
from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing import START

from ..services import scratch_database
from .docs_examples import EXAMPLES
from .docs_examples import Examples
from .docs_examples import examples
from .docs_examples import SETTINGS
from .hosts import HANDLE

GUIDE = (EXAMPLES.parent / "guides" / "server-side-sessions.md").read_text()
URL = "https://idp.test"
URLS = re.findall(r"^FLASK_IDP_SESSION_DATABASE_URL=(\S+)$", GUIDE, re.MULTILINE)

MakeApp = Callable[..., Flask]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A SQLite file with our tables."""
    path = tmp_path / "test.sqlite"
    engine = create_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()

    return path


@pytest.fixture
def found(database: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Examples]:
    with examples(monkeypatch, database) as found:
        yield found


@pytest.fixture
def make_app(found: Examples, database: Path, tmp_path: Path) -> MakeApp:
    """Makes the app of the guide, once for each set of secrets."""

    def make(secret: str, *fallbacks: str) -> Flask:
        app = Flask("host", instance_path=str(tmp_path))
        app.config.from_prefixed_env()
        # Whatever does not come from the host's engine is in another file.
        del app.config["IDP_SESSION_DATABASE_URL"]
        app.config.update(
            SECRET_KEY=secret,
            SECRET_KEY_FALLBACKS=list(fallbacks),
            DATABASE_URL=f"sqlite:///{database}",
        )
        idp_session = IdpSession()
        found["database"].set_up(app, idp_session, {})
        _add_views(app, idp_session)

        return app

    return make


def _add_views(app: Flask, idp_session: IdpSession) -> None:
    @app.post("/login")
    def login() -> str:
        user_session.data.set("word", "a word to keep")
        user_session.set_attribute("tenant", "acme")

        return idp_session.sign_in(
            Principal(subject_id="alice", claims={"pet": "a cat named Findus"})
        )

    @app.get("/")
    def home() -> str:
        user = user_session.user

        return f"{user and user.subject_id}, {user_session.data.get('word')}"


def signed_in(app: Flask) -> FlaskClient:
    browser = app.test_client()
    browser.post("/login", base_url=URL)

    return browser


def handle(browser: FlaskClient) -> str:
    cookie = browser.get_cookie(HANDLE, domain="idp.test")
    assert cookie is not None

    return cookie.value


def home(browser: FlaskClient, app: Flask) -> str:
    """What another node says to the same browser."""
    other = app.test_client()
    other.set_cookie(HANDLE, handle(browser), domain="idp.test", secure=True)

    return other.get("/", base_url=URL).text


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_every_column_is_explained(table: sa.Table) -> None:
    """The guide has each table, and each of its columns."""
    start = GUIDE.index(f"`{table.name}`")
    text = GUIDE[start : GUIDE.index("## Choose a database")]

    assert [each.name for each in table.columns if f"`{each.name}`" not in text] == []


@pytest.mark.parametrize("url", URLS, ids=lambda url: url.partition(":")[0])
def test_urls_lead_to_drivers(url: str) -> None:
    """The URLs of the guide are such, and their drivers come with the extras."""
    engine = create_engine(url)

    assert engine.dialect.name in {"postgresql", "mysql"}


@pytest.mark.parametrize(
    ("name", "section"), [("postgres", "PostgreSQL"), ("mariadb", "MariaDB")]
)
def test_the_database_of_the_guide(name: str, section: str, tmp_path: Path) -> None:
    """What is typed at the server makes an account and a database for our tables."""
    typed, url = re.findall(
        r"^```\n(.*?)^```$", _section(section), re.MULTILINE | re.DOTALL
    )
    own = f"idp_{secrets.token_hex(4)}"

    with scratch_database(name, tmp_path) as server:
        address = sa.make_url(url.partition("=")[2].strip())
        made = address.set(
            username=own,
            password="a password",
            host=server.host,
            port=server.port,
            database=own,
        )

        with _typed(server, re.sub(r"\bidp\b", own, typed), own):
            engine = create_engine(made)
            upgrade(engine)
            revision = current_revision(engine)
            engine.dispose()

    assert revision == head_revision()


def _section(title: str) -> str:
    return GUIDE.partition(f"\n### {title}\n")[2].partition("\n### ")[0]


@contextmanager
def _typed(server: sa.URL, statements: str, name: str) -> Iterator[None]:
    """Statements of an administrator, whose account and database go afterwards."""
    admin = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    is_postgresql = admin.dialect.name == "postgresql"

    try:
        _execute(admin, statements.replace("…", "a password").split(";\n"))
        yield
    finally:
        kind = "ROLE" if is_postgresql else "USER"
        _execute(
            admin, [f"DROP DATABASE IF EXISTS {name}", f"DROP {kind} IF EXISTS {name}"]
        )


def _execute(admin: sa.Engine, statements: list[str]) -> None:
    with admin.connect() as connection:
        for statement in filter(str.strip, statements):
            connection.execute(sa.text(statement))


@pytest.mark.parametrize("name", ["postgres", "mariadb"])
def test_an_account_with_fewer_rights(name: str, tmp_path: Path) -> None:
    """With the rights of the guide a session begins, is used, and ends."""
    with scratch_database(name, tmp_path) as url, _account(url) as account:
        engine = create_engine(account)
        queue = SqlDeliveryQueue(engine)
        store = SqlSessionStore(engine)
        session = make_session()
        session_id = session.session_id
        store.create(session, limit=SessionLimit(at_most=1, policy="end_oldest"))
        store.add_participant(make_participant(session_id))
        store.write_data(session_id, changed={"a": b"1"}, removed=())
        store.set_attribute(session_id, "tenant", "acme")
        ended = store.end(session_id, reason=LogoutReason.USER, ended_at=START)
        owed = queue.of_session(session_id)
        engine.dispose()

    assert ended is not None
    assert len(owed) == 1


@contextmanager
def _account(url: sa.URL) -> Iterator[sa.URL]:
    """An account with the rights of the guide, for tables that another has made."""
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    upgrade(admin)
    account = f"app_{secrets.token_hex(4)}"
    is_postgresql = admin.dialect.name == "postgresql"

    with admin.connect() as connection:
        for statement in (
            _postgresql_rights(url, account)
            if is_postgresql
            else _mariadb_rights(url, account)
        ):
            connection.execute(sa.text(statement))

        try:
            yield url.set(username=account, password="a password")
        finally:
            if is_postgresql:
                connection.execute(sa.text(f"DROP OWNED BY {account}"))

            kind = "ROLE" if is_postgresql else "USER"
            connection.execute(sa.text(f"DROP {kind} {account}"))

    admin.dispose()


def _postgresql_rights(url: sa.URL, account: str) -> list[str]:
    schema = str(url.query["options"]).removeprefix("-csearch_path=")

    return [
        f"CREATE ROLE {account} LOGIN PASSWORD 'a password'",
        # Everybody has this right for the schema "public".
        f"GRANT USAGE ON SCHEMA {schema} TO {account}",
        *(
            grant.replace("public", schema).replace(" app;", f" {account}")
            for grant in _grants(r"IN SCHEMA public")
        ),
    ]


def _mariadb_rights(url: sa.URL, account: str) -> list[str]:
    return [
        f"CREATE USER {account} IDENTIFIED BY 'a password'",
        *(
            grant.replace("idp.*", f"{url.database}.*").replace(" app;", f" {account}")
            for grant in _grants(r"ON idp\.\*")
        ),
    ]


def _grants(where: str) -> list[str]:
    found = re.findall(rf"^GRANT .*{where} TO app;$", GUIDE, re.MULTILINE)
    assert found

    return found


def test_the_engine_of_the_host(make_app: MakeApp, database: Path) -> None:
    """Sessions are where the host's engine leads."""
    signed_in(make_app("the only secret that there is"))

    with sqlite3.connect(database) as connection:
        rows = connection.execute("SELECT subject_id FROM idp_sessions").fetchall()

    connection.close()
    assert rows == [("alice",)]


def test_migrations_from_code(found: Examples, tmp_path: Path) -> None:
    """The migration of the guide makes the tables, and may be called again."""
    engine = create_engine(f"sqlite:///{tmp_path / 'new.sqlite'}")
    before = current_revision(engine)

    found["database"].migrate(engine)
    found["database"].migrate(engine)

    assert before is None
    assert current_revision(engine) == head_revision()


def test_the_hosts_alembic_leaves_our_tables_alone(found: Examples) -> None:
    """The filter of the guide knows our tables from the host's."""
    include_name = found["database"].include_name
    names = [*metadata.tables, "idp_session_schema_version", "users"]

    assert [n for n in names if include_name(n, "table", {})] == ["users"]
    assert include_name("idp_sessions", "column", {})


def test_nodes_with_different_secrets(make_app: MakeApp) -> None:
    """While a secret is replaced node by node, every node opens every session."""
    first = make_app("the old secret of us", "the new secret of us")
    second = make_app("the new secret of us", "the old secret of us")
    earlier, later = signed_in(first), signed_in(second)

    assert home(earlier, second) == "alice, a word to keep"
    assert home(later, first) == "alice, a word to keep"


def test_a_secret_replaced_without_a_fallback(
    make_app: MakeApp, tmp_path: Path
) -> None:
    """Without a fallback nobody is signed in any more."""
    browser = signed_in(make_app("the old secret of us"))
    (tmp_path / "keys").unlink()

    assert home(browser, make_app("the new secret of us")) == "None, None"


def test_the_signing_keys_need_their_secret(make_app: MakeApp) -> None:
    """The file of signing keys stays sealed as it is while no key changes."""
    make_app("the first secret of us")
    make_app("the second secret of us", "the first secret of us")

    with pytest.raises(ConfigurationError, match="SECRET_KEY_FALLBACKS"):
        make_app("the third secret of us", "the second secret of us")


def test_a_rotation_seals_the_signing_keys_anew(make_app: MakeApp) -> None:
    """After a rotation the secret of before is not needed any more."""
    make_app("the first secret of us")
    second = make_app("the second secret of us", "the first secret of us")

    rotated = second.test_cli_runner().invoke(args=["idp-session", "keys", "rotate"])

    assert rotated.exit_code == 0, rotated.output
    make_app("the third secret of us", "the second secret of us")


def test_what_a_dump_shows(make_app: MakeApp, database: Path) -> None:
    """A copy of the tables names users and attributes, and holds nothing sealed."""
    browser = signed_in(make_app("the only secret that there is"))

    with sqlite3.connect(database) as connection:
        dump = "\n".join(connection.iterdump())
        blobs = connection.execute(
            "SELECT ticket FROM idp_sessions UNION ALL"
            " SELECT value FROM idp_session_data"
        ).fetchall()

    connection.close()
    everything = dump.encode() + b"".join(blob for (blob,) in blobs)
    assert len(blobs) == 2
    assert b"alice" in everything
    assert b"acme" in everything

    for secret in (handle(browser), "a word to keep", "Findus"):
        assert secret.encode() not in everything


def test_a_restored_backup(make_app: MakeApp, database: Path, tmp_path: Path) -> None:
    """A backup brings ended sessions back, and the command of the guide ends them."""
    app = make_app("the only secret that there is")
    browser = signed_in(app)
    copy = tmp_path / "copy.sqlite"

    with sqlite3.connect(database) as source, sqlite3.connect(copy) as target:
        source.backup(target)

    source.close()
    target.close()
    found = re.search(r"^flask idp-session (sessions end .*)$", GUIDE, re.MULTILINE)
    assert found is not None
    # The instant of the guide is one of its day; ours is after this session began.
    command = re.sub(r"\d{4}-\d\d-\d\d(?=T)", "2999-01-01", found[1])
    assert command != found[1]

    app.test_cli_runner().invoke(args=["idp-session", *command.split()])
    ended = home(browser, app)
    app.extensions["idp_session"].engine.dispose()
    shutil.copy(copy, database)
    restored = home(browser, app)
    result = app.test_cli_runner().invoke(args=["idp-session", *command.split()])

    assert ended == "None, None"
    assert restored == "alice, a word to keep"
    assert result.exit_code == 0, result.output
    assert home(browser, app) == "None, None"


@pytest.mark.process
def test_the_tests_of_an_own_store(tmp_path: Path) -> None:
    """The tests of the example are found, and the store of the example passes them."""
    program = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "Timed and ended"]
    result = subprocess.run(
        [sys.executable, *program, str(EXAMPLES / "test_own_store.py")],
        cwd=EXAMPLES,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"} | SETTINGS,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stdout
    assert re.search(r"\d\d passed", result.stdout)


def test_the_own_store_reports(found: Examples, sqlite_engine: sa.Engine) -> None:
    """The store of the example says how long each read took."""
    times: list[float] = []
    store = found["own_store"].TimedSessionStore(sqlite_engine, report=times.append)

    assert store.get("no such key") is None
    assert len(times) == 1


@pytest.mark.parametrize("name", ["postgres", "mariadb"])
def test_databases_are_made_as_documented(name: str, tmp_path: Path) -> None:
    """The account of the guide can make the tables in the database of the guide."""
    account = f"idp_{secrets.token_hex(6)}"
    heading = {"postgres": "PostgreSQL", "mariadb": "MariaDB"}[name]
    found = re.search(rf"^### {heading}\n\n```\n(.*?)```", GUIDE, re.M | re.S)
    assert found is not None
    statements = re.sub(r"\bidp\b", account, found[1].replace("…", "a password"))

    with scratch_database(name, tmp_path) as url:
        admin = create_engine(url, isolation_level="AUTOCOMMIT")

        with admin.connect() as connection:
            for statement in statements.split(";\n"):
                connection.execute(sa.text(statement or "SELECT 1"))

        engine = create_engine(
            url.set(
                username=account, password="a password", database=account, query={}
            ),
            poolclass=sa.NullPool,
        )

        try:
            upgrade(engine)
            assert current_revision(engine) == head_revision()
        finally:
            kind = "ROLE" if name == "postgres" else "USER"

            with admin.connect() as connection:
                connection.execute(sa.text(f"DROP DATABASE {account}"))
                connection.execute(sa.text(f"DROP {kind} {account}"))

            admin.dispose()
