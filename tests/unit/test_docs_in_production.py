"""The guide to back-channel logout in production is right."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import pytest
import yaml  # type: ignore[import-untyped]
from flask import Flask
from flask import request

from idp_session import DeliveryState
from idp_session import LogoutReason
from idp_session import SessionOptions
from idp_session.flask.cli import commands
from idp_session.models import SendResult
from idp_session.stores.sql import create_engine
from idp_session.stores.sql import SqlDeliveryQueue
from idp_session.stores.sql import SqlSessionStore
from idp_session.stores.sql import upgrade
from idp_session.testing import make_participant
from idp_session.testing import make_session
from idp_session.testing import START

from .docs_examples import blocks
from .docs_examples import EXAMPLES
from .docs_examples import Examples
from .docs_examples import examples
from .docs_examples import SETTINGS
from .hosts import Host
from .hosts import host_app
from .hosts import ISSUER

ROOT = EXAMPLES.parents[1]
PAGE = (ROOT / "docs" / "guides" / "in-production.md").read_text()
REFERENCE = (ROOT / "docs" / "reference" / "metrics.md").read_text()


def _block(language: str, containing: str) -> str:
    """The one piece of a language in the guide that has a text in it."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    [block] = [block for block in found if containing in block]

    return str(block)


def _alerts() -> list[dict[str, Any]]:
    [group] = yaml.safe_load(_block("yaml", "alert:"))["groups"]

    return list(group["rules"])


def _exported() -> dict[str, str]:
    """The metrics of the reference, with the names that Prometheus has for them."""
    section = REFERENCE.partition("## Metrics\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([\w.]+)` \| ([^|]+) \|", section, re.MULTILINE)
    endings = {
        "counter": "_total",
        "gauge": "",
        "gauge, seconds": "_seconds",
        "histogram, seconds": "_seconds",
    }

    return {name: name.replace(".", "_") + endings[kind.strip()] for name, kind in rows}


def _used_in(expressions: str) -> set[str]:
    names = re.findall(r"\b(idp_session_\w+)\b(?=[{\[)])", expressions)

    return {re.sub("_(bucket|count|sum)$", "", name) for name in names} - {
        # A label in "by (…)" looks the same.
        "idp_session_issuer",
        "idp_session_reason",
    }


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Examples]:
    with examples(monkeypatch, tmp_path / "test.sqlite") as found:
        yield found


def test_every_metric_has_an_alert() -> None:
    """Nothing is measured for nobody, and no alert waits for what is not measured."""
    used = _used_in(" ".join(rule["expr"] for rule in _alerts()))

    assert used == set(_exported().values())


def test_every_metric_has_a_query_for_a_dashboard() -> None:
    """The queries of the reference show each metric once at least."""
    assert _used_in(REFERENCE) == set(_exported().values())


