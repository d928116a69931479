"""What a page needs is added to the policies of its host: all of it, nothing else."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_session._protocol.content_security_policy import enforced
from idp_session._protocol.content_security_policy import PagePolicy
from idp_session._protocol.content_security_policy import reported
from idp_session._protocol.content_security_policy import source_of

NONCE = "'nonce-b3Vycw'"
MAIL = "https://mail.test"
PAGE = PagePolicy(
    needs={
        "script-src": (NONCE,),
        "frame-src": (MAIL,),
        "form-action": ("'self'",),
        "sandbox": ("allow-forms",),
    },
    alone={"default-src": ("'none'",), "img-src": ("'self'",)},
    refuses=frozenset({"base-uri", "frame-ancestors"}),
)
REFUSALS = "; base-uri 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize(
    ("host", "sent"),
    [
        pytest.param(
            "script-src 'self'; style-src 'self'; img-src *; frame-src 'none'; "
            "default-src 'self'",
            f"script-src 'self' {NONCE}; style-src 'self'; img-src *; "
            f"frame-src {MAIL}; default-src 'self'",
            id="added to its directives",
        ),
        pytest.param(
            "default-src 'none'",
            f"default-src 'none'; script-src {NONCE}; frame-src {MAIL}",
            id="none by default",
        ),
        pytest.param(
            "default-src 'self' https://cdn.test",
            "default-src 'self' https://cdn.test; "
            f"script-src 'self' https://cdn.test {NONCE}; "
            f"frame-src 'self' https://cdn.test {MAIL}",
            id="its default stays",
        ),
        pytest.param(
            "default-src *; child-src https://x.test",
            f"default-src *; child-src https://x.test; script-src * {NONCE}; "
            f"frame-src https://x.test {MAIL}",
            id="the older name for frames",
        ),
        pytest.param(
            "default-src *; script-src-elem 'none'; script-src 'self'",
            f"default-src *; script-src-elem {NONCE}; script-src 'self'; "
            f"frame-src * {MAIL}",
            id="the closer name for scripts",
        ),
        pytest.param(
            "default-src *; frame-src",
            f"default-src *; frame-src {MAIL}; script-src * {NONCE}",
            id="an empty list",
        ),
        pytest.param(
            "DEFAULT-SRC 'NONE';;default-src *; ",
            f"default-src 'NONE'; script-src {NONCE}; frame-src {MAIL}",
            id="the first of two, in capitals",
        ),
        pytest.param(
            "default-src *; frame-src https://mail.test",
            f"default-src *; frame-src https://mail.test; script-src * {NONCE}",
            id="what is there already",
        ),
        pytest.param(
            "default-src *; form-action https://x.test; sandbox allow-scripts",
            "default-src *; form-action https://x.test 'self'; "
            f"sandbox allow-scripts allow-forms; script-src * {NONCE}; "
            f"frame-src * {MAIL}",
            id="what only a host restricts",
        ),
        pytest.param(
            "default-src *; report-uri /reports; upgrade-insecure-requests",
            "default-src *; report-uri /reports; upgrade-insecure-requests; "
            f"script-src * {NONCE}; frame-src * {MAIL}",
            id="other directives",
        ),
        pytest.param(
            "base-uri *; frame-ancestors *; default-src *",
            "base-uri 'none'; frame-ancestors 'none'; default-src *; "
            f"script-src * {NONCE}; frame-src * {MAIL}",
            id="nobody frames it",
        ),
        pytest.param(
            "script-src 'self'",
            f"script-src 'self' {NONCE}; default-src 'none'; img-src 'self'; "
            f"frame-src {MAIL}",
            id="where it is silent",
        ),
    ],
)
def test_one_policy(host: str, sent: str) -> None:
    """What a host has said stays, what the page needs is added."""
    refusals = "" if "base-uri" in host else REFUSALS

    assert enforced([host], PAGE) == [sent + refusals]


@pytest.mark.parametrize("headers", [[], [""], [" ; ,, "]], ids=["none", "empty", ","])
def test_no_policy(headers: list[str]) -> None:
    """A host without one gets that of the page alone."""
    assert enforced(headers, PAGE) == [
        f"default-src 'none'; img-src 'self'; script-src {NONCE}; frame-src {MAIL}"
        f"{REFUSALS}"
    ]


def test_several_policies() -> None:
    """All of them count in a browser, so all of them are widened."""
    sent = enforced(["script-src 'self', frame-src 'none'", "img-src *"], PAGE)

    assert sent == [
        f"script-src 'self' {NONCE}{REFUSALS}",
        f"frame-src {MAIL}",
        "img-src *",
    ]


@pytest.mark.parametrize(
    ("host", "sent"),
    [
        pytest.param("'unsafe-inline'", "'unsafe-inline' 'self'", id="everything"),
        pytest.param(
            "'UNSAFE-INLINE' 'self'", "'UNSAFE-INLINE' 'self'", id="and from us"
        ),
        pytest.param(
            "'unsafe-inline' 'nonce-x'",
            f"'unsafe-inline' 'nonce-x' {NONCE}",
            id="not for new browsers",
        ),
        pytest.param(
            "'unsafe-inline' 'strict-dynamic'",
            f"'unsafe-inline' 'strict-dynamic' {NONCE}",
            id="not for newer browsers",
        ),
    ],
)
def test_inline_scripts_of_the_host(host: str, sent: str) -> None:
    """A nonce of ours does not switch off what the host's templates may rely on."""
    [policy] = enforced([f"script-src {host}; default-src *"], PAGE)

    assert policy.startswith(f"script-src {sent}; ")


