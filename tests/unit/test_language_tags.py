"""Language tags, RFC 5646 and RFC 4647."""

from __future__ import annotations

import pytest

from idp_session._protocol.language_tags import lookup
from idp_session._protocol.language_tags import tags_in


@pytest.mark.parametrize(
    ("ui_locales", "tags"),
    [
        pytest.param(None, (), id="none"),
        pytest.param("", (), id="empty"),
        pytest.param("de-AT de en", ("de-AT", "de", "en"), id="best first"),
        pytest.param("  de   en ", ("de", "en"), id="more spaces"),
        pytest.param("../de \x00 de_DE ä de\n en", ("en",), id="what is no tag"),
        pytest.param("x" * 9 + " de", ("de",), id="too long"),
        pytest.param("a b c d e f g h i j", tuple("abcdefgh"), id="too many"),
    ],
)
def test_what_a_request_names(ui_locales: str | None, tags: tuple[str, ...]) -> None:
    """Tags in their order; what is none, and what nobody needs, is left out."""
    assert tags_in(ui_locales) == tags


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        pytest.param(["de"], "de", id="the same"),
        pytest.param(["DE-at"], "de", id="a region of it"),
        pytest.param(["pt-br"], "pt-BR", id="without regard to case"),
        pytest.param(["pt"], None, id="not a closer one than wanted"),
        pytest.param(["fr", "de", "en"], "de", id="the first that is there"),
        pytest.param(["de-x-polite"], "de", id="a private extension"),
        pytest.param(["*", "fr"], None, id="nothing"),
        pytest.param([], None, id="no wish"),
    ],
)
def test_lookup(wanted: list[str], found: str | None) -> None:
    """The first wish that can be met counts, and a less exact tag meets it too."""
    assert lookup(wanted, ["en", "de", "pt-BR"]) == found
