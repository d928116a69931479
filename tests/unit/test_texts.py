"""The catalogs of the pages' texts are complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from tests import texts

_MARK = re.compile(r"</?\w[^>]*>")
_PLACE = re.compile(r"%(\(\w+\)s)?")

LANGUAGES = [pytest.param(file, id=file.parents[1].name) for file in texts.languages()]
UPDATE = "run `make texts`"


def forms(text: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    """A text for one, and for many if that is another one."""
    return (text,) if isinstance(text, str) else tuple(text or ("",))


def pieces(text: str) -> tuple[list[str], list[str]]:
    """The marks and places in a text; they may come in another order."""
    return sorted(_MARK.findall(text)), sorted(set(_PLACE.findall(text)))


def translated(file: Path) -> list[Message]:
    return [message for message in texts.read(file) if message.id]


def test_there_are_languages() -> None:
    """German is there beside the source."""
    assert [file.parents[1].name for file in texts.languages()] == ["de"]


def test_the_template_is_up_to_date() -> None:
    """Whoever adds a language begins with the texts of now."""
    with texts.TEMPLATE.open("rb") as opened:
        kept = {message.id for message in read_po(opened)}

    assert kept == {message.id for message in texts.source()}, UPDATE


@pytest.mark.parametrize("file", LANGUAGES)
def test_a_catalog_is_up_to_date(file: Path) -> None:
    """It has the texts of the pages as they are now, and no others."""
    kept = {message.id for message in texts.read(file)}

    assert kept == {message.id for message in texts.source()}, UPDATE


@pytest.mark.parametrize("file", LANGUAGES)
def test_everything_is_translated(file: Path) -> None:
    """No text is missing, and none was guessed from a similar one."""
    missing = [each.id for each in translated(file) if not all(forms(each.string))]
    guessed = [each.id for each in translated(file) if each.fuzzy]

    assert (missing, guessed) == ([], [])


@pytest.mark.parametrize("file", LANGUAGES)
def test_a_translation_has_what_its_text_has(file: Path) -> None:
    """The same places for values and the same marks, so that no page can break."""
    different = [
        message.id
        for message in translated(file)
        for form in forms(message.string)
        if pieces(form) not in map(pieces, forms(message.id))
    ]

    assert different == []


@pytest.mark.parametrize("file", LANGUAGES)
def test_what_is_compiled_is_what_is_written(file: Path) -> None:
    """Programs read what translators have written."""
    with file.with_suffix(".mo").open("rb") as opened:
        compiled = {
            forms(each.id): forms(each.string) for each in read_mo(opened) if each.id
        }

    assert compiled == {
        forms(each.id): forms(each.string) for each in translated(file)
    }, UPDATE


def test_texts_are_found_where_they_are() -> None:
    """In templates, with their plurals, and in modules."""
    found = {message.id for message in texts.source()}

    assert {"Sign out?", "signed out"} <= found
    assert any(not isinstance(each, str) for each in found)
