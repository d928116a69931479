"""Content Security Policy Level 3: what a page needs, added to what its host allows.

https://www.w3.org/TR/CSP3/
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from .uris import origin_of

__all__ = ["PagePolicy", "enforced", "reported", "source_of"]

Policy = dict[str, tuple[str, ...]]

_WHITE_SPACE = "\t\n\f\r "
_NONE = "'none'"
_NONCE = "'nonce-"
_UNSAFE_INLINE = "'unsafe-inline'"
_STRICT_DYNAMIC = "'strict-dynamic'"
# With one of these in a list, browsers do not look at 'unsafe-inline' (CSP3 §6.7.3.2).
_STRICTER_THAN_INLINE = (_NONCE, "'sha256-", "'sha384-", "'sha512-", _STRICT_DYNAMIC)

# CSP3 §6.8.3: what speaks for a directive that is not there.
_SPEAK_FOR: Mapping[str, tuple[str, ...]] = {
    "connect-src": ("connect-src", "default-src"),
    "frame-src": ("frame-src", "child-src", "default-src"),
    "img-src": ("img-src", "default-src"),
    "script-src": ("script-src-elem", "script-src", "default-src"),
    "style-src": ("style-src-elem", "style-src", "default-src"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PagePolicy:
    """What one page needs, and what holds where its host says nothing."""

    #: Sources without which the page does not work, by directive. Where the host
    #: restricts that directive they are added to it.
    needs: Mapping[str, tuple[str, ...]]
    #: Directives for a host that has no policy, or one that is silent about them.
    alone: Mapping[str, tuple[str, ...]]
    #: Directives that are ``'none'`` whatever the host says.
    refuses: frozenset[str] = frozenset()
    #: What is added instead of a nonce where the host allows everything inline,
    #: which a nonce would switch off (CSP3 §6.7.3.2).
    instead_of_nonce: tuple[str, ...] = ("'self'",)


def enforced(headers: Iterable[str], page: PagePolicy) -> list[str]:
    """The values of ``Content-Security-Policy`` for a page.

    Every policy of the host is widened by what the page needs, and by nothing else.
    A host with several policies has thought about them; only one that is alone is
    completed by what the page says about directives that are not in it.

    :param headers: The values that the host has set: header by header, each perhaps
        several policies.
    :param page: What the page needs.
    :returns: The values to send, one for each policy.
    """
    policies = [_widened(policy, page) for policy in _policies(headers)] or [{}]

    if len(policies) == 1:
        policies[0] = _completed(policies[0], page)

    policies[0] |= dict.fromkeys(sorted(page.refuses), (_NONE,))

    return [_written(policy) for policy in policies]


def reported(headers: Iterable[str], page: PagePolicy) -> list[str]:
    """The values of ``Content-Security-Policy-Report-Only`` for a page.

    They are widened, so that nothing is reported that the page needs, and get
    nothing else.

    :param headers: The values that the host has set.
    :param page: What the page needs.
    """
    return [_written(_widened(policy, page)) for policy in _policies(headers)]


def source_of(uri: str) -> str:
    """What a policy has to say to let a browser go to an address.

    :param uri: An absolute URI.
    :returns: Its origin, or its scheme if it has none, as that of a native app.
    """
    try:
        return origin_of(uri)
    except ValueError:
        return f"{urlsplit(uri).scheme}:"


def _policies(headers: Iterable[str]) -> list[Policy]:
    # CSP3 §2.2.2: a comma separates policies, also inside of one header.
    parsed = [_parsed(text) for value in headers for text in value.split(",")]

    return [policy for policy in parsed if policy]


def _parsed(text: str) -> Policy:
    policy: Policy = {}

    for directive in text.split(";"):
        name, *sources = _tokens(directive) or [""]

        # CSP3 §2.2.1: of a directive that comes twice, the first one counts.
        if name:
            policy.setdefault(name.lower(), tuple(sources))

    return policy


def _tokens(text: str) -> list[str]:
    for character in _WHITE_SPACE:
        text = text.replace(character, " ")

    return [token for token in text.split(" ") if token]


def _written(policy: Policy) -> str:
    return "; ".join(" ".join((name, *sources)) for name, sources in policy.items())


def _widened(policy: Policy, page: PagePolicy) -> Policy:
    widened = dict(policy)

    for name, sources in page.needs.items():
        speaker = _speaker(policy, name)

        if speaker is not None:
            # What speaks for more than this directive is left as it is.
            target = speaker if speaker == f"{name}-elem" else name
            widened[target] = _joined(policy[speaker], sources, page)

    return widened


def _completed(policy: Policy, page: PagePolicy) -> Policy:
    # Without the fetch directives that it needs, "default-src" would stop the page.
    needs = {name: page.needs[name] for name in page.needs if name in _SPEAK_FOR}
    silent = {
        name: sources
        for name, sources in {**page.alone, **needs}.items()
        if _speaker(policy, name) is None
    }

    return {**policy, **silent}


def _speaker(policy: Policy, name: str) -> str | None:
    speakers = _SPEAK_FOR.get(name, (name,))

    return next((speaker for speaker in speakers if speaker in policy), None)


def _joined(
    host: tuple[str, ...], sources: tuple[str, ...], page: PagePolicy
) -> tuple[str, ...]:
    if _allows_inline(host) and any(each.startswith(_NONCE) for each in sources):
        sources = page.instead_of_nonce

    # CSP3 §6.7.2.5: 'none' means something only when it is alone.
    kept = tuple(source for source in host if source.lower() != _NONE)
    added = tuple(source for source in sources if source not in kept)

    return kept + added or (_NONE,)


def _allows_inline(sources: tuple[str, ...]) -> bool:
    lowered = [source.lower() for source in sources]

    return _UNSAFE_INLINE in lowered and not any(
        source.startswith(_STRICTER_THAN_INLINE) for source in lowered
    )
