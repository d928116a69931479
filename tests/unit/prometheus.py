"""Debian's Prometheus, as a private process that looks at one page of metrics."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import yaml  # type: ignore[import-untyped]

from ..ports import free_port
from ..sample.processes import Running
from ..sample.processes import wait_until
from ..services import unavailable

__all__ = ["Prometheus", "program", "prometheus_of", "promtool"]

_SECONDS = 60


class Prometheus:
    """What it answers.

    :param address: Where it listens.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._session = requests.Session()
        self._session.trust_env = False

    def ask(self, query: str) -> list[float]:
        """The numbers of a query's answer; none of them is NaN."""
        found = self._get("query", query=query)["result"]
        values = [float(each["value"][1]) for each in found]

        return [value for value in values if not math.isnan(value)]

    @property
    def rules(self) -> list[dict[str, Any]]:
        """What it says of each of its rules."""
        groups = self._get("rules")["groups"]

        return [rule for group in groups for rule in group["rules"]]

    def is_ready(self) -> bool:
        """Whether it takes queries by now."""
        try:
            response = self._session.get(f"{self._address}/-/ready", timeout=_SECONDS)
        except requests.ConnectionError:
            return False

        return response.status_code == 200

    def _get(self, what: str, **parameters: str) -> Any:
        answer = self._session.get(
            f"{self._address}/api/v1/{what}", params=parameters, timeout=_SECONDS
        ).json()
        assert answer["status"] == "success", answer

        return answer["data"]


@contextmanager
def prometheus_of(target: str, folder: Path, *, rules: str) -> Iterator[Prometheus]:
    """A Prometheus that looks twice a second, until the end of the block.

    :param target: Host and port of who is looked at, at ``/metrics``.
    :param folder: One that is empty, for all that it writes.
    :param rules: What its file of rules has.
    """
    started = program("prometheus")
    port = free_port()
    (folder / "rules.yml").write_text(rules)
    (folder / "prometheus.yml").write_text(_configuration(target))
    running = Running(
        subprocess.Popen(
            [
                started,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
            ],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    )
    prometheus = Prometheus(f"http://127.0.0.1:{port}")

    try:
        wait_until(
            lambda: prometheus.is_ready() or running.process.poll() is not None,
            _SECONDS,
        )
        assert running.process.poll() is None, running.text
        yield prometheus
    finally:
        running.close()


def promtool(*arguments: str, cwd: Path) -> str:
    """What ``promtool`` says; it has to be content."""
    result = subprocess.run(
        [program("promtool"), *arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    said = result.stdout + result.stderr
    assert result.returncode == 0, re.sub(r"\x1b\[\d*m", "", said)

    return said


def program(name: str) -> str:
    """Where one of Prometheus's programs is."""
    found = shutil.which(name)

    if found is None:
        unavailable("prometheus", f"{name} is not installed")

    return found


def _configuration(target: str) -> str:
    often = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}

    return str(
        yaml.safe_dump(
            {
                "global": often | {"scrape_timeout": "500ms"},
                "rule_files": ["rules.yml"],
                "scrape_configs": [
                    {"job_name": "idp", "static_configs": [{"targets": [target]}]}
                ],
            }
        )
    )
