"""What the docs say is so."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sphinx.pycode import ModuleAnalyzer

from idp_session import DeliveryState
from idp_session import SessionOptions
from idp_session._protocol import session_management
from idp_session.flask import IdpSession
from idp_session.flask import user_session
from idp_session.flask.cli import commands

from .docs_examples import accounts
from .docs_examples import blocks
from .docs_examples import EXAMPLES
from .test_public_names import PUBLIC

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
PAGES = [
    ROOT / "README.md",
    *(
        page
        for page in sorted((ROOT / "docs").rglob("*.md"))
        if "_build" not in page.parts
    ),
]
# What else is public, beside the names that are pinned.
LISTED = [
    "idp_session.errors",
    "idp_session.models",
    "idp_session.ports",
    "idp_session.stores.cache",
    "idp_session.stores.memory",
    "idp_session.stores.sql",
    "idp_session.testing",
]
FIELDS = {field.name: field for field in dataclasses.fields(SessionOptions)}

_NUMBERS = {"two": 2}
_WORDS: dict[str, Any] = {"none.": (), ".": dataclasses.MISSING}
_DURATION = re.compile(
    r"(?P<number>\w+) (?P<unit>second|minute|hour|day)s?(, which is the default)?\."
)


BLOCKS = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, block in enumerate(blocks(page), start=1)
]


def _comment(option: str) -> str:
    analyzer = ModuleAnalyzer.for_module(SessionOptions.__module__)

    return " ".join(analyzer.find_attr_docs()[("SessionOptions", option)]).strip()


def _default_sentence(option: str) -> str:
    comment = _comment(option)
    start = re.search(r"Default: |Has no default|At most (?=.*the default)", comment)
    assert start is not None

    return comment[start.start() :].removeprefix(start[0])


def _stated(option: str) -> Any:
    sentence = _default_sentence(option)

    if literal := re.match(r"``(.+?)``", sentence):
        return ast.literal_eval(literal[1])

    if duration := _DURATION.fullmatch(sentence):
        number = _NUMBERS.get(duration["number"]) or int(duration["number"])

        return timedelta(**{f"{duration['unit']}s": number})

    return _WORDS[sentence] if sentence in _WORDS else int(sentence.removesuffix("."))


def _reference() -> Iterator[str]:
    """The names that the reference describes."""
    for page in REFERENCE.glob("*.md"):
        text = page.read_text()
        directive = r"^\.\. (auto\w+|data):: ([\w.]+)"

        for kind, name in re.findall(directive, text, re.MULTILINE):
            if kind == "automodule":
                yield from importlib.import_module(name).__all__
            else:
                yield name.rpartition(".")[2]


def _python(program: str, folder: Path, environment: dict[str, str]) -> str:
    result = subprocess.run(
        [sys.executable, "-m", *program.split()],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )

    return result.stdout


def test_the_reference_has_every_option_once() -> None:
    """The options page lists exactly the settings that there are."""
    text = (REFERENCE / "options.md").read_text()
    listed = re.findall(r"^\.\. autoattribute:: SessionOptions\.(\w+)$", text, re.M)

    assert sorted(listed) == sorted(FIELDS)


@pytest.mark.parametrize("option", FIELDS)
def test_an_option_ends_with_its_default(option: str) -> None:
    """The last thing that is said of an option is its default."""
    sentence = _default_sentence(option)

    assert sentence.endswith(".")
    assert ". " not in sentence


@pytest.mark.parametrize("option", FIELDS)
def test_the_default_that_is_stated_is_the_default(option: str) -> None:
    """What the docs call the default of an option is what the code takes."""
    assert _stated(option) == FIELDS[option].default


@pytest.mark.parametrize("module", [*PUBLIC, *LISTED])
def test_the_reference_describes_every_public_name(module: str) -> None:
    """Whatever can be imported can be looked up."""
    names = PUBLIC.get(module) or importlib.import_module(module).__all__

    assert set(names) - set(_reference()) == set()


@pytest.mark.parametrize("block", BLOCKS)
def test_python_in_the_docs_compiles(block: str) -> None:
    """A piece of Python in the docs is Python, and imports only what there is."""
    tree = ast.parse(block)
    imported = [
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
        if node.module.partition(".")[0] == "idp_session"
    ]

    assert [
        (module, name)
        for module, name in imported
        if not hasattr(importlib.import_module(module), name)
    ] == []


@pytest.mark.parametrize("block", BLOCKS)
def test_python_in_the_docs_runs(block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece of Python in the docs can be imported as it stands."""
    provider = ModuleType("provider")
    provider.idp_session = IdpSession()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "accounts", accounts())
    monkeypatch.setitem(sys.modules, "provider", provider)

    exec(block, {"__name__": "block"})  # noqa: S102 - our own text


