"""The reference says of commands, errors and metrics what is so."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from idp_session import errors
from idp_session.flask.cli import commands
from idp_session.flask.cli.check_client import _EXIT_CODES
from idp_session.flask.cli.delivery_words import _ERRORS
from idp_session.models import SendFailure
from idp_session.services.client_check import ClientCheck

from .hosts import Host
from .hosts import host_app

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
COMMANDS = (REFERENCE / "commands.md").read_text()
METRICS = (REFERENCE / "metrics.md").read_text()
_WITH_BOTH_NAMES = re.compile(r"^\| `flask idp-session ([^`]+)`((?:, `\w+`)*) \|", re.M)


def _there(group: click.Group, path: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _there(command, f"{path}{name} ")
        else:
            yield path + name


def _listed() -> Iterator[str]:
    for first, others in _WITH_BOTH_NAMES.findall(COMMANDS):
        yield first

        for name in re.findall(r"`(\w+)`", others):
            yield f"{first.partition(' ')[0]} {name}"


def _members(section: str) -> list[str]:
    """What a section calls the members of its command's JSON."""
    text = COMMANDS.partition(f"\n## `{section}`\n")[2].partition("\n## ")[0]
    [sentence] = re.findall(r"^With `--json` the members are (.+)$", text, re.M)

    return re.findall(r"`(\w+)`", sentence)


def test_every_command_is_listed() -> None:
    """The table has each command, and none that there is not."""
    assert sorted(_listed()) == sorted(_there(commands))


def test_the_exit_codes_of_check_client() -> None:
    """Each outcome is in the table, beside the exit code that comes with it."""
    table = COMMANDS.partition("\n## `check-client`\n")[2]
    rows = re.findall(r"^\| (\d) \| ([^|]+) \|", table, re.MULTILINE)

    assert {
        outcome: int(code)
        for code, outcomes in rows
        for outcome in re.findall(r"`(\w+)`", outcomes)
    } == _EXIT_CODES


def test_the_json_of_check_client() -> None:
    """The members that programs get are those of the reference."""
    fields = [field.name for field in dataclasses.fields(ClientCheck)]

    assert set(_members("check-client")) == {*fields, "explanation"}


@pytest.fixture
def host() -> Host:
    return host_app()


def test_the_json_of_the_doctor(host: Host) -> None:
    """Programs get the members of the reference, about what its table has."""
    said = host.app.test_cli_runner().invoke(
        commands, ["doctor", "--offline", "--json"]
    )
    report = json.loads(said.stdout)
    [finding, *_] = report["findings"]
    table = COMMANDS.partition("| about |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    about = {name for row in rows for name in re.findall(r"`([\w -]+)`", row)}

    assert {*report, *finding} <= set(_members("doctor"))
    assert {each["about"] for each in report["findings"]} <= about | {
        f"client {client_id}" for client_id in ("shop", "mail", "news")
    }


def test_the_tree_of_errors() -> None:
    """The drawing has every error, below the one that it is a kind of."""
    drawn = {}
    above: list[str] = []

    for line in str(errors.__doc__).splitlines():
        if found := re.match(r"([ │├└─]*)(\w+Error)\b", line.removeprefix("    ")):
            depth = len(found[1]) // 4
            above[depth:] = [found[2]]
            drawn[found[2]] = above[depth - 1] if depth else "Exception"

    assert drawn == {
        name: getattr(errors, name).__base__.__name__ for name in errors.__all__
    }


def test_every_kind_of_failure_has_words() -> None:
    """What may stand in a delivery's last error is said in words, and in the metrics."""
    row = METRICS.partition("| `error.type` |")[2].partition("\n")[0]

    assert set(_ERRORS) == {*SendFailure, "no_token", "sender"}
    assert set(re.findall(r"`(\w+)`", row)) >= {"status", "no_token", "sender"}
