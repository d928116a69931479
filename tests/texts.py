"""Brings the catalogs of the pages' texts up to date: ``python -m tests.texts``.

Texts are found in the templates and in the modules beside them, each language gets
the new ones to be translated, and what is translated is compiled.
"""

from __future__ import annotations

import io
from datetime import datetime
from datetime import UTC
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.messages.pofile import write_po

import idp_session.flask

PACKAGE = Path(idp_session.flask.__file__).parent
TRANSLATIONS = PACKAGE / "translations"
TEMPLATE = TRANSLATIONS / "idp_session.pot"

# Where texts are, and what they are given to there.
_TEMPLATES = ([("**.html", "jinja2")], {"text": None, "plural_text": (1, 2)})
_MODULES = ([("**.py", "python")], {"message": None, "plural_message": (1, 2)})
_OPTIONS = {"**.html": {"silent": "false"}}
# It says nothing that the history does not, and must not change by itself.
_DATE = datetime(2026, 1, 1, tzinfo=UTC)


def source() -> Catalog:
    """The texts as they are in the templates and modules now."""
    catalog = Catalog(
        domain="idp_session",
        project="idp_session",
        version="1",
        header_comment="# Texts of the pages of idp_session.",
        msgid_bugs_address="the project's issues",
        last_translator="the project's contributors",
        language_team="none",
        creation_date=_DATE,
        revision_date=_DATE,
        fuzzy=False,
    )

    for methods, keywords in (_TEMPLATES, _MODULES):
        for file, _, texts, comments, context in extract_from_dir(
            PACKAGE, methods, _OPTIONS, keywords
        ):
            place = [(file, 0)]
            catalog.add(texts, None, place, auto_comments=comments, context=context)

    return catalog


def languages() -> list[Path]:
    """The catalog of each language."""
    return sorted(TRANSLATIONS.glob("*/LC_MESSAGES/idp_session.po"))


def read(file: Path) -> Catalog:
    """A catalog as it is written down."""
    with file.open("rb") as opened:
        return read_po(
            opened,
            locale=file.parents[1].name,
            domain="idp_session",
            abort_invalid=True,
        )


def updated(file: Path) -> Catalog:
    """A catalog with the texts of now, and those that are gone left out."""
    catalog = read(file)
    catalog.update(source(), update_creation_date=False)

    return catalog


def written(catalog: Catalog) -> bytes:
    """A catalog as its file has to be."""
    buffer = io.BytesIO()
    write_po(
        buffer,
        catalog,
        width=88,
        sort_output=True,
        ignore_obsolete=True,
        include_lineno=False,
    )

    return buffer.getvalue()


def compiled(catalog: Catalog) -> bytes:
    """A catalog as programs read it."""
    buffer = io.BytesIO()
    write_mo(buffer, catalog)

    return buffer.getvalue()


def main() -> None:
    """Write all of them."""
    TEMPLATE.write_bytes(written(source()))

    for file in languages():
        file.write_bytes(written(updated(file)))
        file.with_suffix(".mo").write_bytes(compiled(read(file)))


if __name__ == "__main__":
    main()
