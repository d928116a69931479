"""The migrations make the tables that the stores use, and remove them."""

from __future__ import annotations

import dataclasses
import multiprocessing
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from idp_session import LogoutReason
from idp_session.errors import ConfigurationError
from idp_session.stores.sql import create_engine
from idp_session.stores.sql import create_sqlite_engine
from idp_session.stores.sql import current_revision
from idp_session.stores.sql import downgrade
from idp_session.stores.sql import head_revision
from idp_session.stores.sql import metadata
from idp_session.stores.sql import SqlDeliveryQueue
from idp_session.stores.sql import SqlSessionStore
from idp_session.stores.sql import upgrade
from idp_session.stores.sql.schema import is_ours
from idp_session.stores.sql.schema import VERSION_TABLE
from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing import together
from tests.services import DATABASES
from tests.services import scratch_database

#: Every revision that may be in use somewhere, the oldest first.
REVISIONS = ["0001", "0002", "0003"]


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.URL]:
    with scratch_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def bare_engine(url: sa.URL) -> Iterator[sa.Engine]:
    """An engine whose database has no tables."""
    engine = create_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture(params=REVISIONS)
def revision(request: pytest.FixtureRequest) -> str:
    revision: str = request.param

    return revision


@pytest.fixture
def fill() -> Callable[[sa.Engine], None]:
    """Writes a row at least into each table that there is."""

    def fill_with(engine: sa.Engine) -> None:
        store = SqlSessionStore(engine)
        kept, ended = make_session(), make_session()

        for session in (kept, ended):
            store.create(session)

            for client_id in ("shop", "mail"):
                store.add_participant(
                    make_participant(session.session_id, client_id=client_id)
                )

        store.write_data(kept.session_id, changed={"name": b"value"}, removed=())
        store.set_attribute(kept.session_id, "tenant", "acme")
        gone = store.end(
            ended.session_id, reason=LogoutReason.ADMIN, ended_at=kept.created_at
        )
        assert gone is not None

        if "idp_session_ends" in _tables(engine):
            elsewhere = dataclasses.replace(gone, session_id="e" * 32)
            SqlDeliveryQueue(engine).owe(elsewhere)

    return fill_with


def _rows(engine: sa.Engine) -> dict[str, list[tuple[object, ...]]]:
    found = sa.MetaData()
    found.reflect(engine, only=lambda name, _: is_ours(name) and name != VERSION_TABLE)

    with engine.connect() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(sa.select(table))))
            for table in found.sorted_tables
        }


def _schema(engine: sa.Engine) -> dict[str, object]:
    inspector = sa.inspect(engine)

    return {
        name: (
            columns,
            sorted(str(each["name"]) for each in inspector.get_indexes(name)),
        )
        for name, columns in _columns(engine).items()
    }


def _columns(engine: sa.Engine) -> dict[str, object]:
    inspector = sa.inspect(engine)

    return {
        name: (
            [
                (each["name"], repr(each["type"]))
                for each in inspector.get_columns(name)
            ],
            inspector.get_foreign_keys(name),
        )
        for name in _tables(engine) - {VERSION_TABLE}
    }


def _pretend(engine: sa.Engine, revision: str) -> None:
    version = sa.table(VERSION_TABLE, sa.column("version_num"))

    with engine.begin() as connection:
        connection.execute(sa.update(version).values(version_num=revision))


def _tables(engine: sa.Engine) -> set[str]:
    return set(sa.inspect(engine).get_table_names())


def _upgrade_in_process(url: str) -> None:
    engine = create_engine(url)
    upgrade(engine)
    engine.dispose()


def test_every_revision_is_tried() -> None:
    """A new revision has to be added to the list, so that the tests below know it."""
    assert REVISIONS[-1] == head_revision()


def test_the_migrated_schema_is_the_one_in_use(bare_engine: sa.Engine) -> None:
    """Autogenerate would find nothing to change in an upgraded database."""
    upgrade(bare_engine)

    with bare_engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": VERSION_TABLE,
                "compare_type": True,
                "include_name": lambda name, kind, _: kind != "table" or is_ours(name),
            },
        )

        assert compare_metadata(context, metadata) == []


