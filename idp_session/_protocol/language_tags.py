"""Language tags and how they are matched, RFC 5646 and RFC 4647.

https://www.rfc-editor.org/rfc/rfc4647
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Sequence

__all__ = ["lookup", "tags_in"]

_TAG = re.compile("[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,6}")
# Whoever asks for more languages than this understands one of the first.
_MOST_TAGS = 8


def tags_in(ui_locales: str | None) -> tuple[str, ...]:
    """The languages that a request names, best first; what is no tag is left out.

    :param ui_locales: The parameter as it came (OpenID Connect Core §3.1.2.1,
        RP-Initiated Logout 1.0 §2).
    """
    words = (ui_locales or "").split(" ")

    return tuple(word for word in words if _TAG.fullmatch(word))[:_MOST_TAGS]


def lookup(wanted: Iterable[str], available: Sequence[str]) -> str | None:
    """The first language that is wanted and there (RFC 4647 §3.4).

    ``de-AT`` finds ``de`` where there is nothing closer.

    :param wanted: Tags, best first.
    :param available: The tags to choose from.
    :returns: One of those, ``None`` if there is nothing for anybody.
    """
    known = {tag.lower(): tag for tag in available}

    for tag in wanted:
        for shorter in _ever_shorter(tag.lower()):
            if shorter in known:
                return known[shorter]

    return None


def _ever_shorter(tag: str) -> Iterable[str]:
    subtags = tag.split("-")

    while subtags:
        yield "-".join(subtags)
        subtags.pop()

        # rfc4647 §3.4: a single letter begins an extension and says nothing alone.
        if subtags and len(subtags[-1]) == 1:
            subtags.pop()
