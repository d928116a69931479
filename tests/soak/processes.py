"""A provider and its workers, as processes of their own."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa
from joserfc.jwk import generate_key
from joserfc.jwk import KeySet

from tests.ports import free_port
from tests.sample.processes import Running
from tests.sample.processes import start
from tests.sample.processes import wait_until

__all__ = [
    "Browser",
    "Processes",
    "is_ready",
    "provider_config",
    "resident_mib",
    "wait_until_ready",
]


@dataclass(kw_only=True)
class Processes:
    """Processes that share a database, its keys and its settings.

    :param url: The database, with its tables.
    :param directory: For the file that they read.
    :param uris: The back-channel logout URI of each client.
    :param settings: ``IDP_SESSION_*`` settings, without the prefix.
    """

    url: sa.URL
    directory: Path
    uris: dict[str, str]
    settings: dict[str, Any]
    running: list[Running] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self._file = self.directory / "provider.json"
        keys = KeySet([generate_key("EC", "P-256", {"kid": "soak"})])
        self._file.write_text(
            json.dumps(
                {
                    "config": provider_config(self.url, self.issuer, **self.settings),
                    "clients": self.uris,
                    "keys": keys.as_dict(private=True),
                }
            )
        )

    def provider(self) -> Running:
        """Start what serves requests."""
        return self._start("run", "--port", str(self.port), "--with-threads")

    def worker(self) -> Running:
        """Start a process that only delivers."""
        return self._start("idp-session", "deliver")

    def close(self) -> None:
        """Leave none behind."""
        for each in self.running:
            each.close()

    def _start(self, *arguments: str) -> Running:
        running = start(
            "flask",
            "--app",
            "tests.soak.provider",
            *arguments,
            cwd=self.directory,
            environment={"SOAK_PROVIDER": str(self._file)},
        )
        self.running.append(running)

        return running


def provider_config(url: sa.URL, issuer: str, **given: object) -> dict[str, Any]:
    """The config of a provider that may reach every loopback address.

    :param url: The database.
    :param issuer: The issuer.
    :param given: ``IDP_SESSION_*`` settings, without the prefix.
    """
    settings = {
        "issuer": issuer,
        "database_url": url.render_as_string(hide_password=False),
        "delivery_allow_http": True,
        "delivery_allowed_networks": ["127.0.0.0/8"],
        "check_session_cookie_same_site": "Lax",
        "check_session_cookie_secure": False,
        **given,
    }

    return {
        "SECRET_KEY": "a secret key that all these processes share",
        **{f"IDP_SESSION_{name.upper()}": each for name, each in settings.items()},
    }


def is_ready(running: Running) -> bool:
    """Whether a process has got so far as to do its work."""
    return "Running on" in running.text or "delivering;" in running.text


def wait_until_ready(*running: Running) -> None:
    """Return when all of these are."""
    wait_until(lambda: all(map(is_ready, running)), 120)


class Browser:
    """Begins and ends one session.

    :param issuer: Where the provider is.
    """

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._http = requests.Session()
        self._http.trust_env = False
        #: When the session was asked to end; from a monotonic clock.
        self.asked_at = 0.0

    def begin(self) -> str:
        """Sign in, with every client; returns the session id."""
        response = self._http.post(f"{self._issuer}/begin", timeout=60)
        response.raise_for_status()

        return str(response.json()["session_id"])

    def end(self) -> None:
        """Sign out, without waiting for the clients."""
        self._http.post(f"{self._issuer}/end", timeout=60).raise_for_status()

    def sign_out(self) -> requests.Response:
        """Sign out as a person does, and wait for the clients as long as that does."""
        address = f"{self._issuer}/connect/endsession"
        asked = self._http.get(address, timeout=60).text
        confirmation = asked.split('name="confirmation" value="')[1].split('"')[0]
        self.asked_at = time.monotonic()

        return self._http.post(
            address,
            data={"confirmation": confirmation, "answer": "yes"},
            allow_redirects=False,
            timeout=60,
        )


def resident_mib(running: Running) -> float:
    """How much memory a process has, in MiB."""
    status = Path(f"/proc/{running.process.pid}/status").read_text(encoding="ascii")
    (line,) = [each for each in status.splitlines() if each.startswith("VmRSS")]

    return int(line.split()[1]) / 1024
