"""``flask idp-session …``."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import pytest
import sqlalchemy as sa
from flask import Flask

from idp_session import DeliveryState
from idp_session import LogoutReason
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.flask import deliver_until
from idp_session.flask import IdpSession
from idp_session.flask.cli import commands
from idp_session.flask.cli.output import followed
from idp_session.stores.sql import create_engine
from idp_session.stores.sql import current_revision
from idp_session.stores.sql import head_revision
from idp_session.stores.sql import upgrade
from idp_session.stores.sql.schema import VERSION_TABLE

from .hosts import Host
from .hosts import host_app
from .hosts import ISSUER
from .hosts import key_set
from .hosts import StaticClients

ROOT = Path(__file__).parents[2]


@pytest.fixture
def engine_file(tmp_path: Path) -> Iterator[sa.Engine]:
    """A database that is not there yet, in a folder that is not there yet."""
    engine = create_engine(f"sqlite:///{tmp_path / 'new' / 'database.sqlite'}")
    yield engine
    engine.dispose()


def run(host: Host, *arguments: str) -> Any:
    return host.app.test_cli_runner().invoke(args=["idp-session", *arguments])


def _leaves(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from ((f"{name} {each}", leaf) for each, leaf in _leaves(command))
        else:
            yield name, command


def eventually(is_true: Callable[[], bool]) -> bool:
    """Whether something becomes true within some seconds."""
    until = time.monotonic() + 60

    while not is_true() and time.monotonic() < until:
        time.sleep(0.01)

    return is_true()


def test_upgrade(engine_file: sa.Engine) -> None:
    """The tables are made, with the folder that they are in; twice is no error."""
    host = host_app(engine=engine_file)

    first = run(host, "db", "upgrade")
    second = run(host, "db", "upgrade")

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.output == f"the tables are at revision {head_revision()}\n"
    assert current_revision(engine_file) == head_revision()


def test_upgrade_of_the_default_database(tmp_path: Path) -> None:
    """Flask makes no instance folder, so the command does."""
    app = Flask("default", instance_path=str(tmp_path / "instance"))
    app.config.update(SECRET_KEY="a secret key for tests", IDP_SESSION_ISSUER=ISSUER)
    IdpSession().init_app(
        app, clients=StaticClients(), signer=KeySetTokenSigner(key_set())
    )

    result = app.test_cli_runner().invoke(args=["idp-session", "db", "upgrade"])
    app.extensions["idp_session"].engine.dispose()

    assert result.exit_code == 0
    assert (tmp_path / "instance" / "idp_session.sqlite").exists()


def test_upgrade_in_memory() -> None:
    """A database without a file needs no folder."""
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)

    result = run(host_app(engine=engine), "db", "upgrade")
    engine.dispose()

    assert result.exit_code == 0


def test_current(sqlite_engine: sa.Engine) -> None:
    """Tables that are up to date are said to be so."""
    result = run(host_app(engine=sqlite_engine), "db", "current")

    assert result.exit_code == 0
    assert result.output == f"{head_revision()} (newest: {head_revision()})\n"


def test_current_without_tables(tmp_path: Path) -> None:
    """Without tables the command fails, and says what to do."""
    engine = create_engine(f"sqlite:///{tmp_path / 'empty.sqlite'}")

    result = run(host_app(engine=engine), "db", "current")
    engine.dispose()

    assert result.exit_code == 1
    assert "no tables" in result.output
    assert "flask idp-session db upgrade" in result.output


@pytest.mark.parametrize("command", ["upgrade", "current"])
def test_a_database_of_a_newer_version(sqlite_engine: sa.Engine, command: str) -> None:
    """Whoever has gone back to an older version reads what to do, and no traceback."""
    with sqlite_engine.begin() as connection:
        version = sa.table(VERSION_TABLE, sa.column("version_num"))
        connection.execute(sa.update(version).values(version_num="9999"))

    result = run(host_app(engine=sqlite_engine), "db", command)

    assert result.exit_code == 1
    assert "a newer" in result.output
    assert "db upgrade" not in result.output


@pytest.mark.parametrize("command", ["upgrade", "current"])
def test_no_database(command: str) -> None:
    """An app with a store of its own has no tables of ours."""
    result = run(host_app(), "db", command)

    assert result.exit_code == 1
    assert "a store of its own" in result.output


def test_sweep() -> None:
    """What has expired is ended, with its clients told; what lives, lives on."""
    host = host_app()
    old = [host.signed_in("shop").get("/whoami").get_json()["sid"] for _ in range(3)]
    host.clock.tick(timedelta(hours=2))
    living = host.signed_in("shop")

    first, second = run(host, "sweep"), run(host, "sweep")

    assert first.output == "3 expired sessions ended\n"
    assert second.output == "0 expired sessions ended\n"
    assert [host.owed(sid)[0].reason for sid in old] == [LogoutReason.IDLE_TIMEOUT] * 3
    assert living.get("/whoami").get_json()["subject"] == "alice"


def test_sweep_of_many() -> None:
    """More than one helping is ended in one go."""
    host = host_app()
    with host.app.app_context():
        for number in range(501):
            host.browser().post(f"/login/user{number}")
    host.clock.tick(timedelta(hours=2))

    assert run(host, "sweep").output == "501 expired sessions ended\n"


def test_sweep_delivers_what_it_has_begun() -> None:
    """Where the process delivers too, it does not leave in the middle of a request."""
    host = host_app(
        config={
            "IDP_SESSION_DELIVERY_IN_PROCESS": True,
            "IDP_SESSION_DELIVERY_IN_FLIGHT": 1,
        }
    )
    session_id = host.signed_in("shop").get("/whoami").get_json()["sid"]
    host.clock.tick(timedelta(hours=2))
    host.sender.open.clear()
    threading.Timer(0.2, host.sender.open.set).start()

    result = run(host, "sweep")

    owed = host.owed(session_id)
    assert result.exit_code == 0
    assert [each.client_id for each in owed] == ["shop"]
    assert all(each.attempts == 0 or each.finished_at for each in owed)


@contextmanager
def delivering(host: Host) -> Iterator[None]:
    """A thread that does what the command does."""
    stop = threading.Event()

    def work() -> None:
        with host.app.app_context():
            deliver_until(stop)

    thread = threading.Thread(target=work)
    thread.start()

    try:
        yield
    finally:
        stop.set()
        thread.join(10)


def test_deliver_until() -> None:
    """What is owed is sent, and what expires is ended, until the event is set."""
    host = host_app(config={"IDP_SESSION_SWEEP_INTERVAL": 1})
    browser = host.signed_in("shop")
    ended = browser.post("/logout").get_json()["ended"]
    forgotten = host.signed_in("mail").get("/whoami").get_json()["sid"]
    host.clock.tick(timedelta(hours=2))

    with delivering(host):
        told = eventually(
            lambda: (
                all(
                    each.state is DeliveryState.DELIVERED
                    for each in (*host.owed(ended), *host.owed(forgotten))
                )
                and len(host.owed(forgotten)) == 1
            )
        )

    assert told
    assert sorted(host.sender.uris) == [
        "https://mail.test/back",
        "https://shop.test/back",
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_deliveries(number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM are the ways to end the command."""
    host = host_app()
    ended = host.signed_in("shop").post("/logout").get_json()["ended"]
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)}

    def interrupt() -> None:
        eventually(lambda: host.owed(ended)[0].state is DeliveryState.DELIVERED)
        # Only once the command has its own handlers: ours would end the tests.
        if signal.getsignal(number) is not before[number]:
            os.kill(os.getpid(), number)

    thread = threading.Thread(target=interrupt)
    thread.start()

    try:
        result = run(host, "deliver")
    finally:
        thread.join(10)
        for each, handler in before.items():
            signal.signal(each, handler)

    assert (result.exit_code, result.exception) == (0, None)
    assert host.owed(ended)[0].state is DeliveryState.DELIVERED


