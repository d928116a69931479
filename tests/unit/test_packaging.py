"""The wheel, as somebody installs it who has never seen the repository."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from ..services import unavailable
from .docs_examples import blocks

# The environment is made once, not once for each worker.
pytestmark = pytest.mark.xdist_group("packaging")

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGE = ROOT / "idp_session"

#: The modules of each extra that nothing but it brings.
EXTRAS: dict[str, set[str]] = {
    "cache": {"cachelib"},
    "celery": {"celery", "kombu"},
    "curl": {"pycurl"},
    "devices": {"ua_parser"},
    "mariadb": {"pymysql"},
    "postgresql": {"psycopg"},
    "redis": {"redis"},
    "rp": set(),
    "sample": {"gunicorn"},
    "telemetry": {"opentelemetry"},
    "testing": {"pytest", "trustme"},
}

_QUICK_START = """
import re, sys
import provider

app = provider.create_app()
assert app.extensions["idp_session"].sender is not None
browser = app.test_client()
form = {"username": "alice", "password": "alice"}
assert browser.post("/login", data=form).status_code == 302
question = browser.get("/connect/endsession").text
value = re.search(r'name="confirmation" value="(\\w+)"', question)[1]
answer = {"confirmation": value, "answer": "yes"}
page = browser.post("/connect/endsession", data=answer, follow_redirects=True)
assert page.status_code == 200, page.text
style = re.search(r'rel="stylesheet" href="([^"]+)"', page.text)[1]
assert browser.get(style).status_code == 200
assert browser.get("/connect/checksession").status_code == 200
print(sys.modules["idp_session"].__file__)
"""


def run(*command: object, folder: Path, **environment: str) -> str:
    """What a command prints, when it succeeds."""
    outside = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    result = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=outside | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr

    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a clean environment; it takes hatchling to do so."""
    folder = tmp_path_factory.mktemp("wheel")
    result = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"),
            *("--wheel-dir", str(folder), str(ROOT)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    if result.returncode:
        unavailable("pypi", "pip cannot get what it takes to build a wheel")

    (built,) = folder.glob("*.whl")

    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment in which there is nothing but the wheel."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", wheel, folder=folder)

    return python


@pytest.mark.timeout(600)
def test_everything_is_in_the_wheel(wheel: Path) -> None:
    """What the package reads beside its modules is installed with it."""
    there = set(zipfile.ZipFile(wheel).namelist())
    needed = {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".po", ".pot"}
    }

    assert needed - there == set()
    assert {
        "idp_session/py.typed",
        "idp_session/_protocol/check_session.js",
        "idp_session/stores/sql/migrations/env.py",
        "idp_session/flask/templates/idp_session/base.html",
        "idp_session/flask/static/idp_session.css",
        "idp_session/flask/translations/de/LC_MESSAGES/idp_session.mo",
    } <= there


@pytest.mark.timeout(600)
def test_nothing_else_is_in_the_wheel(wheel: Path) -> None:
    """The sample and the tests stay in the repository."""
    first = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}

    assert first == {"idp_session", f"idp_session-{PROJECT['version']}.dist-info"}


@pytest.mark.timeout(600)
def test_the_quick_start(python: Path, tmp_path: Path) -> None:
    """Whoever installs the wheel and copies the quick start has a working logout."""
    (tmp_path / "provider.py").write_text(blocks(ROOT / "README.md")[0])
    (tmp_path / "accounts.py").write_text("def is_password(a, b): return a == b\n")
    (tmp_path / "reader.py").write_text(_QUICK_START)
    environment = {
        "FLASK_APP": "provider",
        "FLASK_SECRET_KEY": "a secret of more than thirty-two bytes",
        "FLASK_IDP_SESSION_ISSUER": "http://localhost:5000",
    }
    flask = (python, "-m", "flask", "idp-session")
    run(*flask, "db", "upgrade", folder=tmp_path, **environment)
    run(*flask, "doctor", "--offline", folder=tmp_path, **environment)
    loaded = run(python, "reader.py", folder=tmp_path, **environment)

    assert "site-packages" in loaded


@pytest.mark.timeout(600)
def test_no_extra_is_needed(python: Path, tmp_path: Path) -> None:
    """What most hosts import loads without any of the extras."""
    modules = [
        "idp_session",
        "idp_session.flask",
        "idp_session.integrations.authlib",
        "idp_session.relying_party",
        "idp_session.stores.sql",
        "idp_session.stores.memory",
        "idp_session.adapters.key_ring",
        "idp_session.adapters.http",
    ]
    unwanted = sorted(set().union(*EXTRAS.values()))
    program = (
        f"import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print([each for each in {unwanted!r} if each in sys.modules])"
    )

    assert run(python, "-c", program, folder=tmp_path).strip() == "[]"


@pytest.mark.timeout(600)
def test_every_extra_has_a_name(python: Path, tmp_path: Path) -> None:
    """What the docs tell people to install is what the wheel offers."""
    program = (
        "from importlib.metadata import metadata\n"
        "print(*metadata('idp-session').get_all('Provides-Extra'))"
    )
    offered = set(run(python, "-c", program, folder=tmp_path).split())
    texts = "".join(
        page.read_text() for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    )
    named = set(re.findall(r"idp-session\[([\w,]+)\]", texts))

    assert offered == set(PROJECT["optional-dependencies"])
    assert {each for names in named for each in names.split(",")} <= offered


def test_every_extra_is_known_here() -> None:
    """A new extra is added to those that the base install must do without."""
    assert set(PROJECT["optional-dependencies"]) == set(EXTRAS)
