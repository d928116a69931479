"""What type checkers say of a host's code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services import unavailable

# What a checker has read of the package, it reads once.
pytestmark = pytest.mark.xdist_group("type checkers")

_ROOT = Path(__file__).parents[2]

_HOST = """
from flask import Flask

from idp_session import Client
from idp_session import LogoutReason
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.flask import IdpSession
from idp_session.flask import protocol_blueprint
from idp_session.flask import user_session

idp_session = IdpSession()
clients = {"shop": Client(client_id="shop")}


def create_app(signer: KeySetTokenSigner) -> Flask:
    app = Flask(__name__)
    idp_session.init_app(app, clients=clients, signer=signer)
    app.register_blueprint(protocol_blueprint())

    return app


def name() -> str | None:
    user = user_session.user

    return None if user is None else user.display_name


def log_out_everywhere(subject_id: str) -> int:
    return idp_session.end_all(subject_id=subject_id, reason=LogoutReason.ADMIN)
"""

_SLIPS = """

Principal(subject_id=1)
Principal(subject_id="al", nickname="al")
idp_session.sign_in("al")
"""

Checker = Callable[[Path], "subprocess.CompletedProcess[str]"]


def mypy(folder: Path) -> subprocess.CompletedProcess[str]:
    """Mypy in its strict mode."""
    return _run(
        *("mypy", "--strict", "--config-file=", "--cache-dir", "../cache", "host.py"),
        folder=folder,
    )


def pyright(folder: Path) -> subprocess.CompletedProcess[str]:
    """Pyright in its strict mode; fetches itself from npm when it is new."""
    if _run("pyright", "--version", folder=folder).returncode:
        unavailable("node", "pyright does not run")

    settings = {"typeCheckingMode": "strict", "extraPaths": [str(_ROOT)]}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))

    return _run("pyright", "--pythonpath", sys.executable, "host.py", folder=folder)


def _run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=os.environ | {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.timeout(400)
@pytest.mark.parametrize("check", [mypy, pyright])
def test_a_host_that_is_right(check: Checker, tmp_path: Path) -> None:
    """A host that is checked strictly needs no ignore and no cast."""
    (tmp_path / "host.py").write_text(_HOST)

    result = check(tmp_path)

    assert result.returncode == 0, result.stdout


@pytest.mark.timeout(400)
@pytest.mark.parametrize("check", [mypy, pyright])
def test_a_host_that_is_wrong(check: Checker, tmp_path: Path) -> None:
    """A slip in the use of the package is found before the app runs."""
    importing = _HOST.replace("import LogoutReason", "import LogoutReason, Principal")
    (tmp_path / "host.py").write_text(importing + _SLIPS)

    result = check(tmp_path)

    assert result.returncode == 1
    assert "3 errors" in result.stdout
