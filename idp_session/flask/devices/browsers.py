"""From what a browser says that it is to a name that people know."""

from __future__ import annotations

from dataclasses import dataclass

try:
    import ua_parser  # the extra "devices"
except ImportError:
    _IS_INSTALLED = False
else:
    _IS_INSTALLED = True

__all__ = ["Browser", "browser_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Browser:
    """A browser or app, as far as it can be recognised."""

    #: Such as ``Firefox``.
    family: str | None = None
    #: Such as ``Windows`` or ``iOS``.
    system: str | None = None


def browser_of(user_agent: str | None) -> Browser:
    """What is recognised in a ``User-Agent`` header; anybody may claim to be anything.

    :param user_agent: The header, if it was kept.
    """
    if not _IS_INSTALLED or not user_agent:
        return Browser()

    found = ua_parser.parse(user_agent)

    return Browser(
        family=found.user_agent.family if found.user_agent else None,
        system=found.os.family if found.os else None,
    )
