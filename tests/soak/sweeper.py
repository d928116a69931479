"""An app whose ``flask idp-session sweep`` notes whom it told of, and its memory.

Its database is ``SWEEPER_DATABASE`` and what it notes goes to ``SWEEPER_NOTES``.
"""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask
from joserfc.jwk import generate_key
from joserfc.jwk import KeySet

from idp_session import EndedSession
from idp_session.adapters.signing import KeySetTokenSigner
from idp_session.flask import IdpSession
from idp_session.flask.signals import session_ended
from tests.fakes import FakeClientStore

__all__ = ["create_app"]

_EVERY = 500


class _Notes:
    """One line for each ending: the session id, and sometimes the memory in KiB."""

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("a", buffering=1, encoding="ascii")  # noqa: SIM115
        self._count = 0

    def __call__(self, _app: Flask, ended: EndedSession) -> None:
        memory = _resident() if self._count % _EVERY == 0 else 0
        self._count += 1
        self._file.write(f"{ended.session_id} {ended.reason} {memory}\n")


def _resident() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = [each for each in status.splitlines() if each.startswith("VmRSS")]

    return int(line.split()[1])


def create_app() -> Flask:
    """The app of one sweeping process."""
    app = Flask("sweeper")
    app.config.update(
        SECRET_KEY="a secret key for tests",
        IDP_SESSION_ISSUER="https://idp.test",
        IDP_SESSION_DATABASE_URL=os.environ["SWEEPER_DATABASE"],
        IDP_SESSION_DELIVERY_IN_PROCESS=False,
    )
    IdpSession().init_app(
        app,
        clients=FakeClientStore(),
        signer=KeySetTokenSigner(KeySet([generate_key("EC", "P-256")])),
    )
    app.extensions["sweeper"] = notes = _Notes(os.environ["SWEEPER_NOTES"])
    session_ended.connect(notes, app)

    return app
