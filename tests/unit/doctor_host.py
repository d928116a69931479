"""Hosts that the doctor looks at, and what it says of them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from click.testing import Result

from idp_session import Client

from .hosts import Host
from .hosts import StaticClients

__all__ = ["GOOD", "SECRET", "Directory", "Finding", "findings", "levels", "run"]

SECRET = "a secret key of more than thirty-two bytes"

#: An https provider in which nothing is wrong.
GOOD = {
    "SECRET_KEY": SECRET,
    "TESTING": False,
    "SERVER_NAME": None,
    "TRUSTED_HOSTS": ["idp.test"],
}

Finding = dict[str, str]


class Directory(StaticClients):
    """A client store that lists its clients."""

    def all_clients(self) -> Iterable[Client]:
        return self.by_id.values()


def run(host: Host, *arguments: str) -> Result:
    return host.app.test_cli_runner().invoke(
        args=["idp-session", "doctor", "--offline", *arguments]
    )


def findings(host: Host, about: str) -> list[Finding]:
    """What is said about something, as JSON."""
    found: list[Finding] = json.loads(run(host, "--json").stdout)["findings"]

    return [each for each in found if each["about"] == about]


def levels(host: Host, about: str) -> list[str]:
    return [each["level"] for each in findings(host, about)]
