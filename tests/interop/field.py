"""A provider and the relying parties around it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from tests.conformance.provider import Provider
from tests.conformance.provider import start_provider
from tests.sample.processes import python

from .sites import Site

__all__ = ["Field", "Tls"]

#: Files with a certificate, its key, and the authority.
Tls = tuple[str, str, str]

_ROOT = Path(__file__).parents[2]
# No site hangs here, so that this says what a frame may take on a busy machine.
_WAITS = ("IDP_SESSION_FRONT_CHANNEL_WAIT=30",)


class Field:
    """A provider that knows some sites.

    :param folder: An empty folder for the provider.
    :param sites: Who is registered.
    :param settings: ``NAME=VALUE`` for ``--set``.
    :param tls: Whether it speaks https.
    """

    def __init__(
        self,
        folder: Path,
        *sites: Site,
        settings: tuple[str, ...] = (),
        tls: Tls | None = None,
    ) -> None:
        self._folder = folder
        clients = folder / "clients.json"
        clients.write_text(json.dumps([site.metadata for site in sites]))
        options = [part for text in (*_WAITS, *settings) for part in ("--set", text)]
        self._arguments = ["--clients", str(clients), *options]
        self.provider: Provider = start_provider(folder, *self._arguments, tls=tls)

    @property
    def issuer(self) -> str:
        return self.provider.issuer

    def end_sessions_of(self, subject: str) -> None:
        """What an administrator does on a shell."""
        arguments = ["idp", "--issuer", self.issuer, *self._arguments]
        command = "--app tests.interop.console idp-session sessions end --yes --subject"
        subprocess.run(
            python("flask", *command.split(), subject),
            cwd=self._folder,
            env=os.environ
            | {
                "PYTHONPATH": str(_ROOT),
                "INTEROP_PROVIDER": json.dumps(arguments),
            },
            check=True,
            capture_output=True,
            timeout=120,
        )

    def stop(self) -> None:
        self.provider.stop()