def test_strings_have_the_same_collation_as_in_use(bare_engine: sa.Engine) -> None:
    """What autogenerate does not compare: how the database compares strings."""
    upgrade(bare_engine)
    migrated = _collations(bare_engine)
    downgrade(bare_engine, "base")

    metadata.create_all(bare_engine)

    assert _collations(bare_engine) == migrated


def _collations(engine: sa.Engine) -> dict[tuple[str, str], str | None]:
    inspector = sa.inspect(engine)

    return {
        (table, column["name"]): getattr(column["type"], "collation", None)
        for table in metadata.tables
        for column in inspector.get_columns(table)
    }


def test_up_down_up(bare_engine: sa.Engine) -> None:
    """A downgrade leaves nothing of ours, and an upgrade works again after it."""
    upgrade(bare_engine)
    SqlSessionStore(bare_engine).create(make_session())
    downgrade(bare_engine, "base")
    between = _tables(bare_engine) - {VERSION_TABLE}
    upgrade(bare_engine)

    assert between == set()
    assert _tables(bare_engine) == {*metadata.tables, VERSION_TABLE}


def test_an_upgrade_of_an_upgraded_database(bare_engine: sa.Engine) -> None:
    """A second upgrade changes nothing and loses nothing."""
    upgrade(bare_engine)
    session = make_session()
    SqlSessionStore(bare_engine).create(session)

    upgrade(bare_engine)

    assert SqlSessionStore(bare_engine).get(session.key) == session


def test_an_upgrade_keeps_what_there_is(
    bare_engine: sa.Engine, revision: str, fill: Callable[[sa.Engine], None]
) -> None:
    """From any revision on the way to the newest, and back, no row changes."""
    upgrade(bare_engine, revision)
    fill(bare_engine)
    before = _rows(bare_engine)

    upgrade(bare_engine)
    after = _rows(bare_engine)
    downgrade(bare_engine, revision)
    back = _rows(bare_engine)
    upgrade(bare_engine)

    assert all(before.values())
    assert {name: after[name] for name in before} == before
    assert back == before
    assert _rows(bare_engine) == {**after, **before}


def test_a_downgrade_leads_to_the_schema_of_then(
    bare_engine: sa.Engine, revision: str
) -> None:
    """What one gets by going back is what one got on the way."""
    upgrade(bare_engine, revision)
    then = _schema(bare_engine)
    upgrade(bare_engine)

    downgrade(bare_engine, revision)

    assert current_revision(bare_engine) == revision
    assert _schema(bare_engine) == then


def test_an_older_node_goes_on(
    bare_engine: sa.Engine, fill: Callable[[sa.Engine], None]
) -> None:
    """While nodes are renewed one by one, the columns that they know stay as they were."""
    upgrade(bare_engine, "0001")
    then = _columns(bare_engine)

    upgrade(bare_engine)
    fill(bare_engine)

    now = _columns(bare_engine)
    assert {name: now[name] for name in then} == then
    assert all(_rows(bare_engine)[name] for name in then)


def test_the_revision_is_known(bare_engine: sa.Engine) -> None:
    """A database says at which revision it is."""
    before = current_revision(bare_engine)
    upgrade(bare_engine)
    after = current_revision(bare_engine)
    downgrade(bare_engine, "base")

    assert before is None
    assert after == head_revision()
    assert current_revision(bare_engine) is None


def test_an_unknown_revision_changes_nothing(bare_engine: sa.Engine) -> None:
    """A revision that this package does not know is refused."""
    with pytest.raises(CommandError, match="9999"):
        upgrade(bare_engine, "9999")

    assert not _tables(bare_engine) & set(metadata.tables)


@pytest.mark.parametrize(
    "migrate", [upgrade, partial(downgrade, revision="base")], ids=["up", "down"]
)
def test_a_database_of_a_newer_version_is_left_alone(
    bare_engine: sa.Engine, migrate: Callable[[sa.Engine], None]
) -> None:
    """Whoever has gone back to an older version reads what to do."""
    upgrade(bare_engine)
    _pretend(bare_engine, "9999")
    before = _schema(bare_engine)

    with pytest.raises(ConfigurationError, match=r"9999.*install that one"):
        migrate(bare_engine)

    assert _schema(bare_engine) == before


