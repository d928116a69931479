"""The first thing that the docs show is as short as they say, and works."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from .docs_examples import EXAMPLES
from .docs_examples import examples
from .hosts import Page

SOURCE = (EXAMPLES / "fifteen_lines.py").read_text()


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Flask]:
    """The app of the front page, with its tables."""
    with examples(monkeypatch, tmp_path / "front.sqlite") as shown:
        app: Flask = shown["fifteen_lines"].create_app()
        made = app.test_cli_runner().invoke(args=["idp-session", "db", "upgrade"])
        assert made.exit_code == 0

        yield app

        app.extensions["idp_session"].engine.dispose()


def test_there_are_fifteen() -> None:
    """Beside imports and blank lines, the front page shows fifteen lines."""
    statements = ast.parse(SOURCE).body[1:]
    lines = SOURCE.splitlines()
    shown = [
        line
        for statement in statements
        if not isinstance(statement, ast.Import | ast.ImportFrom)
        for line in lines[statement.lineno - 1 : statement.end_lineno]
        if line.strip()
    ]

    assert len(shown) == 15


def test_they_sign_out(app: Flask) -> None:
    """Whoever has signed in there signs out, and the shop is to be told."""
    browser = app.test_client()
    browser.post("/login", data={"username": "alice", "password": "alice"})
    question = Page(browser.get("/connect/endsession"))
    page = browser.post(
        "/connect/endsession",
        data=question.fields | {"answer": "yes"},
        follow_redirects=True,
    )

    with app.app_context():
        [owed] = app.extensions["idp_session"].deliveries.query()

    assert "alice" in question.text
    assert "You are signed out" in page.text
    assert owed.client_id == "shop"


def test_a_wrong_password(app: Flask) -> None:
    """Nobody is let in who does not know the password."""
    browser = app.test_client()
    browser.post("/login", data={"username": "alice", "password": "guess"})

    assert browser.get_cookie("idp_session") is None
