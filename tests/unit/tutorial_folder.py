"""The folder of somebody who follows the tutorial, and what they start in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import requests

from tests.ports import free_port
from tests.sample.processes import Running
from tests.sample.processes import wait_until

__all__ = ["STEPS", "Folder", "Reader", "at", "changed_files", "fields", "typed"]

TUTORIAL = Path(__file__).parents[2] / "docs" / "examples" / "tutorial"
#: The steps that change a file; the others only look.
STEPS = sorted(int(path.name.removeprefix("step")) for path in TUTORIAL.iterdir())
_PROVIDER, _SHOP = "5000", "5001"
_STARTS = re.findall(
    r"^\$ (flask .+ run .+)$",
    (TUTORIAL.parents[1] / "tutorial" / "01-the-provider.md").read_text(),
    re.MULTILINE,
)
_PASSWORD = "wonderland"
_SECONDS = 60


def changed_files(step: int) -> dict[str, Path]:
    """The files that a step makes or changes, by their names in the folder."""
    source = TUTORIAL / f"step{step}"

    return {
        str(path.relative_to(source)): path
        for path in sorted(source.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def typed(page: Path) -> list[str]:
    """What the reader types in a step, line by line."""
    blocks = re.findall(r"^```console\n(.*?)^```$", page.read_text(), re.M | re.S)

    return [line for block in blocks for line in re.findall(r"^\$ (.+)$", block, re.M)]


def at(step: int) -> dict[str, str]:
    """The whole folder after a step: names, and what is in the files."""
    folder: dict[str, str] = {}

    for number in STEPS:
        if number <= step:
            folder |= {
                name: path.read_text() for name, path in changed_files(number).items()
            }

    return folder


def fields(page: str) -> dict[str, str]:
    """The hidden fields of a page's form."""
    tags = re.findall(r"<input[^>]*type=\"hidden\"[^>]*>", page)

    return {
        re.findall(r'name="([^"]*)"', tag)[0]: re.findall(r'value="([^"]*)"', tag)[0]
        for tag in tags
    }


class Folder:
    """The reader's folder, on ports that nobody else uses.

    :param path: Where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ports = {_PROVIDER: str(free_port()), _SHOP: str(free_port())}
        self.issuer = f"http://localhost:{self._ports[_PROVIDER]}"
        self.shop = f"http://127.0.0.1:{self._ports[_SHOP]}"

    def follow(self, step: int) -> None:
        """Put in the folder what it holds after a step."""
        shutil.rmtree(self.path / "templates", ignore_errors=True)

        for name, text in at(step).items():
            file = self.path / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(self._with_ports(text))

    def flask(self, *arguments: str, status: int = 0) -> str:
        """What ``flask …`` of the provider prints."""
        result = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "provider", *arguments],
            cwd=self.path,
            env=os.environ | {"PYTHONPATH": str(TUTORIAL.parents[2])},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert result.returncode == status, result.stdout + result.stderr

        return result.stdout

    def type(self, line: str) -> str:
        """What a line of the tutorial prints, in a shell of its own."""
        result = subprocess.run(
            ["/bin/sh", "-c", line],
            cwd=self.path,
            env=self._typing | {"PIP_DRY_RUN": "1", "PIP_NO_INDEX": "1"},
            input="y\n",
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert result.returncode == 0, f"{line}\n{result.stdout}{result.stderr}"

        return result.stdout

    def sessions(self) -> list[dict[str, Any]]:
        """What ``flask idp-session sessions list`` knows."""
        listed = json.loads(self.flask("idp-session", "sessions", "list", "--json"))
        sessions: list[dict[str, Any]] = listed["sessions"]

        return sessions

    @contextmanager
    def running(self) -> Iterator[None]:
        """Both programs, started as the first step says, until the block is left."""
        started = []

        try:
            for line in _STARTS:
                started.append(self._started(line))

            for process, address in zip(started, (self.issuer, self.shop), strict=True):
                wait_until(partial(_answers, process, address), _SECONDS)

            yield
        finally:
            for process in started:
                process.close()

    @property
    def _typing(self) -> dict[str, str]:
        """The environment of a terminal in which the package is there."""
        programs = [str(Path(sys.executable).parent), os.environ["PATH"]]

        return os.environ | {
            "PATH": os.pathsep.join(programs),
            "PYTHONPATH": str(TUTORIAL.parents[2]),
        }

    def _started(self, line: str) -> Running:
        words = [self._ports.get(word, word) for word in line.split()]

        return Running(
            subprocess.Popen(
                words,
                cwd=self.path,
                env=self._typing,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )

    def _with_ports(self, text: str) -> str:
        for written, free in self._ports.items():
            text = re.sub(rf"(localhost|127\.0\.0\.1):{written}\b", rf"\1:{free}", text)

        return text


def _answers(process: Running, address: str) -> bool:
    assert process.process.poll() is None, process.text

    try:
        requests.head(address, timeout=_SECONDS)
    except requests.ConnectionError:
        return False

    return True


class Reader:
    """The reader's browser, as far as it is an HTTP client.

    :param folder: Where the two programs run.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._http = requests.Session()
        self._http.trust_env = False

    def get(self, address: str) -> requests.Response:
        """Open a page, wherever it leads."""
        return self._http.get(address, timeout=_SECONDS)

    def post(self, address: str, **form: str) -> requests.Response:
        """Send a form of that page's own site."""
        origin = "/".join(address.split("/")[:3])

        return self._http.post(
            address, data=form, headers={"Origin": origin}, timeout=_SECONDS
        )

    def sign_in(self, password: str = _PASSWORD) -> requests.Response:
        """Sign in to the shop as alice, who is asked by the provider."""
        page = self.get(f"{self._folder.shop}/login")

        if "password" not in page.text:
            return page

        return self.post(
            f"{self._folder.issuer}/login", name="alice", password=password
        )

    def sign_out_at_the_provider(self) -> requests.Response:
        """Follow the provider's own link, and say yes."""
        address = f"{self._folder.issuer}/connect/endsession"
        question = self.get(address).text

        return self.post(address, **fields(question), answer="yes")

    @property
    def at_the_shop(self) -> str:
        """What the shop says."""
        return self.get(self._folder.shop).text

    @property
    def at_the_provider(self) -> str:
        """What the provider's own page says."""
        return self.get(self._folder.issuer).text
