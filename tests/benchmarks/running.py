"""Runs each row in a process of its own, so that none disturbs the next."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .places import Bench
from .places import UnavailableError
from .results import Broken
from .results import from_json
from .results import NotMeasured
from .results import Outcome
from .results import to_json
from .row import Row

__all__ = ["run_here", "run_in_process", "write"]

_LONGEST_SECONDS = 600


def run_here(row: Row, bench: Bench) -> Sequence[Outcome]:
    """What a row measures, or what is missing.

    :param row: Which.
    :param bench: Where.
    """
    try:
        return row.run(bench)
    except UnavailableError as missing:
        return [NotMeasured(work=row.work, reason=str(missing))]


def run_in_process(row: Row, *, is_quick: bool) -> Sequence[Outcome]:
    """The same in a new process; a row that fails is broken, and the others go on.

    :param row: Which.
    :param is_quick: Whether rough figures are enough.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "outcomes.json"
        command = [sys.executable, "-m", "tests.benchmarks", row.name]
        options = ["--into", str(answer), *(["--quick"] if is_quick else [])]

        try:
            subprocess.run(command + options, check=True, timeout=_LONGEST_SECONDS)
        except subprocess.TimeoutExpired:
            return [Broken(work=row.work, reason=f"not over in {_LONGEST_SECONDS} s")]
        except subprocess.CalledProcessError as error:
            return [Broken(work=row.work, reason=f"exit status {error.returncode}")]

        return [from_json(each) for each in json.loads(answer.read_text())]


def write(outcomes: Sequence[Outcome], path: Path) -> None:
    """Leave what was measured for the process that waits.

    :param outcomes: What was measured.
    :param path: Where it looks.
    """
    path.write_text(json.dumps([to_json(each) for each in outcomes]))
