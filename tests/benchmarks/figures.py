"""Pictures of what was measured: bars, as SVG that can be read by day and by night."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

from .page import figure_of
from .results import Outcome
from .results import Result

__all__ = ["bars", "chart", "draw"]

_FOLDER = Path(__file__).parents[2] / "docs" / "figures"
_OURS = "idp_session"

_WIDTH, _LABEL, _VALUE = 720, 250, 90
_LINE, _BAR = 26, 16
_STYLE = """
svg { background: #ffffff; font: 14px system-ui, sans-serif }
text { fill: #1c2733 }
.ours { fill: #0b6e4f }
.theirs { fill: #8795a5 }
@media (prefers-color-scheme: dark) {
  svg { background: #16191d }
  text { fill: #e6eaee }
  .ours { fill: #3fc393 }
  .theirs { fill: #76838f }
}
"""


def draw(
    rows: Mapping[str, Sequence[Outcome]], *, folder: Path = _FOLDER
) -> dict[str, str]:
    """Draw a picture of each row.

    :param rows: What was measured, by the name of the picture.
    :param folder: Where the pictures are.
    :returns: What each shows, by its path from the page.
    """
    shown: dict[str, str] = {}

    for name, outcomes in rows.items():
        if found := bars(outcomes):
            file = f"performance-{name}.svg"
            (folder / file).write_text(chart(found, unit=_unit(outcomes)))
            shown[f"figures/{file}"] = _words(found, unit=_unit(outcomes))

    return shown


def bars(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """What to draw: our figure of the first work, and those beside it.

    :param outcomes: All in one unit.
    """
    results = [each for each in outcomes if isinstance(each, Result)]
    found: dict[str, float] = {}

    for each in results:
        # Of another work everybody has other figures.
        if each.work == results[0].work and each.theirs is not None:
            found[_OURS] = each.ours
            found[each.against] = each.theirs

    return found


def chart(found: Mapping[str, float], *, unit: str) -> str:
    """A picture with a bar for each figure.

    :param found: The figures, by name.
    :param unit: Of which unit they are.
    """
    height = _LINE * len(found) + 12
    svg = ET.Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH} {height}",
        role="img",
    )
    ET.SubElement(svg, "title").text = _words(found, unit=unit)
    ET.SubElement(svg, "style").text = _STYLE
    longest = max(*found.values(), 0.0) or 1.0

    for number, (name, value) in enumerate(found.items()):
        _draw_bar(svg, number, name, value, share=value / longest, unit=unit)

    ET.indent(svg)

    return ET.tostring(svg, encoding="unicode") + "\n"


def _draw_bar(
    svg: ET.Element, number: int, name: str, value: float, *, share: float, unit: str
) -> None:
    top = 6 + _LINE * number
    middle = str(top + _LINE / 2 + 5)
    length = max(1.0, share * (_WIDTH - _LABEL - _VALUE))
    label = ET.SubElement(svg, "text", x=str(_LABEL - 10), y=middle)
    label.set("text-anchor", "end")
    label.text = name
    bar = ET.SubElement(svg, "rect", x=str(_LABEL), y=str(top + (_LINE - _BAR) / 2))
    bar.attrib.update(width=f"{length:.1f}", height=str(_BAR), rx="2")
    bar.set("class", "ours" if name == _OURS else "theirs")
    figure = ET.SubElement(svg, "text", x=f"{_LABEL + length + 8:.1f}", y=middle)
    figure.text = figure_of(value, unit)


def _unit(outcomes: Sequence[Outcome]) -> str:
    return next((each.unit for each in outcomes if isinstance(each, Result)), "")


def _words(found: Mapping[str, float], *, unit: str) -> str:
    return ", ".join(
        f"{name} {figure_of(value, unit)}" for name, value in found.items()
    )
