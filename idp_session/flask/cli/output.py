"""What commands print: for people, and for other programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from datetime import timedelta
from typing import Any
from typing import TypeVar

import click

__all__ = [
    "counted",
    "followed",
    "print_details",
    "print_json",
    "print_table",
    "printable",
    "with_json",
]

_T = TypeVar("_T")

_C = TypeVar("_C", bound=Callable[..., Any])


def with_json(command: _C) -> _C:
    """Give a command the option ``--json``, as its parameter ``as_json``.

    :param command: One that prints something.
    """
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def counted(number: int, singular: str, plural: str) -> str:
    """A number of things, as in "1 session" and "2 sessions".

    :param number: How many.
    :param singular: What one of them is called.
    :param plural: What several are called.
    """
    return f"{number} {singular if number == 1 else plural}"


def followed(things: Iterable[_T], label: str) -> Iterator[_T]:
    """One thing after the other, with a bar on the terminal that shows how far it is.

    The bar is on stderr, and only if that is a terminal; what is printed to stdout
    stays as it is.

    :param things: What takes long to work through; if it has no length, the bar shows
        only that something happens.
    :param label: What is done with them.
    """
    if not sys.stderr.isatty():
        yield from things
        return

    with click.progressbar(things, label=label, file=sys.stderr) as bar:
        yield from bar


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


def printable(text: str) -> str:
    """A text with everything in it escaped that could give orders to a terminal.

    :param text: Of which anybody may have chosen a part, such as a name.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )


def _shown(value: object) -> str:
    return printable(_text(value))


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%SZ")

    return "-" if value is None else str(value)


def _json_value(value: datetime | timedelta) -> str | float:
    return value.isoformat() if isinstance(value, datetime) else value.total_seconds()
