"""What ``make bench`` makes of what it has measured."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from ..benchmarks import figures
from ..benchmarks import page
from ..benchmarks.measuring import interleaved
from ..benchmarks.measuring import Rounds
from ..benchmarks.places import Bench
from ..benchmarks.places import UnavailableError
from ..benchmarks.results import Broken
from ..benchmarks.results import from_json
from ..benchmarks.results import NotMeasured
from ..benchmarks.results import Outcome
from ..benchmarks.results import Result
from ..benchmarks.results import to_json
from ..benchmarks.row import Row
from ..benchmarks.running import run_here

HALF = Result(work="walk", ours=5, unit="ms", against="snail", theirs=10, at_most=0.5)
MISSING = NotMeasured(work="fly", reason="no wings")
BROKEN = Broken(work="swim", reason="exit status 1")


def _goal(**members: object) -> bool | None:
    usual = {"work": "walk", "ours": 5.0, "unit": "ms", "theirs": 10.0}

    return Result(**(usual | members)).is_met  # type: ignore[arg-type]  # as given


def _tables(*outcomes: Outcome) -> str:
    return page.measured(
        {"Moving": outcomes},
        machine="a machine",
        taken_on=date(2026, 1, 2),
        figures={"figures/one.svg": "walk 5 ms"},
    )


@pytest.mark.parametrize(
    ("members", "is_met"),
    [
        pytest.param({"at_most": 0.5}, True, id="ratio at the limit"),
        pytest.param({"at_most": 0.49}, False, id="ratio above"),
        pytest.param({"at_least": 0.5}, True, id="ratio at the least"),
        pytest.param({"at_least": 0.51}, False, id="ratio below"),
        pytest.param({"at_most": 5, "is_absolute": True}, True, id="figure"),
        pytest.param({"at_most": 4, "is_absolute": True}, False, id="figure above"),
        pytest.param(
            {"at_most": 0, "ours": 0, "theirs": None, "is_absolute": True},
            True,
            id="nothing at all",
        ),
        pytest.param({"at_most": 1, "theirs": 0}, False, id="no ratio"),
        pytest.param({"at_most": 1, "ours": math.nan}, False, id="no number"),
        pytest.param({}, None, id="no goal"),
    ],
)
def test_a_goal_is_reached_by_the_figures(
    members: dict[str, object],
    is_met: bool | None,
) -> None:
    """Whether a goal is met follows from what was measured, and from nothing else."""
    assert _goal(**members) is is_met


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"at_most": 1, "at_least": 1}, id="two goals"),
        pytest.param({"at_most": 1, "theirs": None}, id="a ratio to nobody"),
    ],
)
def test_a_goal_that_is_none(members: dict[str, object]) -> None:
    """A goal that nobody could decide is refused."""
    with pytest.raises(ValueError, match=r"goal|ratio"):
        _goal(**members)


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(HALF, id="result"),
        pytest.param(MISSING, id="not measured"),
        pytest.param(BROKEN, id="broken"),
        pytest.param(
            Result(work="run", ours=1, unit="s", spread=(0.5, 2.0)), id="spread"
        ),
    ],
)
def test_outcomes_travel(outcome: Outcome) -> None:
    """What one process has measured is what the other one reads."""
    assert from_json(to_json(outcome)) == outcome


def test_the_table_judges_each_row() -> None:
    """Each line says what came of its goal, or why there is no figure."""
    text = _tables(
        HALF,
        Result(work="run", ours=2, unit="s", at_most=1, is_absolute=True),
        MISSING,
        BROKEN,
    )

    assert (
        "| walk | 5 ms | snail | 10 ms | 0.500 \N{MULTIPLICATION SIGN} | at most 0.5 \N{MULTIPLICATION SIGN} | met |"
        in text
    )
    assert "| run | 2 s |  |  |  | at most 1 s | **missed** |" in text
    assert "| fly | not measured: no wings |" in text
    assert "| swim | **broken**: exit status 1 |" in text
    assert "1 goals are met, 1 missed, 1 could not be measured, 1 broke." in text


def test_the_table_says_on_what() -> None:
    """Figures come with their machine, their day and their pictures."""
    text = _tables(HALF)

    assert "Measured on 2026-01-02, on a machine." in text
    assert "![walk 5 ms](figures/one.svg)" in text


def test_the_table_says_what_it_lacks() -> None:
    """Rough figures are called so, and rows that were left out are named."""
    text = page.measured(
        {"Moving": [HALF]},
        machine="a machine",
        taken_on=date(2026, 1, 2),
        figures={},
        is_rough=True,
        left_out=["Flying", "Swimming"],
    )

    assert "Rough figures" in text
    assert "Left out of this run: Flying, Swimming." in text
    assert "Rough" not in _tables(HALF)
    assert "Left out" not in _tables(HALF)


def test_what_is_written_by_hand_stays() -> None:
    """New figures replace the old ones, and no word around them."""
    first = page.with_measured(page.PAGE.read_text(), _tables(HALF))
    second = page.with_measured(first, _tables(MISSING))

    assert "snail" in first
    assert "snail" not in second
    assert "no wings" in second
    assert page.with_measured(second, _tables(HALF)) == first


def test_a_page_without_a_place() -> None:
    """A page that lost its markers is not overwritten."""
    with pytest.raises(ValueError, match="measured: begin"):
        page.with_measured("# Performance\n", _tables(HALF))


def test_rounds_count_above_the_bare_request() -> None:
    """What a contestant costs is what it costs more than the bare one, round by round."""
    rounds = Rounds({"bare": [1, 2, 3], "ours": [2, 4, 4], "theirs": [3, 4, 7]})

    assert rounds.median("ours", above="bare") == 1
    assert rounds.spread("ours", "theirs", above="bare") == (0.25, 1)


def test_contestants_take_turns() -> None:
    """Nobody is always first, and everybody is called equally often."""
    order: list[str] = []
    interleaved(
        {"a": lambda: order.append("a"), "b": lambda: order.append("b")},
        rounds=2,
        calls=1,
    )

    assert order.count("a") == order.count("b") == 11
    assert order[2:6] == ["a", "b", "b", "a"]


def test_time_is_taken_by_the_clock_that_was_given() -> None:
    """Seconds per call are those of the clock, divided by the calls."""
    now = iter(range(0, 10_000, 4))
    rounds = interleaved({"a": int}, rounds=1, calls=2, clock=lambda: next(now))

    assert rounds.median("a") == 2


def test_a_row_without_its_service(tmp_path: Path) -> None:
    """A missing service is said in the table, and is no failure."""

    def run(_: Bench) -> Sequence[Outcome]:
        raise UnavailableError("no wings")

    assert run_here(Row("fly", "fly", run), Bench(directory=tmp_path)) == [MISSING]


def test_pictures_show_each_figure_once(tmp_path: Path) -> None:
    """A picture has a bar for us and one for each of the others, in proportion."""
    other = Result(work="walk", ours=5, unit="ms", against="hare", theirs=1)
    shown = figures.draw({"moving": [HALF, other, MISSING]}, folder=tmp_path)
    drawn = ET.parse(tmp_path / "performance-moving.svg").getroot()  # noqa: S314 - ours
    widths = [
        float(each.attrib["width"]) for each in drawn.iter() if "rx" in each.attrib
    ]

    assert shown == {
        "figures/performance-moving.svg": "idp_session 5 ms, snail 10 ms, hare 1 ms"
    }
    assert widths == pytest.approx([190, 380, 38])


def test_a_picture_is_of_one_work(tmp_path: Path) -> None:
    """Where a row has several works, nobody's figure of another stands beside ours."""
    other = Result(work="stand", ours=3, unit="ms", against="snail", theirs=4)

    shown = figures.draw({"moving": [HALF, other]}, folder=tmp_path)

    assert list(shown.values()) == ["idp_session 5 ms, snail 10 ms"]


def test_a_row_that_was_not_measured_has_no_picture(tmp_path: Path) -> None:
    """Nothing is drawn of nothing."""
    assert figures.draw({"fly": [MISSING]}, folder=tmp_path) == {}
