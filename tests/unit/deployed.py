"""A provider in a folder of its own, and what is started there as the docs say it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from datetime import timedelta
from datetime import UTC
from pathlib import Path

import sqlalchemy as sa

from idp_session import DeliveryState
from idp_session import LogoutReason
from idp_session import SessionFilter
from idp_session.stores.sql import create_engine
from idp_session.stores.sql import SqlDeliveryQueue
from idp_session.stores.sql import SqlSessionStore
from idp_session.stores.sql import upgrade
from idp_session.testing import make_participant
from idp_session.testing import make_session

from ..sample.processes import Running
from .celery_host import Receiver
from .celery_host import receiving
from .docs_examples import blocks

__all__ = [
    "ROOT",
    "Deployed",
    "bare_environment",
    "deployed",
    "quick_start",
    "run",
    "started",
]

ROOT = Path(__file__).parents[2]

#: What a file of the environment of a provider in production has.
SETTINGS = {
    "FLASK_APP": "provider",
    "FLASK_SECRET_KEY": "a secret of more than sixteen bytes",
    "FLASK_IDP_SESSION_ISSUER": "http://localhost:5000",
    "FLASK_IDP_SESSION_DELIVERY_IN_PROCESS": "false",
    "FLASK_IDP_SESSION_DELIVERY_POLL_INTERVAL": "1",
    # The clients of the tests are on this machine, and have no certificate.
    "FLASK_IDP_SESSION_DELIVERY_ALLOW_HTTP": "true",
    "FLASK_IDP_SESSION_DELIVERY_ALLOWED_NETWORKS": "127.0.0.0/8",
}

_SHOP = "https://shop.example/back-channel-logout"
_SECONDS = 60


def bare_environment(home: Path) -> dict[str, str]:
    """What a process has of whoever starts it with nothing of a person's own."""
    programs = [str(Path(sys.executable).parent), os.defpath]

    return {
        "PATH": os.pathsep.join(programs),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        # As if the package were installed.
        "PYTHONPATH": str(ROOT),
    }


def quick_start(shop: str) -> str:
    """The provider of the README, whose client is told at another address."""
    provider, _ = blocks(ROOT / "README.md")
    assert provider.count(_SHOP) == 1

    return provider.replace(_SHOP, shop)


def run(line: str, *, cwd: Path, environment: dict[str, str]) -> str:
    """What a line prints that somebody types; it has to succeed."""
    result = subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr

    return result.stdout


def started(*command: str, cwd: Path, environment: dict[str, str]) -> Running:
    """A process that runs until it is closed, with nothing to read."""
    return Running(
        subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    )


class Deployed:
    """The provider of the README in a folder, with a client that answers.

    :param folder: Where it is.
    :param receiver: The client.
    """

    def __init__(self, folder: Path, receiver: Receiver, engine: sa.Engine) -> None:
        self.folder = folder
        self.receiver = receiver
        self.environment = bare_environment(folder) | SETTINGS
        self._engine = engine
        self._file = folder / "provider.py"
        self._running: list[Running] = []

    def edit(self, written: str, instead: str) -> None:
        """Change one place of ``provider.py``."""
        text = self._file.read_text()
        assert text.count(written) == 1
        self._file.write_text(text.replace(written, instead))

    def put_before(self, text: str) -> None:
        """Begin ``provider.py`` with more than it has."""
        self._file.write_text(text + self._file.read_text())

    def as_file(self) -> str:
        """The settings, one in a line."""
        return "".join(f"{name}={value}\n" for name, value in SETTINGS.items())

    def only_session(self) -> str:
        """The id of the one session that there is."""
        store = SqlSessionStore(self._engine)
        [session] = store.query(SessionFilter(), limit=2, after=None)

        return session.session_id

    def owe(self) -> str:
        """End a session of the shop without a word to anybody; returns its id."""
        session_id = self.sign_in()
        SqlSessionStore(self._engine).end(
            session_id, reason=LogoutReason.USER, ended_at=datetime.now(UTC)
        )

        return session_id

    def sign_in(self) -> str:
        """A session in which the shop takes part."""
        store = SqlSessionStore(self._engine)
        now = datetime.now(UTC)
        session = make_session(
            created_at=now,
            authenticated_at=now,
            renewed_at=now,
            expires_at=now + timedelta(hours=2),
            absolute_expires_at=now + timedelta(hours=12),
        )
        store.create(session)
        self.join(session.session_id)

        return session.session_id

    def join(self, session_id: str) -> None:
        """Have the shop take part in a session."""
        participant = make_participant(session_id, client_id="shop")
        SqlSessionStore(self._engine).add_participant(participant)

    def is_delivered(self, session_id: str) -> bool:
        """Whether the shop has heard of the end of the session, and that is known."""
        owed = SqlDeliveryQueue(self._engine).of_session(session_id)

        return [each.state for each in owed] == [DeliveryState.DELIVERED]

    def run(self, line: str) -> str:
        """What a line prints that is typed in the folder."""
        return run(line, cwd=self.folder, environment=self.environment)

    def start(
        self,
        *command: str,
        cwd: Path | None = None,
        environment: dict[str, str] | None = None,
    ) -> Running:
        """A process that runs until the test is over, without a shell in between."""
        running = started(
            *command,
            cwd=cwd or self.folder,
            environment=environment or self.environment,
        )
        self._running.append(running)

        return running

    def close(self) -> None:
        """End whatever still runs."""
        for each in self._running:
            each.close()


@contextmanager
def deployed(folder: Path) -> Iterator[Deployed]:
    """A provider with tables and a client, for a while."""
    (folder / "instance").mkdir(parents=True)
    engine = create_engine(f"sqlite:///{folder / 'instance' / 'idp_session.sqlite'}")
    upgrade(engine)

    with receiving() as receiver:
        (folder / "provider.py").write_text(quick_start(f"{receiver.uri}/shop"))
        (folder / "accounts.py").write_text("def is_password(a, b): return a == b\n")
        provider = Deployed(folder, receiver, engine)

        try:
            yield provider
        finally:
            provider.close()
            engine.dispose()
