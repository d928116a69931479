"""The texts of the pages in the languages that there are."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from gettext import GNUTranslations
from gettext import NullTranslations
from pathlib import Path

from markupsafe import Markup

from .._protocol.language_tags import lookup
from ..errors import ConfigurationError
from ..options import SessionOptions

__all__ = [
    "ENGLISH",
    "Catalogs",
    "Texts",
    "load_catalogs",
    "message",
    "plural_message",
]

_SOURCE = "en"
_DOMAIN = "idp_session"
_OWN = Path(__file__).parent / "translations"


def message(text: str) -> str:
    """Mark a text for translation, which happens where it is shown.

    :param text: The text in English.
    """
    return text


def plural_message(one: str, many: str) -> tuple[str, str]:
    """Mark a text that depends on a number for translation.

    :param one: The text in English for one.
    :param many: The text in English for several.
    """
    return one, many


@dataclass(frozen=True, kw_only=True, slots=True)
class Texts:
    """The texts of the pages in one language."""

    #: The tag of the language, such as ``de``.
    language: str
    #: What the standard library has read.
    translations: NullTranslations

    def plain(self, text: str) -> str:
        """A text without marks in it, for a place that escapes it.

        :param text: The text in English.
        """
        return self.translations.gettext(text)

    def plain_with(self, text: str, **values: object) -> str:
        """A text without marks in it, with what it is given.

        :param text: The text in English.
        :param values: For its places, as they are.
        """
        return self.translations.gettext(text) % values

    def plain_plural(self, forms: tuple[str, str], number: int) -> str:
        """A text without marks in it that depends on a number.

        :param forms: The text in English, for one and for several.
        :param number: How many; also the value of ``%(number)s``.
        """
        return self.translations.ngettext(*forms, number) % {"number": number}

    def text(self, text: str, **values: object) -> Markup:
        """A text for a page; it may have marks in it, and what it is given may not.

        :param text: The text in English.
        :param values: For its places, such as ``%(name)s``; they are escaped.
        """
        # Ours or the host's own words, as much a part of the page as its template.
        return Markup(self.translations.gettext(text)) % values  # noqa: S704

    def plural_text(self, one: str, many: str, number: int, **values: object) -> Markup:
        """A text for a page that depends on a number.

        :param one: The text in English for one.
        :param many: The text in English for several.
        :param number: How many; also the value of ``%(number)s``.
        :param values: For its other places; they are escaped.
        """
        chosen = self.translations.ngettext(one, many, number)

        return Markup(chosen) % {"number": number, **values}  # noqa: S704

    def listed(self, names: Sequence[str]) -> Markup:
        """Names in a row, such as "Mail, Shop and Wiki".

        :param names: The names; they are escaped.
        """
        *others, last = names

        if not others:
            return Markup.escape(last)

        first = Markup(", ").join(others)

        return self.text(message("%(first)s and %(last)s"), first=first, last=last)


#: The texts as they are written in templates and modules.
ENGLISH = Texts(language=_SOURCE, translations=NullTranslations())


class Catalogs:
    """The languages that there are.

    :param translations: What each of them says, by tag; the first is shown to whoever
        wants none of them.
    """

    def __init__(self, translations: Mapping[str, NullTranslations]) -> None:
        self._translations = translations
        #: Their tags.
        self.languages = tuple(translations)

    def texts(self, wanted: Iterable[str]) -> Texts:
        """The texts in the language that suits best.

        :param wanted: Tags of languages, best first.
        """
        language = lookup(wanted, self.languages) or self.languages[0]

        return Texts(language=language, translations=self._translations[language])


def load_catalogs(options: SessionOptions, *, root: str) -> Catalogs:
    """Read the package's own languages, and those of the host.

    A text that the host's catalog has not is taken from ours, and then from the
    source.

    :param options: Say which languages, and where the host's are.
    :param root: The folder of the app, which a relative path is below.
    :raises ConfigurationError: If the folder is not there, or a language.
    """
    own = _read(_OWN)
    hosts = _read(_host_folder(options, root))
    found = {_SOURCE: NullTranslations()} | own | hosts

    for tag in own.keys() & hosts.keys():
        hosts[tag].add_fallback(own[tag])

    languages = options.languages or tuple(found)

    if missing := sorted(set(languages) - found.keys()):
        raise ConfigurationError(
            f"IDP_SESSION_LANGUAGES names {', '.join(missing)}, but there is only"
            f" {', '.join(found)}; others belong into IDP_SESSION_TRANSLATIONS_FOLDER"
        )

    return Catalogs({tag: found[tag] for tag in languages})


def _host_folder(options: SessionOptions, root: str) -> Path | None:
    if options.translations_folder is None:
        return None

    folder = Path(root, options.translations_folder)

    if not folder.is_dir():
        raise ConfigurationError(
            f"IDP_SESSION_TRANSLATIONS_FOLDER must be a folder; {folder} is none"
        )

    return folder


def _read(folder: Path | None) -> dict[str, NullTranslations]:
    if folder is None:
        return {}

    translations: dict[str, NullTranslations] = {}

    for file in sorted(folder.glob(f"*/LC_MESSAGES/{_DOMAIN}.mo")):
        tag = file.parents[1].name.replace("_", "-")

        with file.open("rb") as opened:
            translations[tag] = GNUTranslations(opened)

    return translations
