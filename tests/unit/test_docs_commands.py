"""Each command of the guides does what the guides say, as it stands there."""

from __future__ import annotations

import re
import shlex

import pytest
import sqlalchemy as sa
from click.testing import Result

from idp_session.flask.cli import commands
from idp_session.models import SendResult
from idp_session.stores.sql import downgrade

from .hosts import Host
from .hosts import host_app
from .test_docs import PAGES
from .test_docs import ROOT

_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^(?:\$ )?flask (?:--app \w+ )?idp-session (.*)$", re.MULTILINE)
# What stands there for what it may take.
_SYNOPSIS = re.compile(r"\[|\b[A-Z]{2,}\b")
_SESSION_ID = re.compile(r"[0-9a-f]{32}")

LINES = [
    pytest.param(line, id=f"{page.relative_to(ROOT)}: {line}")
    for page in PAGES
    for kind, block in _BLOCK.findall(page.read_text())
    for line in _COMMAND.findall(block)
    if kind in {"", "console"} and not _SYNOPSIS.search(line)
]


@pytest.fixture
def host(sqlite_engine: sa.Engine) -> Host:
    """A host with somebody signed in, and two notifications that were refused."""
    host = host_app(engine=sqlite_engine)

    for client_id in ("shop", "mail"):
        host.sender.answers[f"https://{client_id}.test/back"] = SendResult(status=400)

    host.signed_in("shop", "mail").post("/logout")
    host.deliver()
    host.sender.answers.clear()
    host.signed_in("shop", "mail")

    return host


def run(host: Host, line: str) -> Result:
    """A line of the docs, with ids that there are; what it asks is answered yes."""
    [session] = host.state.management.query().sessions
    refused = host.state.deliveries.query()
    line = _SESSION_ID.sub(session.session_id, line)

    for stated, delivery in zip(("4711", "4712"), refused, strict=True):
        line = line.replace(stated, str(delivery.id))

    return host.app.test_cli_runner().invoke(commands, shlex.split(line), input="y\n")


@pytest.mark.parametrize("line", LINES)
def test_a_command_of_the_docs_runs(host: Host, line: str) -> None:
    """Whoever copies it gets what it is for; only the doctor may have found errors."""
    result = run(host, line)

    assert result.exit_code in ((0, 1) if line.startswith("doctor") else (0,))
    assert result.exception is None or result.exit_code == 1
    assert "Traceback" not in result.output


def test_commands_are_found() -> None:
    """There is something to run, from the README to the tutorial."""
    pages = {str(line.id).partition(":")[0] for line in LINES}

    assert {
        "README.md",
        "docs/guides/in-production.md",
        "docs/guides/server-side-sessions.md",
        "docs/reference/commands.md",
        "docs/tutorial/07-seeing-it.md",
    } <= pages


def test_the_doctor_says_what_the_reference_shows(sqlite_engine: sa.Engine) -> None:
    """The lines of the example are those of the command, for a set-up like that."""
    page = (ROOT / "docs" / "reference" / "commands.md").read_text()
    [shown] = re.findall(r"^\$ flask idp-session doctor\n(.*?)\n\n", page, re.M | re.S)
    downgrade(sqlite_engine, "0002")
    host = host_app(
        engine=sqlite_engine,
        config={
            "SECRET_KEY": "a secret that nobody guesses, and nobody finds by trying",
            "IDP_SESSION_ISSUER": "https://idp.example",
            "SERVER_NAME": None,
            "TRUSTED_HOSTS": None,
        },
    )

    said = host.app.test_cli_runner().invoke(commands, ["doctor", "--offline"])

    assert said.exit_code == 1
    assert set(shown.splitlines()) <= set(said.output.splitlines())


def test_sessions_of_before_an_incident_are_ended(host: Host) -> None:
    """The command of the guide ends what is older than the instant in it, all of it."""
    page = (ROOT / "docs" / "guides" / "server-side-sessions.md").read_text()
    [line] = [
        line for line in _COMMAND.findall(page) if line.startswith("sessions end")
    ]

    result = run(host, line)

    assert result.exit_code == 0
    assert host.state.management.query().sessions == ()
