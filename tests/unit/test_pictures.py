"""The pictures of the README and the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHOWN = [
    pytest.param(page, alt, target, id=f"{page.relative_to(ROOT)}: {target}")
    for page in PAGES
    if "_build" not in page.parts
    for alt, target in re.findall(r"!\[(.*?)\]\((.*?)\)", page.read_text())
]
SCREENSHOTS = [
    pytest.param(picture, id=picture.name)
    for picture in sorted((ROOT / "docs/figures/screenshots").glob("*.png"))
]


@pytest.mark.parametrize(("page", "alt", "target"), SHOWN)
def test_a_picture_that_is_shown(page: Path, alt: str, target: str) -> None:
    """Every picture is there, and says in words what it shows."""
    assert (page.parent / target).is_file()
    assert len(alt.split()) > 5


@pytest.mark.parametrize("picture", SCREENSHOTS)
def test_a_picture_that_is_kept(picture: Path) -> None:
    """No picture makes the repository heavy."""
    content = picture.read_bytes()

    assert content.startswith(b"\x89PNG")
    assert len(content) < 100_000


def test_the_readme_shows_the_demo() -> None:
    """Who reads the README sees a single logout before trying it."""
    readme = (ROOT / "README.md").read_text()

    assert "docs/figures/screenshots/shop-and-mail.png" in readme
    assert SCREENSHOTS
