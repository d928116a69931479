"""The provider that is tested: a process of its own, or somebody else's."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import requests
from joserfc.jwk import KeySet

from tests.ports import free_port
from tests.sample.processes import Running
from tests.sample.processes import start

__all__ = ["Provider", "start_provider"]


class Provider:
    """What a client knows of a provider: its issuer, and what it publishes."""

    def __init__(
        self, issuer: str, *, ca_file: str | None = None, running: Running | None = None
    ) -> None:
        self.issuer = issuer
        self.running = running
        #: What ``requests`` takes: a CA, or the system's.
        self.verify: str | bool = ca_file or True

    @cached_property
    def discovery(self) -> requests.Response:
        return self._ask("GET", f"{self.issuer}/.well-known/openid-configuration")

    @cached_property
    def metadata(self) -> dict[str, Any]:
        metadata: dict[str, Any] = self.discovery.json()

        return metadata

    @cached_property
    def keys(self) -> KeySet:
        """The published keys, as fetched once, before anybody has signed in."""
        return KeySet.import_key_set(self._ask("GET", self.metadata["jwks_uri"]).json())

    def register(self, metadata: dict[str, Any]) -> requests.Response:
        return self._ask("POST", self.metadata["registration_endpoint"], json=metadata)

    def token(self, client: tuple[str, str], **form: str) -> requests.Response:
        """A request of a client with its secret at the token endpoint."""
        return self._ask(
            "POST", self.metadata["token_endpoint"], data=form, auth=client
        )

    def userinfo(self, access_token: str) -> requests.Response:
        return self._ask(
            "GET",
            self.metadata["userinfo_endpoint"],
            headers={"Authorization": f"Bearer {access_token}"},
        )

    def stop(self) -> None:
        if self.running is not None:
            self.running.close()

    def _ask(self, method: str, url: str, **arguments: Any) -> requests.Response:
        return requests.request(
            method, url, verify=self.verify, timeout=30, **arguments
        )


def start_provider(
    folder: Path, *arguments: str, tls: tuple[str, str, str] | None = None
) -> Provider:
    """The sample, with open registration.

    :param folder: An empty folder for its keys and its database.
    :param arguments: More of its command line.
    :param tls: Files with its certificate, its key and the authority.
    """
    port = str(free_port())
    certificate, key, authority = tls or ("", "", None)
    https = ("--tls-cert", certificate, "--tls-key", key) if tls else ()
    trust = ("--ca-file", authority) if authority else ()
    running = start(
        "sample_idp",
        *("idp", "--port", port, "--open-registration", *https, *trust, *arguments),
        cwd=folder,
    )
    issuer = running.wait_until_ready().removeprefix("ready: ").strip()

    return Provider(issuer, ca_file=authority, running=running)
