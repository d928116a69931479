"""``flask idp-session doctor``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import click
from flask import current_app
from flask.cli import with_appcontext

from ..doctor import check_clients
from ..doctor import CHECKS
from ..doctor import Examined
from ..doctor import Finding
from ..doctor import FindingLevel
from ..state import app_state
from .output import followed
from .output import print_json
from .output import printable
from .output import with_json

__all__ = ["doctor"]


@click.command()
@click.option(
    "--offline",
    is_flag=True,
    help="Look up no names and ask no other server than the database.",
)
@with_json
@click.pass_context
@with_appcontext
def doctor(context: click.Context, *, offline: bool, as_json: bool) -> None:
    """Look at the set-up, and say what to change.

    Nothing is changed and nobody is told anything. Exits with 0 if there are no
    errors, warnings or not, and with 1 if there are.
    """
    examined = Examined(
        app=current_app._get_current_object(),  # type: ignore[attr-defined]  # noqa: SLF001
        state=app_state(),
        offline=offline,
    )
    findings = [finding for check in CHECKS for finding in check(examined)]
    findings += check_clients(
        examined, follow=lambda clients: followed(clients, "Looking at clients")
    )

    if as_json:
        print_json(
            {
                "errors": _count(findings, FindingLevel.ERROR),
                "warnings": _count(findings, FindingLevel.WARNING),
                "findings": [dataclasses.asdict(each) for each in findings],
            }
        )
    else:
        _print(findings)

    context.exit(1 if _count(findings, FindingLevel.ERROR) else 0)


def _print(findings: Sequence[Finding]) -> None:
    width = max(map(len, FindingLevel))

    for each in findings:
        line = f"{each.level.ljust(width)}  {each.about}: {each.message}"
        click.echo(printable(line))

        if each.advice:
            click.echo(printable(f"{' ' * width}  -> {each.advice}"))

    errors = _count(findings, FindingLevel.ERROR)
    warnings = _count(findings, FindingLevel.WARNING)
    click.echo(f"\n{_number(errors, 'error')}, {_number(warnings, 'warning')}")


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _count(findings: Sequence[Finding], level: FindingLevel) -> int:
    return sum(each.level is level for each in findings)
