"""The part of ``docs/performance.md`` that is measured."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from .results import Broken
from .results import NotMeasured
from .results import Outcome
from .results import Result

__all__ = ["PAGE", "figure_of", "measured", "with_measured"]

#: Where the page is.
PAGE = Path(__file__).parents[2] / "docs" / "performance.md"

_BEGIN = "<!-- measured: begin; made by make bench, not by hand -->"
_END = "<!-- measured: end -->"
_HEAD = (
    "| work | ours | beside | theirs | ratio | goal | |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)
_TIMES = "\N{MULTIPLICATION SIGN}"
_VERDICTS = {True: "met", False: "**missed**", None: ""}

#: Up to which figure so many decimals are shown.
_DECIMALS = ((1, 3), (10, 2), (100, 1))


def measured(
    outcomes: Mapping[str, Sequence[Outcome]],
    *,
    machine: str,
    taken_on: date,
    figures: Mapping[str, str],
    is_rough: bool = False,
    left_out: Sequence[str] = (),
) -> str:
    """What was measured, as Markdown.

    :param outcomes: By the title of the row.
    :param machine: On what.
    :param taken_on: When.
    :param figures: What each picture shows, by its path from the page.
    :param is_rough: Whether there were fewer rounds than usual.
    :param left_out: The titles of rows that were not asked for.
    """
    found = [each for row in outcomes.values() for each in row]
    tables = [
        "\n".join((f"### {title}", "", *_HEAD, *map(_line, row), *_notes(row)))
        for title, row in outcomes.items()
    ]
    pictures = [f"![{text}]({path})" for path, text in figures.items()]
    taken = f"Measured on {taken_on.isoformat()}, on {machine}."
    rough = ["Rough figures, of few rounds (`--quick`)."] if is_rough else []
    missing = [f"Left out of this run: {', '.join(left_out)}."] if left_out else []

    return "\n\n".join((taken, *rough, *missing, _summary(found), *pictures, *tables))


def with_measured(text: str, part: str) -> str:
    """A page with what is measured replaced, and what is written by hand kept.

    :param text: The page as it is.
    :param part: What is new.
    :raises ValueError: If the page does not say where it belongs.
    """
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)

    if not begin or not end:
        raise ValueError(f"the page has no {_BEGIN} or no {_END}")

    return f"{before}{begin}\n\n{part}\n\n{end}{after}"


def _summary(found: Sequence[Outcome]) -> str:
    verdicts = [each.is_met for each in found if isinstance(each, Result)]
    parts = [f"{verdicts.count(True)} goals are met, {verdicts.count(False)} missed"]

    if missing := sum(isinstance(each, NotMeasured) for each in found):
        parts.append(f"{missing} could not be measured")

    if broken := sum(isinstance(each, Broken) for each in found):
        parts.append(f"{broken} broke")

    return ", ".join(parts) + "."


def _line(outcome: Outcome) -> str:
    if isinstance(outcome, NotMeasured):
        return _cells(outcome.work, f"not measured: {outcome.reason}")

    if isinstance(outcome, Broken):
        return _cells(outcome.work, f"**broken**: {outcome.reason}")

    return _cells(
        outcome.work,
        figure_of(outcome.ours, outcome.unit) + _spread(outcome, is_absolute=True),
        outcome.against,
        "" if outcome.theirs is None else figure_of(outcome.theirs, outcome.unit),
        _ratio(outcome),
        _goal(outcome),
        _VERDICTS[outcome.is_met],
    )


def _cells(*texts: str) -> str:
    padded = (*texts, *[""] * (_HEAD[0].count("|") - 1 - len(texts)))

    return "| " + " | ".join(each.replace("|", "\\|") for each in padded) + " |"


def _ratio(result: Result) -> str:
    ratio = "" if result.ratio is None else f"{_number(result.ratio)} {_TIMES}"

    return (ratio + _spread(result, is_absolute=False)).strip()


def _spread(result: Result, *, is_absolute: bool) -> str:
    # It stands behind what is compared with the goal.
    if result.spread is None or result.is_absolute is not is_absolute:
        return ""

    least, greatest = map(_number, result.spread)

    return f" ({least} to {greatest})"


def _goal(result: Result) -> str:
    unit = f" {result.unit if result.is_absolute else _TIMES}".rstrip()

    if result.at_most is not None:
        return f"at most {result.at_most:g}{unit}"

    return "" if result.at_least is None else f"at least {result.at_least:g}{unit}"


def figure_of(value: float, unit: str) -> str:
    """A figure with its unit, as precise as it is read.

    :param value: The figure.
    :param unit: Its unit, if it has one.
    """
    return f"{_number(value)} {unit}".rstrip()


def _number(value: float) -> str:
    value = float(value)

    for below, decimals in _DECIMALS:
        if abs(value) < below and not value.is_integer():
            return f"{value:.{decimals}f}"

    return f"{value:,.0f}"


def _notes(row: Iterable[Outcome]) -> list[str]:
    notes = [each.note for each in row if isinstance(each, Result) and each.note]

    # Each once, in their order.
    return ["", *dict.fromkeys(notes)] if notes else []
