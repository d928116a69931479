"""express-openid-connect under Node, as a process."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.sample.processes import Running
from tests.services import unavailable

from .sites import express_site
from .sites import SECRET

__all__ = ["PACKAGES", "Express"]

#: Two generations that are in the field, and the least version of Node for each.
PACKAGES = {
    "express-openid-connect-2": (18, 0),
    "express-openid-connect": (20, 19),
}

_HERE = Path(__file__).parent / "express"
_LONGEST_INSTALLATION = 300


class Express:
    """A server that is started again on the port that it had."""

    def __init__(self, package: str) -> None:
        self._node = _node_for(package)
        self._folder = _installed()
        self._package = package
        self._port = free_port()
        self._running: Running | None = None
        self.site = express_site(package, f"http://127.0.0.1:{self._port}")

    def start(self, issuer: str) -> None:
        """Serve the site."""
        self._running = Running(
            subprocess.Popen(
                [self._node, str(self._folder / "server.js")],
                env=os.environ
                | {
                    "INTEROP_PACKAGE": self._package,
                    "INTEROP_ISSUER": issuer,
                    "INTEROP_URL": self.site.url,
                    "INTEROP_PORT": str(self._port),
                    "INTEROP_CLIENT": self.site.client_id,
                    "INTEROP_SECRET": SECRET,
                },
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        self._running.wait_until_ready()

    def kill(self) -> None:
        """End it as kill -9 does."""
        assert self._running is not None
        self._running.close()
        self._running = None

    def stop(self) -> None:
        """Leave nothing behind."""
        if self._running is not None:
            self.kill()


def _node_for(package: str) -> str:
    node = _program("node")

    told = subprocess.run([node, "--version"], capture_output=True, text=True)
    version = tuple(map(int, re.findall(r"\d+", told.stdout)[:2]))

    if version < PACKAGES[package]:
        pytest.skip(f"{package} does not run with node {told.stdout.strip()}")

    return node


def _program(name: str) -> str:
    program = shutil.which(name)

    if program is None:
        unavailable("node", f"{name} is not installed")

    return program


@cache
def _installed() -> Path:
    """The packages of package.json, kept outside of the tree for the next run."""
    wanted = (_HERE / "package.json").read_bytes()
    digest = hashlib.sha256(wanted).hexdigest()[:16]
    kept = _cache_folder() / f"express-{digest}"

    if not (kept / "node_modules").exists():
        _install(kept)

    # Next to the packages, since that is where node looks for them.
    shutil.copy(_HERE / "server.js", kept)

    return kept


def _install(kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=kept.parent))
    shutil.copy(_HERE / "package.json", fresh)
    done = subprocess.run(
        [
            *(_program("npm"), "install", "--no-audit", "--no-fund"),
            *("--no-package-lock", "--fetch-retries=5"),
        ],
        cwd=fresh,
        capture_output=True,
        text=True,
        timeout=_LONGEST_INSTALLATION,
    )

    if done.returncode != 0:
        shutil.rmtree(fresh)
        unavailable("node", f"npm cannot install the packages: {done.stderr[-500:]}")

    try:
        fresh.rename(kept)
    except OSError:
        # Another run was faster.
        shutil.rmtree(fresh)


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"

    return Path(base) / "idp_session-interop"