def test_every_example_is_shown() -> None:
    """Each file of examples is in a page, so that none is kept up for nobody."""
    texts = "".join(page.read_text() for page in PAGES)
    shown = set(
        re.findall(r"^```\{literalinclude\} .*?examples/(\w+\.py)$", texts, re.M)
    )

    assert shown == {path.name for path in EXAMPLES.glob("*.py")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_docs_exist(page: Path) -> None:
    """Whoever types what the docs say finds a target or a command of that name."""
    text = page.read_text()
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert set(re.findall(r"[`\n](?:\w+=\S+ )?make (\w+)", text)) <= set(targets)
    assert set(re.findall(r"flask idp-session ([\w-]+)", text)) <= set(
        commands.commands
    )


def test_the_links_of_the_readme_lead_somewhere() -> None:
    """Each link of the README into the repository has a file at its end."""
    links = re.findall(r"\]\((?!http)([^)#]+)", (ROOT / "README.md").read_text())

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_state_of_a_delivery_is_in_the_table() -> None:
    """The concepts say of each state of a delivery how it comes about."""
    text = (ROOT / "docs" / "concepts.md").read_text()
    rows = re.findall(r"^\|[^|]+\| `(\w+)` \|", text, re.MULTILINE)

    assert set(rows) == set(DeliveryState)


def test_session_state_is_computed_as_documented() -> None:
    """Another part of a provider can follow the guide and gets the same value."""
    [block] = blocks(ROOT / "docs" / "guides" / "check-session.md")
    guide: dict[str, Any] = {}
    exec(block, guide)  # noqa: S102 - our own text
    about = {"client_id": "my shop", "origin": "https://shop.example"}
    salt = session_management.bound_salt(**about, random_part="r-1")

    assert guide["session_state"](
        **about, browser_state="ab12", random="r-1"
    ) == session_management.session_state(**about, browser_state="ab12", salt=salt)


def test_tokens_are_taken_back_as_documented() -> None:
    """Whoever copies the port of the guide revokes what it should, and no more."""
    [block] = blocks(ROOT / "docs" / "guides" / "tokens.md")
    guide: dict[str, Any] = {}
    exec(block, guide)  # noqa: S102 - our own text
    tokens = [
        SimpleNamespace(client_id=client_id, scope=scope)
        for client_id in ("shop", "mail")
        for scope in ("openid", "openid offline_access")
    ]
    table = SimpleNamespace(of_session=lambda _: list(tokens), delete=tokens.remove)

    guide["SessionTokens"](table).revoke("5e55", client_ids=("shop",))

    assert [(each.client_id, each.scope) for each in tokens] == [
        ("shop", "openid offline_access"),
        ("mail", "openid"),
        ("mail", "openid offline_access"),
    ]


class TestQuickStart:
    """The first provider that a reader makes."""

    ENVIRONMENT = {  # noqa: RUF012 - not changed
        "FLASK_APP": "provider",
        "FLASK_SECRET_KEY": "a secret of more than sixteen bytes",
        "FLASK_IDP_SESSION_ISSUER": "http://localhost:5000",
        # Nobody is at the address of the example.
        "FLASK_IDP_SESSION_DELIVERY_IN_PROCESS": "false",
        "FLASK_IDP_SESSION_BACK_CHANNEL_WAIT": "0",
    }

    @pytest.fixture
    def provider(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[ModuleType]:
        quick_start, _ = blocks(ROOT / "README.md")
        (tmp_path / "provider.py").write_text(quick_start)
        (tmp_path / "accounts.py").write_text("def is_password(a, b): return a == b\n")
        _python("flask idp-session db upgrade", tmp_path, self.ENVIRONMENT)
        monkeypatch.syspath_prepend(tmp_path)

        for name, value in self.ENVIRONMENT.items():
            monkeypatch.setenv(name, value)

        yield importlib.import_module("provider")

        del sys.modules["provider"], sys.modules["accounts"]

    @pytest.fixture
    def app(self, provider: ModuleType) -> Iterator[Flask]:
        app: Flask = provider.create_app()

        @app.get("/")
        def home() -> dict[str, Any]:
            user_session.add_client_id("shop")

            return {
                "user": user_session.user and user_session.user.subject_id,
                "clients": user_session.client_ids,
            }

        yield app

        app.extensions["idp_session"].engine.dispose()

    def test_signs_in_and_out(self, app: Flask) -> None:
        """The quick start of the README is a provider with a working logout."""
        browser = app.test_client()
        form = {"username": "alice", "password": "alice"}
        before = browser.post("/login", data=form, follow_redirects=True).json
        question = browser.get("/connect/endsession").text
        found = re.search(r'name="confirmation" value="(\w+)"', question)
        assert found is not None
        answer = {"confirmation": found[1], "answer": "yes"}
        page = browser.post("/connect/endsession", data=answer, follow_redirects=True)

        assert before == {"user": "alice", "clients": ["shop"]}
        assert "Shop" in page.text
        assert browser.get("/").json == {"user": None, "clients": []}

    def test_refuses_a_wrong_password(self, app: Flask) -> None:
        """The quick start lets nobody in who does not know the password."""
        form = {"username": "alice", "password": "guess"}
        response = app.test_client().post("/login", data=form)

        assert response.status_code == 401
        assert "Set-Cookie" not in response.headers