def test_tables_of_the_host_are_left_alone(bare_engine: sa.Engine) -> None:
    """A host may keep tables with similar names beside ours."""
    theirs = sa.Table("sessions", sa.MetaData(), sa.Column("id", sa.Integer))
    theirs.create(bare_engine)

    upgrade(bare_engine)
    downgrade(bare_engine, "base")

    assert "sessions" in _tables(bare_engine)


def test_an_upgrade_prints_nothing(
    bare_engine: sa.Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    """What a host starts with stays readable."""
    upgrade(bare_engine)
    downgrade(bare_engine, "base")

    assert capfd.readouterr() == ("", "")


def test_threads_upgrade_at_once(bare_engine: sa.Engine) -> None:
    """One of them works, the others wait."""
    together([lambda: upgrade(bare_engine)] * 4)

    assert current_revision(bare_engine) == head_revision()


def test_threads_upgrade_several_databases_at_once(tmp_path: Path) -> None:
    """Upgrades of different databases in one process do not mix."""
    engines = [create_sqlite_engine(tmp_path / f"{n}.sqlite") for n in range(6)]

    together([partial(upgrade, each) for each in engines])

    assert {current_revision(each) for each in engines} == {head_revision()}
    for each in engines:
        each.dispose()


@pytest.mark.process
def test_processes_upgrade_at_once(url: sa.URL) -> None:
    """Several processes that start with an empty database do not break each other."""
    text = url.render_as_string(hide_password=False)

    with multiprocessing.get_context("spawn").Pool(3) as pool:
        pool.map(_upgrade_in_process, [text] * 3, chunksize=1)

    engine = create_engine(url)
    assert current_revision(engine) == head_revision()
    engine.dispose()


@pytest.mark.process
@pytest.mark.timeout(600)
def test_nodes_upgrade_at_once_again_and_again(
    url: sa.URL, bare_engine: sa.Engine, fill: Callable[[sa.Engine], None]
) -> None:
    """Of two nodes that start with the database of before, one upgrades it."""
    text = url.render_as_string(hide_password=False)
    upgrade(bare_engine, "0001")
    fill(bare_engine)
    before = _rows(bare_engine)
    reached = []

    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for _ in range(25):
            pool.map(_upgrade_in_process, [text] * 2, chunksize=1)
            reached.append(current_revision(bare_engine))
            downgrade(bare_engine, "0001")

    assert reached == [head_revision()] * 25
    assert _rows(bare_engine) == before


@pytest.mark.parametrize("url", ["mariadb"], indirect=True)
def test_a_lock_that_is_never_given_back(
    url: sa.URL, bare_engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On MariaDB an upgrade gives up when another one does not finish."""
    monkeypatch.setattr("idp_session.stores.sql.upgrades._LOCK_TIMEOUT", 0)

    with bare_engine.connect() as other:
        other.execute(sa.select(sa.func.get_lock("idp_session_schema", 60)))

        with pytest.raises(TimeoutError, match="another process"):
            upgrade(bare_engine)

        other.execute(sa.select(sa.func.release_lock("idp_session_schema")))

    assert current_revision(bare_engine) is None


@pytest.mark.parametrize("url", ["mariadb"], indirect=True)
def test_the_lock_is_given_back_after_the_commit(
    url: sa.URL, bare_engine: sa.Engine
) -> None:
    """On MariaDB whoever waited for the lock sees the new revision."""
    other = create_engine(url)
    seen: list[str | None] = []

    @sa.event.listens_for(bare_engine, "before_cursor_execute")
    def look(_connection: object, _cursor: object, sql: str, *_: object) -> None:
        if "release_lock" in sql:
            seen.append(current_revision(other))

    upgrade(bare_engine)

    other.dispose()
    assert seen == [head_revision()]


def test_who_answers_requests_does_without_alembic() -> None:
    """Alembic, which is large, is imported by whoever migrates and by nobody else."""
    program = (
        "import sys, idp_session.flask, idp_session.stores.sql;"
        " sys.exit('alembic' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