_APP = """
import os
import time
from flask import Flask
from joserfc.jwk import ECKey, KeySet
from idp_session import Client
from idp_session.adapters.blocking import BlockingLogoutSender
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.flask import IdpSession
from idp_session.models import SendResult


class Clients:
    def get(self, client_id):
        return Client(
            client_id=client_id,
            back_channel_logout_uri="https://shop.test/back",
            id_token_signed_response_alg="ES256",
        )


def send(uri, logout_token):
    print("sent to", uri, flush=True)
    time.sleep(float(os.environ.get("ANSWERS_AFTER", "0")))
    return SendResult(status=200)


def create_app():
    app = Flask("worker")
    app.config.from_prefixed_env()
    IdpSession().init_app(
        app,
        clients=Clients(),
        signer=KeySetTokenSigner(KeySet([ECKey.generate_key("P-256")])),
        sender=BlockingLogoutSender(send),
    )
    return app
"""


def worker(
    directory: Path, engine: sa.Engine, **environment: str
) -> subprocess.Popen[str]:
    """A process that delivers what is in a database."""
    (directory / "worker.py").write_text(_APP)

    return subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "worker", "idp-session", "deliver"],
        cwd=directory,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "FLASK_SECRET_KEY": "a secret key for tests",
            "FLASK_IDP_SESSION_ISSUER": ISSUER,
            "FLASK_IDP_SESSION_DATABASE_URL": str(engine.url),
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def has_sent(process: subprocess.Popen[str]) -> bool:
    """Whether a worker comes to say that it has a request under way."""
    assert process.stdout is not None

    return any(line.startswith("sent to") for line in process.stdout)


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_deliver(sqlite_engine: sa.Engine, tmp_path: Path, number: int) -> None:
    """The process sends what is owed, and a signal ends it, quietly and at once."""
    upgrade(sqlite_engine)
    host = host_app(engine=sqlite_engine, clock=None)
    host_browser = host.signed_in("shop")
    ended = host_browser.post("/logout").get_json()["ended"]

    process = worker(tmp_path, sqlite_engine)
    told = eventually(
        lambda: (
            host.owed(ended)[0].state is DeliveryState.DELIVERED
            or process.poll() is not None
        )
    )
    process.send_signal(number)
    began_at = time.monotonic()
    output, errors = process.communicate(timeout=60)

    assert told
    assert (process.returncode, errors) == (0, "")
    assert output.splitlines() == [
        "delivering; Ctrl-C ends it",
        "sent to https://shop.test/back",
    ]
    assert time.monotonic() - began_at < 5


