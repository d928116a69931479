"""Nothing stands in the docs that no test has tried, but what is listed here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .docs_examples import blocks

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in PAGES if "_build" not in page.parts]
TESTS = [path.read_text() for path in sorted((ROOT / "tests").rglob("*.py"))]

#: Functions of pages that no test calls, and why.
NOT_CALLED = {
    ("docs/guides/cache.md", "set_up"): "its host is one that only its reader has",
    (
        "docs/guides/embedding.md",
        "log_in",
    ): "TestAsync has it with the tests' own accounts",
}

_PROCESSES = "tests/unit/test_docs_processes.py"
_COMMANDS = "tests/unit/test_docs_commands.py"
_TUTORIAL = "tests/unit/test_docs_tutorial.py"

#: Who runs the blocks of a page that are not Python, by their language.
RUN_BY = {
    # "make test" is what runs this.
    ("README.md", ""): _PROCESSES,
    ("docs/development/contributing.md", ""): _PROCESSES,
    ("docs/development/interoperability.md", ""): _PROCESSES,
    ("docs/guides/back-channel-logout.md", ""): _COMMANDS,
    ("docs/guides/celery.md", ""): _PROCESSES,
    ("docs/guides/cookie-mode.md", "nginx"): "tests/unit/test_docs_nginx.py",
    ("docs/guides/front-channel-logout.md", "javascript"): (
        "tests/browser/test_front_channel.py"
    ),
    ("docs/guides/in-production.md", ""): _COMMANDS,
    ("docs/guides/in-production.md", "console"): _PROCESSES,
    ("docs/guides/in-production.md", "ini"): _PROCESSES,
    ("docs/guides/in-production.md", "yaml"): _PROCESSES,
    ("docs/guides/languages.md", ""): _PROCESSES,
    ("docs/guides/relying-party.md", "console"): _PROCESSES,
    ("docs/guides/server-side-sessions.md", ""): "tests/unit/test_docs_server_side.py",
    ("docs/guides/transports.md", "text"): "tests/unit/test_transport_header.py",
    ("docs/reference/commands.md", ""): _COMMANDS,
    ("docs/reference/metrics.md", ""): _PROCESSES,
    ("docs/reference/metrics.md", "promql"): "tests/unit/test_docs_prometheus.py",
    ("docs/tutorial/01-the-provider.md", "console"): _TUTORIAL,
    ("docs/tutorial/02-the-package.md", "console"): _TUTORIAL,
    ("docs/tutorial/03-signing-in.md", "console"): _TUTORIAL,
    ("docs/tutorial/04-clients.md", "console"): _TUTORIAL,
    ("docs/tutorial/07-seeing-it.md", "console"): _TUTORIAL,
    ("docs/tutorial/09-your-devices.md", "console"): _TUTORIAL,
    ("docs/tutorial/10-production.md", "console"): _TUTORIAL,
}


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def _defined(block: str) -> Iterator[str]:
    """Functions and classes of a block that nothing calls by itself."""
    for node in ast.parse(block).body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue

        # A view is called by its address, and what the block uses, with that.
        is_used = len(re.findall(rf"\b{node.name}\b", block)) > 1

        if not node.decorator_list and not is_used:
            yield node.name


def _is_called(page: Path, name: str) -> bool:
    return any(
        page.name in test and re.search(rf"\b{name}\b", test)
        for test in TESTS
        if "NOT_CALLED" not in test
    )


def _not_called() -> set[tuple[str, str]]:
    return {
        (_name(page), name)
        for page in PAGES
        for block in blocks(page)
        for name in _defined(block)
        if not _is_called(page, name)
    }


def test_what_pages_define_is_called() -> None:
    """A test that names the page calls what it defines, or it says here why not."""
    assert _not_called() == set(NOT_CALLED)


def _languages() -> set[tuple[str, str]]:
    """The pages that have blocks, with their languages; no directives, no Python."""
    kinds = re.compile(r"^```([^\n]*)\n.*?^```$", re.MULTILINE | re.DOTALL)

    return {
        (_name(page), kind)
        for page in PAGES
        for kind in kinds.findall(page.read_text())
        if kind != "python" and not kind.startswith("{")
    }


def test_every_block_is_run() -> None:
    """Blocks are Python, which runs, or it says here who runs them."""
    assert _languages() == set(RUN_BY)


@pytest.mark.parametrize("file", sorted(set(RUN_BY.values())))
def test_who_runs_blocks_is_there(file: str) -> None:
    """What is named here is a file of tests."""
    assert (ROOT / file).is_file()