@pytest.mark.parametrize("rule", _alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_is_explained(rule: dict[str, Any]) -> None:
    """Whoever is woken by an alert finds its name in the guide, and what to do."""
    assert f"\n### `{rule['alert']}`\n" in PAGE


@pytest.mark.parametrize("rule", _alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_what_there_is(rule: dict[str, Any]) -> None:
    """The states in the rules are states of deliveries, and brackets are closed."""
    expression = rule["expr"]
    states = re.findall(r'delivery_state="(\w+)"', expression)

    assert set(states) <= set(DeliveryState)
    assert all(expression.count(a) == expression.count(b) for a, b in ("()", "[]"))


def test_the_reasons_of_the_guide() -> None:
    """The reasons for which many sessions may end are such."""
    section = PAGE.partition("### `SessionsEndInNumbers`")[2].partition("\n#")[0]

    assert set(re.findall(r"`(\w+)`", section)) <= set(LogoutReason)


def _defaults() -> list[tuple[str, str]]:
    """The settings of the guide's table, with what it calls their defaults."""
    found = re.findall(r"^\| `IDP_SESSION_(\w+)` \| ([^|]+) \|", PAGE, re.MULTILINE)
    assert found

    return found


@pytest.mark.parametrize(("name", "stated"), _defaults())
def test_the_defaults_of_the_guide(name: str, stated: str) -> None:
    """What the table calls the default of a setting is what the code takes."""
    [field] = [
        each for each in dataclasses.fields(SessionOptions) if each.name == name.lower()
    ]
    number, _, unit = stated.partition(" ")
    units = {"s": "seconds", "h": "hours", "days": "days"}
    default: Any = None

    if number.isdecimal():
        default = timedelta(**{units[unit]: int(number)}) if unit else int(number)

    assert field.default == default


def _typed() -> list[str]:
    """What the guide has its reader type after "flask idp-session"."""
    found = re.findall(r"^flask idp-session (.+)$", PAGE, re.MULTILINE)
    assert found

    return found


@pytest.mark.parametrize("line", _typed())
def test_commands_take_what_the_guide_gives_them(line: str) -> None:
    """Commands, options and arguments of the guide are such."""
    words = shlex.split(line)
    command: click.Command = commands

    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]

    assert command.make_context(line, words).params


def test_the_way_into_the_own_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of the guide are taken from the environment as they stand there."""
    for line in re.findall(r"^FLASK_\S+$", PAGE, re.MULTILINE):
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value)

    app = Flask("host")
    app.config.from_prefixed_env()
    options = SessionOptions.from_config({**app.config, "IDP_SESSION_ISSUER": ISSUER})

    assert options.delivery_allowed_hosts == (
        "crm.intranet.example",
        "*.apps.intranet.example",
    )
    assert options.delivery_allowed_networks == ("10.1.0.0/16", "fd12:3456::/32")
    assert options.delivery_ca_file == "/etc/ssl/inner-ca.pem"


def test_behind_a_proxy(found: Examples) -> None:
    """Views see the address that the browser has asked for, and who asks."""
    app = Flask("host")
    app.add_url_rule("/", view_func=lambda: f"{request.url} {request.remote_addr}")
    found["production"].behind_proxy(app)

    seen = app.test_client().get(
        "/",
        base_url="http://10.0.0.7:8000",
        headers={
            "X-Forwarded-For": "192.0.2.66, 198.51.100.1",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "idp.test",
        },
    )

    assert seen.text == "https://idp.test/ 198.51.100.1"


def _given_up(host: Host) -> str:
    """A session whose two clients have refused to hear of its end."""
    browser = host.signed_in("shop", "mail")
    ended: str = browser.post("/logout").get_json()["ended"]
    host.deliver()

    return ended


def test_tell_again(found: Examples) -> None:
    """All that one client was not told is tried again, and nobody else is told."""
    host = host_app()
    uris = ("https://shop.test/back", "https://mail.test/back")
    host.sender.answers.update(dict.fromkeys(uris, SendResult(status=400)))
    ended = [_given_up(host) for _ in range(3)]

    with host.app.app_context():
        retried = found["production"].tell_again(host.extension, "shop")

    states = [(each.client_id, each.state) for i in ended for each in host.owed(i)]
    assert retried == 3
    assert states.count(("shop", DeliveryState.PENDING)) == 3
    assert states.count(("mail", DeliveryState.REFUSED)) == 3


@dataclass(frozen=True, kw_only=True)
class Server:
    """gunicorn with the settings of the guide."""

    process: subprocess.Popen[str]
    queue: SqlDeliveryQueue
    owed: str

    @property
    def was_tried(self) -> bool:
        """Whether the client of the ended session was told, or could not be."""
        return self.queue.of_session(self.owed)[0].attempts > 0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """It starts when a delivery is owed already, and nobody sends it a request."""
    engine = create_engine(f"sqlite:///{tmp_path / 'test.sqlite'}")
    upgrade(engine)
    quick_start, _ = blocks(ROOT / "README.md")
    (tmp_path / "provider.py").write_text(quick_start)
    (tmp_path / "accounts.py").write_text("def is_password(a, b): return a == b\n")
    shutil.copy(EXAMPLES / "gunicorn_conf.py", tmp_path / "gunicorn.conf.py")
    owed = _end_one(SqlSessionStore(engine))

    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0"],
        cwd=tmp_path,
        env={
            **os.environ,
            **SETTINGS,
            "HOME": str(tmp_path),
            "PYTHONPATH": str(ROOT),
            "FLASK_IDP_SESSION_DATABASE_URL": str(engine.url),
            "FLASK_IDP_SESSION_DELIVERY_IN_PROCESS": "true",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    yield Server(process=process, queue=SqlDeliveryQueue(engine), owed=owed)

    process.kill()
    process.communicate()
    engine.dispose()


def _end_one(store: SqlSessionStore) -> str:
    session = make_session()
    store.create(session)
    store.add_participant(make_participant(session.session_id, client_id="shop"))
    store.end(session.session_id, reason=LogoutReason.USER, ended_at=START)

    return session.session_id


@pytest.mark.process
def test_gunicorn(server: Server) -> None:
    """Workers deliver before their first request, and end quietly and soon."""
    give_up_at = time.monotonic() + 60

    while not (told := server.was_tried) and time.monotonic() < give_up_at:
        time.sleep(0.1)

    server.process.terminate()
    output, _ = server.process.communicate(timeout=50)

    assert told, output
    assert server.process.returncode == 0, output
    assert "Traceback" not in output