@pytest.mark.process
def test_what_is_under_way_is_given_back(
    sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    """A worker that is told to end leaves nothing that others would wait for."""
    upgrade(sqlite_engine)
    host = host_app(engine=sqlite_engine, clock=None)
    host.signed_in("shop").post("/logout")

    process = worker(tmp_path, sqlite_engine, ANSWERS_AFTER="60")
    is_sent = has_sent(process)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)

    (delivery,) = host.state.delivery.claim(10)
    assert is_sent
    assert (process.returncode, errors) == (0, "")
    assert (delivery.attempts, delivery.last_error) == (2, None)


@pytest.mark.process
def test_what_is_nearly_done_is_finished(
    sqlite_engine: sa.Engine, tmp_path: Path
) -> None:
    """A worker that is told to end hears the answers that come soon."""
    upgrade(sqlite_engine)
    host = host_app(engine=sqlite_engine, clock=None)
    ended = host.signed_in("shop").post("/logout").get_json()["ended"]

    process = worker(tmp_path, sqlite_engine, ANSWERS_AFTER="0.5")
    is_sent = has_sent(process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)

    assert is_sent
    assert host.owed(ended)[0].state is DeliveryState.DELIVERED


class TestJson:
    """What other programs read."""

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            pytest.param(["db", "upgrade"], {"revision": head_revision()}, id="up"),
            pytest.param(
                ["db", "current"],
                {"revision": head_revision(), "newest": head_revision()},
                id="current",
            ),
            pytest.param(["sweep"], {"ended": 0}, id="sweep"),
        ],
    )
    def test_of_a_short_command(
        self, sqlite_engine: sa.Engine, arguments: list[str], expected: object
    ) -> None:
        """What is a sentence for people is an object for programs."""
        result = run(host_app(engine=sqlite_engine), *arguments, "--json")

        assert json.loads(result.stdout) == expected

    @pytest.mark.parametrize(
        "command", [pytest.param(each, id=name) for name, each in _leaves(commands)]
    )
    def test_is_there(self, command: click.Command) -> None:
        """Each command can be read by a program."""
        assert "as_json" in [each.name for each in command.params]


def test_a_bar_is_for_a_terminal_only() -> None:
    """What is piped somewhere has no bar in it."""
    host = host_app()
    host.signed_in("shop")
    host.clock.tick(timedelta(days=1))
    result = run(host, "sweep", "--json")

    assert result.stderr == ""
    assert json.loads(result.stdout) == {"ended": 1}


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits at a terminal sees that something happens, beside the result."""
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", terminal)
    done = list(followed([1, 2, 3], "Working"))

    assert done == [1, 2, 3]
    assert "Working" in terminal.getvalue()
    assert "100%" in terminal.getvalue()
