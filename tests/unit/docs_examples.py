"""The examples of the docs, as modules."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from types import SimpleNamespace

import pytest

from .hosts import ISSUER

__all__ = ["EXAMPLES", "SETTINGS", "Examples", "accounts", "blocks", "examples"]

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"

#: What the environment of an example says.
SETTINGS = {
    "FLASK_SECRET_KEY": "a secret of more than sixteen bytes",
    "FLASK_IDP_SESSION_ISSUER": ISSUER,
    "FLASK_IDP_SESSION_DELIVERY_IN_PROCESS": "false",
    "FLASK_IDP_SESSION_BACK_CHANNEL_WAIT": "0",
}


def blocks(page: Path) -> list[str]:
    """The pieces of Python in a page, one after the other."""
    return re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.MULTILINE | re.S)


class Examples:
    """Imports examples as a reader would who has put them side by side."""

    def __getitem__(self, name: str) -> ModuleType:
        return importlib.import_module(name)


@contextmanager
def examples(
    monkeypatch: pytest.MonkeyPatch, database: Path, **settings: str
) -> Iterator[Examples]:
    """The examples, in an environment with their settings and a user table."""
    given = {
        **SETTINGS,
        "FLASK_IDP_SESSION_DATABASE_URL": f"sqlite:///{database}",
        **settings,
    }

    for name, value in given.items():
        monkeypatch.setenv(name, value)

    before = set(sys.modules)
    monkeypatch.syspath_prepend(EXAMPLES)
    monkeypatch.setitem(sys.modules, "accounts", accounts())

    yield Examples()

    for path in EXAMPLES.glob("*.py"):
        if path.stem not in before:
            sys.modules.pop(path.stem, None)


def accounts() -> ModuleType:
    """The user table that examples import; a password is the name."""
    module = ModuleType("accounts")
    module.is_password = lambda name, password: name == password  # type: ignore[attr-defined]
    module.find_account = _find_account  # type: ignore[attr-defined]

    return module


def _find_account(name: str) -> SimpleNamespace | None:
    if name not in {"alice", "bob"}:
        return None

    return SimpleNamespace(
        name=name,
        is_authenticated=True,
        is_active=True,
        is_anonymous=False,
        get_id=lambda: name,
    )