def test_reports() -> None:
    """A policy that only reports has nothing to report of the page, and no more in it."""
    assert reported(["script-src 'none'; report-to us", "img-src *"], PAGE) == [
        f"script-src {NONCE}; report-to us",
        "img-src *",
    ]


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        pytest.param("https://Shop.test/done?x=1", "https://shop.test", id="web"),
        pytest.param("com.example.shop:/done", "com.example.shop:", id="app"),
    ],
)
def test_where_a_form_leads(uri: str, source: str) -> None:
    """A policy names an origin, or the scheme of an app."""
    assert source_of(uri) == source


NAMES = (
    *("default-src", "script-src", "script-src-elem", "frame-src", "child-src"),
    *("style-src", "form-action", "frame-ancestors", "img-src", "Script-Src"),
)
SOURCES = (
    *("'none'", "'self'", "*", MAIL, "https://evil.test", "'unsafe-inline'"),
    *("'nonce-theirs'", "'strict-dynamic'", "https://idp.test", "'NONE'"),
)
#: What a page may do, as a directive and who asks.
ACTS = (
    *(("script-src", who) for who in (NONCE, "'nonce-theirs'", "inline", "https://")),
    *(("script-src", who) for who in ("https://idp.test", "https://evil.test")),
    *(("frame-src", who) for who in (MAIL, "https://evil.test", "https://idp.test")),
    *(("img-src", who) for who in (MAIL, "https://idp.test")),
    *(("form-action", who) for who in (MAIL, "https://idp.test")),
)
#: Our script is at our own address and carries our nonce.
NEEDED = {("frame-src", MAIL), ("form-action", "https://idp.test")}
_CHAINS = {
    "script-src": ("script-src-elem", "script-src", "default-src"),
    "frame-src": ("frame-src", "child-src", "default-src"),
    "img-src": ("img-src", "default-src"),
    "form-action": ("form-action",),
}

policies = st.lists(
    st.tuples(st.sampled_from(NAMES), st.lists(st.sampled_from(SOURCES), max_size=4)),
    max_size=6,
).map(lambda found: "; ".join(" ".join((name, *given)) for name, given in found))
host_headers = st.lists(
    st.lists(policies, min_size=1, max_size=2).map(", ".join), max_size=3
)


def browser_allows(headers: Iterable[str], directive: str, *who: str) -> bool:
    """Whether a browser would, of anybody who shows all of these."""
    return all(
        _one_allows(policy, directive, who)
        for header in headers
        for policy in header.split(",")
    )


def _one_allows(policy: str, directive: str, who: tuple[str, ...]) -> bool:
    found: dict[str, list[str]] = {}

    for name, *sources in (part.split() for part in policy.split(";") if part.strip()):
        found.setdefault(name.lower(), [source.lower() for source in sources])

    for name in _CHAINS[directive]:
        if name in found:
            # Only scripts are trusted by those who load them.
            dynamic = directive == "script-src" and "'strict-dynamic'" in found[name]
            return any(_matches(found[name], each.lower(), dynamic) for each in who)

    return True


def _matches(sources: list[str], who: str, dynamic: bool) -> bool:
    nonces = [source for source in sources if source.startswith("'nonce-")]

    if who == "inline":
        return "'unsafe-inline'" in sources and not nonces and not dynamic

    if who.startswith("'nonce-"):
        return who in nonces

    ours = who == "https://idp.test" and "'self'" in sources

    return not dynamic and (who in sources or "*" in sources or ours)


@given(host_headers)
def test_nothing_that_is_needed_is_blocked(headers: list[str]) -> None:
    """Whatever the host says, our script runs, our frames load, our form is sent."""
    sent = enforced(headers, PAGE)

    assert browser_allows(sent, "script-src", NONCE, "https://idp.test")
    assert all(browser_allows(sent, *act) for act in NEEDED)


@given(host_headers, st.sampled_from(ACTS))
def test_nothing_else_is_allowed(headers: list[str], act: tuple[str, str]) -> None:
    """What is allowed is what the host allows, or what the page needs."""
    directive, who = act
    ours = directive == "script-src" and who in {NONCE, "https://idp.test"}

    allowed = browser_allows(enforced(headers, PAGE), directive, who)

    assert not allowed or ours or act in NEEDED or browser_allows(headers, *act)


@given(host_headers, st.sampled_from(ACTS))
def test_what_a_host_allows_stays(headers: list[str], act: tuple[str, str]) -> None:
    """A host that says what is allowed is not contradicted."""
    spoken = [header for header in headers if "default-src" in header]

    if len(spoken) == len(headers) == 1 and "," not in headers[0]:
        assert browser_allows(enforced(headers, PAGE), *act) >= browser_allows(
            headers, *act
        )
