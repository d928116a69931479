"""Makes the page that says which test proves which check.

``python -m tests.conformance.table`` writes ``docs/development/conformance.md``.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PAGE", "Proof", "checks", "page", "proofs"]

_ROOT = Path(__file__).parents[2]
_CHECKS = Path(__file__).with_name("checks.toml")

#: Where the page is.
PAGE = _ROOT / "docs" / "development" / "conformance.md"

_INTRODUCTION = """\
# Conformance

What the OpenID Connect logout and session specifications ask of a provider, and the tests that prove it.
`OP` stands for what a provider does, `LTV` for what a client does with a logout token.
The suite in `tests/conformance/` speaks HTTP with a provider in a process of its own, or with [any other one](contributing.md#conformance).

This page is made from the markers of the tests: `python -m tests.conformance.table`.
"""


@dataclass(frozen=True, kw_only=True, order=True, slots=True)
class Proof:
    """A test, and a check that it proves."""

    check: str
    #: From the root of the repository.
    file: str
    test: str


def checks() -> dict[str, dict[str, str]]:
    """By chapter: the ids of the checks, and what each asks."""
    with _CHECKS.open("rb") as file:
        chapters = tomllib.load(file)["chapter"]

    return {chapter["title"]: chapter["checks"] for chapter in chapters}


def proofs() -> list[Proof]:
    """What the markers of all tests say."""
    found = {
        Proof(check=check, file=str(path.relative_to(_ROOT)), test=function.name)
        for path in sorted((_ROOT / "tests").rglob("test_*.py"))
        for function, scope in _tests(path)
        for check in _ids(scope)
    }

    return sorted(found)


def page() -> str:
    """The text of the page."""
    by_check: dict[str, list[Proof]] = {}

    for proof in proofs():
        by_check.setdefault(proof.check, []).append(proof)

    chapters = [
        f"\n## {title}\n\n| check | promise | proved by |\n| --- | --- | --- |\n"
        + "".join(
            f"| {check} | {promise} | {_cell(by_check.get(check, []))} |\n"
            for check, promise in promises.items()
        )
        for title, promises in checks().items()
    ]

    return _INTRODUCTION + "".join(chapters)


def _tests(path: Path) -> Iterator[tuple[ast.FunctionDef, list[ast.AST]]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    # A list of cases may stand beside the test that is run with it.
    named: dict[str, ast.AST] = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            used = [
                named[each.id]
                for decorator in node.decorator_list
                for each in ast.walk(decorator)
                if isinstance(each, ast.Name) and each.id in named
            ]
            yield node, [*node.decorator_list, *used]


def _ids(scope: list[ast.AST]) -> Iterator[str]:
    for tree in scope:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == (
                "pytest.mark.spec"
            ):
                yield from (ast.literal_eval(argument) for argument in node.args)


def _cell(found: list[Proof]) -> str:
    by_file: dict[str, list[str]] = {}

    for proof in found:
        by_file.setdefault(Path(proof.file).name, []).append(f"`{proof.test}`")

    return "; ".join(f"{name}: {', '.join(tests)}" for name, tests in by_file.items())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
