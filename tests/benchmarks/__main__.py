"""``python -m tests.benchmarks [ROW…]`` measures and writes the page.

With ``--show`` it writes nothing and prints the tables; with ``--quick`` the figures
are rough, and the page is left as it is.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime
from datetime import UTC
from pathlib import Path

from . import figures
from . import machine
from . import page
from .places import Bench
from .results import Broken
from .results import Outcome
from .row import Row
from .rows import ROWS
from .running import run_here
from .running import run_in_process
from .running import write


def main() -> int:
    """Measure; the exit status tells whether every row came to its end."""
    arguments = _arguments()
    chosen = [row for row in ROWS if not arguments.rows or row.name in arguments.rows]

    if arguments.into is not None:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(directory=Path(folder), is_quick=arguments.quick)
            write(run_here(chosen[0], bench), arguments.into)

        return 0

    outcomes = {row: _run(row, is_quick=arguments.quick) for row in chosen}
    is_whole = len(chosen) == len(ROWS) and not arguments.quick
    is_written = arguments.write or (is_whole and not arguments.show)
    _publish(outcomes, is_shown=not is_written, is_rough=arguments.quick)

    return int(
        any(isinstance(each, Broken) for found in outcomes.values() for each in found)
    )


def _arguments() -> argparse.Namespace:
    names = [row.name for row in ROWS]
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Measure the package beside others. All rows together write"
        " docs/performance.md; some of them, or quick ones, are printed.",
    )
    parser.add_argument("rows", nargs="*", choices=[*names, []], metavar="ROW")
    parser.add_argument("--quick", action="store_true", help="rough figures")
    parser.add_argument("--show", action="store_true", help="print, and write nothing")
    parser.add_argument(
        "--write", action="store_true", help="write the page although rows are left out"
    )
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    parser.epilog = "Rows: " + ", ".join(names)

    return parser.parse_args()


def _run(row: Row, *, is_quick: bool) -> Sequence[Outcome]:
    began_at = datetime.now(UTC)
    outcomes = run_in_process(row, is_quick=is_quick)
    took = datetime.now(UTC) - began_at
    print(f"{row.name}: {took.total_seconds():.0f} s", file=sys.stderr)  # noqa: T201

    return outcomes


def _publish(
    outcomes: dict[Row, Sequence[Outcome]], *, is_shown: bool, is_rough: bool
) -> None:
    drawn = {} if is_shown else figures.draw(_pictured(outcomes))
    text = page.measured(
        {row.work: found for row, found in outcomes.items()},
        is_rough=is_rough,
        left_out=[row.work for row in ROWS if row not in outcomes],
        machine=machine.description(),
        taken_on=datetime.now(UTC).date(),
        figures=drawn,
    )

    if is_shown:
        print(text)  # noqa: T201
    else:
        page.PAGE.write_text(page.with_measured(page.PAGE.read_text(), text))


def _pictured(outcomes: dict[Row, Sequence[Outcome]]) -> dict[str, Sequence[Outcome]]:
    return {row.name: found for row, found in outcomes.items() if row.is_pictured}


if __name__ == "__main__":
    sys.exit(main())
