"""What commands print: for people, and for other programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from typing import Any

import click

__all__ = ["print_details", "print_json", "print_table"]


def print_json(value: Mapping[str, Any]) -> None:
    """Print a JSON object; instants are in ISO 8601, durations in seconds.

    :param value: Its members.
    """
    click.echo(json.dumps(value, indent=2, default=_json_value))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print aligned columns; instants are in UTC and to the second.

    :param headings: Their names.
    :param rows: What is in them; ``None`` is shown as a dash.
    """
    lines = [list(headings), *([_shown(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]

    for line in lines:
        cells = map(str.ljust, line, widths)
        click.echo("  ".join(cells).rstrip())


def print_details(details: Mapping[str, object]) -> None:
    """Print names and values, a line each; instants are in UTC and to the second.

    :param details: The values by their names; ``None`` is shown as a dash.
    """
    width = max(map(len, details))

    for name, value in details.items():
        click.echo(f"{name.ljust(width)}  {_shown(value)}")


def _shown(value: object) -> str:
    # Anybody may choose a name: a terminal must not take orders from it.
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode()
        for c in _text(value)
    )


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%SZ")

    return "-" if value is None else str(value)


def _json_value(value: datetime | timedelta) -> str | float:
    return value.isoformat() if isinstance(value, datetime) else value.total_seconds()
